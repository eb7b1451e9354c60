/** The test volume that `scripts/make-io-fixtures.py` writes, and reading helpers shared by the tests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NdArray, ndarray, type Vec3 } from '@kyn/core';
import { afterEach } from 'vitest';

export const shape: Vec3 = [5, 12, 18];
export const voxelSizeNm: Vec3 = [40, 8, 4];

const packageFolder = join(fileURLToPath(import.meta.url), '..', '..', '..');

/** Folder with real data, which may be absent. */
export const dataFolder = process.env.KYN_DATA ?? join(packageFolder, '..', '..', '..', 'shared', 'data');

/** Path of a fixture. */
export function fixture(...names: string[]): string {
  return join(packageFolder, 'fixtures', ...names);
}

/** Raw section `z`, times `factor`, as a dtype. */
export function rawSection<D extends Uint8Array | Uint16Array | Float32Array>(
  z: number,
  Type: new (length: number) => D,
  factor = 1,
): NdArray<D> {
  return section(Type, (y, x) => ((z * 37 + y * 11 + x * 7) % 251) * factor);
}

/** Label section `z`. */
export function labelSection(z: number): NdArray<Uint32Array> {
  return section(
    Uint32Array,
    (y, x) => 1 + Math.floor(x / 6) + 3 * Math.floor(y / 6) + 6 * Math.floor(z / 2),
  );
}

function section<D extends Uint8Array | Uint16Array | Uint32Array | Float32Array>(
  Type: new (length: number) => D,
  value: (y: number, x: number) => number,
): NdArray<D> {
  const [, height, width] = shape;
  const data = new Type(height * width);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * width + x] = value(y, x);
  return ndarray(data, [height, width]);
}

/** A new temporary folder, removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kyn-io-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
