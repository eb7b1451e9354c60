/**
 * Runs a command of this command line as a process of its own, so that its time and memory are its own. Its progress
 * and notes are shown as ours.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { KynError, type KynErrorCode } from '@kyn/core';
import { EXIT } from './cli.ts';
import type { CommandContext } from './command.ts';

export interface ChildResult<T> {
  /** Its JSON document. */
  readonly json: T;
  /** Wall clock of the process, from its start to its end. */
  readonly seconds: number;
}

/** The built command line: beside this file, or in `dist/` of the clone where the sources run unbuilt. */
function builtScript(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const found = [join(folder, 'kyn.js'), join(folder, 'dist', 'kyn.js')].find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (folder === dirname(folder)) {
      throw new KynError('not-found', 'the command line is not built', { hint: 'run npm run build' });
    }
  }
}

/**
 * @param name what progress and notes are said to be about.
 * @param words the command with its operands and options, without `--json`.
 * @throws KynError with the child's own message where it fails; `cancelled` where it was stopped.
 */
export async function runChild<T>(
  name: string,
  words: readonly string[],
  { signal, stage }: CommandContext,
): Promise<ChildResult<T>> {
  const script = builtScript();
  const began = performance.now();
  const child = spawn(process.execPath, [script, ...words, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const parts: Buffer[] = [];
  let failure = '';
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  createInterface({ input: child.stderr }).on('line', (line) => {
    const [, done, total, unit] = /^\w+: (\d+)\/(\d+) ([^,]+)/.exec(line) ?? [];
    if (line.startsWith('kyn: ')) failure = line.slice('kyn: '.length);
    else if (line.startsWith('note: ')) stage.onNote(`${name}: ${line.slice('note: '.length)}`);
    else if (unit) stage.onProgress({ stage: name, done: Number(done), total: Number(total), unit });
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const seconds = (performance.now() - began) / 1000;
    if (signal.aborted || code === EXIT.interrupted) throw new KynError('cancelled', 'stopped by the user');
    if (code !== EXIT.done) {
      const kind: KynErrorCode = code === EXIT.wrongUse ? 'usage' : 'content';
      const ended = `the process ended ${code === null ? `on ${child.signalCode}` : `with ${code}`}`;
      throw new KynError(kind, failure || ended, { where: name });
    }
    stage.onProgress({ stage: name, done: 1, total: 1, unit: '' });
    return { json: JSON.parse(Buffer.concat(parts).toString('utf8')) as T, seconds };
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
