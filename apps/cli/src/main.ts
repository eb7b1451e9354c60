/** The process around the command line: streams, signals, exit code. */
import { setFlagsFromString } from 'node:v8';
import { EXIT, runCli } from './cli.ts';
import { commands } from './registry.ts';
import { version } from './version.ts';

/** How long a clean stop may take before the process ends anyway. */
const STOP_GRACE_MS = 10_000;

// Sections are large arrays beside a heap of 8 MB, and V8 counts both: it would look through all objects for garbage once a
// section. So once every four sections, for 3 % of the CPU time and 40 MB.
setFlagsFromString('--heap-growing-percent=1000');

const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
    setTimeout(() => process.exit(EXIT.interrupted), STOP_GRACE_MS).unref();
  });
}
// `kyn ... | head` closes our stdout early: that is no failure worth a message.
process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code === 'EPIPE') process.exit(EXIT.done);
  process.stderr.write(`kyn: the result cannot be written to stdout (${code ?? message})\n`);
  process.exit(EXIT.failed);
});
// nobody reads the progress any more: the work goes on
process.stderr.on('error', () => {});

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: controller.signal,
  version,
  commands,
});
// Ends the process even where a native handle or worker was left open; otherwise never fires.
setTimeout(() => process.exit(), 1000).unref();
