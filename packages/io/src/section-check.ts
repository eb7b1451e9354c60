/** What every sink checks of a section before it takes it. */
import { KynError, type NdArray, type Vec3 } from '@kyn/core';

/** @throws KynError `shape` where the section or its number does not fit the volume. */
export function checkSection(z: number, section: NdArray, shape: Vec3, where: string): void {
  const [depth, height, width] = shape;
  if (!Number.isInteger(z) || z < 0 || z >= depth) {
    throw new KynError('shape', `no section ${z} in a volume of ${depth}`, { where });
  }
  if (section.shape.length !== 2 || section.shape[0] !== height || section.shape[1] !== width) {
    throw new KynError('shape', `section ${z} is ${section.shape.join('×')}, the volume ${height}×${width}`, {
      where,
    });
  }
}

/** dtypes of volumes that are written, and what their sections are handed over in. */
const taken = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: Uint32Array,
  float32: Float32Array,
} as const;

export type WrittenDtype = keyof typeof taken;

/** @throws KynError `shape` where the section is of another type than one of a volume of `dtype` */
export function checkType(z: number, { data }: NdArray, dtype: WrittenDtype, where: string): void {
  if (data instanceof taken[dtype]) return;
  throw new KynError('shape', `section ${z} is a ${data.constructor.name}, the volume ${dtype}`, { where });
}

/** @throws KynError `output` naming the sections that are missing of `depth`. */
export function checkComplete(written: ReadonlySet<number>, depth: number, where: string): void {
  const missing: number[] = [];
  for (let z = 0; z < depth; z++) if (!written.has(z)) missing.push(z);
  if (missing.length === 0) return;
  const named = missing.length > 5 ? `${missing.slice(0, 5).join(', ')}, ...` : missing.join(', ');
  throw new KynError(
    'output',
    `not complete: ${missing.length} of ${depth} sections are missing (${named})`,
    { where },
  );
}
