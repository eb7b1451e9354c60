import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runKyn } from '../testing/run-kyn.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-phantom-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('kyn phantom', () => {
  it.each([
    [
      'a name that promises another format',
      'p.tif',
      [],
      /p\.tif: a phantom is an HDF5 file; end its name with \.h5/,
    ],
    [
      'voxels of no microscope',
      'p.h5',
      ['--voxel-size', '8,8,99999'],
      /voxels measure 0\.1 to 1000 nm, not 8,8,99999/,
    ],
  ])('refuses %s as wrong use', async (_, name, more, says) => {
    const out = join(scratch, name);
    const { code, stderr } = await runKyn(['phantom', '--out', out, '--shape', '2,40,40', ...more]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^[^\n]*\n$/);
    expect(stderr).toMatch(says);
    expect(existsSync(out)).toBe(false);
  });
});
