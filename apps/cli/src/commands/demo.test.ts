import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runKyn } from '../testing/run-kyn.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-demo-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function demo(...words: string[]) {
  const { code, stderr } = await runKyn(['demo', '--quiet', ...words]);
  return { code, stderr };
}

describe('kyn demo', () => {
  it('may be run again in its own folder', async () => {
    const out = join(scratch, 'own');
    for (let run = 0; run < 2; run++) {
      expect(await demo('--out', out, '--shape', '3,64,64')).toEqual({ code: 0, stderr: '' });
    }
    expect(readdirSync(out).sort()).toEqual(['kyn-demo.txt', 'phantom.h5', 'result']);
  });

  it('leaves what is not its own alone, also where it has the same name', async () => {
    const out = join(scratch, 'other');
    mkdirSync(out);
    const file = join(out, 'phantom.h5');
    writeFileSync(file, 'mine');
    for (const place of [out, file]) {
      const { code, stderr } = await demo('--out', place, '--shape', '3,64,64');
      expect(code).toBe(1);
      expect(stderr).toMatch(/^kyn: [^\n]*(not the demo’s|file of this name)[^\n]*--out\n$/);
    }
    expect(readdirSync(out)).toEqual(['phantom.h5']);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });
});
