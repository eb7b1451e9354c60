import { runCli } from '../cli.ts';
import { commands } from '../registry.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function runKyn(words: readonly string[], signal = new AbortController().signal): Promise<Ran> {
  const out = { stdout: '', stderr: '' };
  const code = await runCli(words, {
    stdout: { write: (part) => (out.stdout += part) },
    stderr: { write: (part) => (out.stderr += part) },
    env: {},
    signal,
    version: '0.0.0',
    commands,
  });
  return { code, ...out };
}
