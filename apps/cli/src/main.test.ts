/** The built command line as a process: signals, exit codes, pipes. `npm test` builds it first. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const bundle = join(dirname(fileURLToPath(import.meta.url)), '../../../dist/kyn.js');
const built = existsSync(bundle);
const scratch = mkdtempSync(join(tmpdir(), 'kyn-main-'));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it; `onStderr` sees what it writes and may act. */
function run(args: string[], onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void) {
  return new Promise<Ended>((resolve) => {
    const child = spawn(process.execPath, [bundle, ...args], { cwd: scratch });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      onStderr?.(stderr, (signal) => child.kill(signal));
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe.skipIf(!built)('the built kyn', () => {
  it('prints its version, and ends with 2 on wrong use', async () => {
    const { code, stdout } = await run(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await run(['evaluate', 'a', 'b', '--nope'])).toMatchObject({ code: 2, stdout: '' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'on %s stops cleanly with 130 and leaves nothing',
    async (signal) => {
      let killed = false;
      const args = ['phantom', '--out', `${signal}.h5`, '--shape', '4000,96,96', '--seed', '1'];
      const { code, stdout, stderr } = await run(args, (text, kill) => {
        if (!killed && text.includes('phantom:')) kill(signal);
        killed ||= text.includes('phantom:');
      });
      expect(killed).toBe(true);
      expect(code).toBe(130);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/kyn: stopped\n$/);
      expect(readdirSync(scratch).filter((name) => name.startsWith(signal))).toEqual([]);
    },
  );
});
