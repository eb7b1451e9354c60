/** The plain, slow twins of `interior` and `basins`, for tests. */
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';

/** `interior` without smoothing, pixel by pixel. */
export function interiorReference(
  affinities: NdArray<Float32Array>,
  offsets: readonly Offset2[],
  reachPixels: number,
): Float64Array {
  const [, height, width] = affinities.shape;
  const { data, stride } = affinities;
  const inside = (y: number, x: number) => y >= 0 && x >= 0 && y < height && x < width;
  const at = (c: number, y: number, x: number) => data[c * stride[0] + y * stride[1] + x * stride[2]] || 0;
  return Float64Array.from({ length: height * width }, (_, p) => {
    const y = Math.floor(p / width);
    const x = p % width;
    const found: number[] = [];
    offsets.forEach(([dy, dx], c) => {
      if (Math.max(Math.abs(dy), Math.abs(dx)) > reachPixels) return;
      if (inside(y + dy, x + dx)) found.push(at(c, y, x));
      if (inside(y - dy, x - dx)) found.push(at(c, y - dy, x - dx));
    });
    return found.length === 0 ? 0 : found.reduce((sum, v) => sum + v, 0) / found.length;
  });
}

/** `basins` by visiting pixels from the highest down: each takes the label of its best neighbour or a new one. */
export function basinsReference(
  relief: Float32Array,
  height: number,
  width: number,
  mask?: Uint8Array,
): Uint32Array {
  const tissue = (p: number) => mask?.[p] !== 0;
  const higher = (p: number, q: number) => relief[q] - relief[p] || p - q;
  const order = Array.from(relief, (_, p) => p)
    .filter(tissue)
    .sort(higher);
  const top = new Int32Array(relief.length).fill(-1);
  for (const p of order) {
    const y = Math.floor(p / width);
    const x = p % width;
    const around = [x > 0 && p - 1, y > 0 && p - width, x + 1 < width && p + 1, y + 1 < height && p + width]
      .filter((q) => q !== false)
      .filter((q) => tissue(q) && higher(p, q) > 0)
      .sort(higher);
    top[p] = around.length > 0 ? top[around[0]] : p;
  }
  const number = new Map<number, number>();
  return Uint32Array.from(top, (t) => {
    if (t < 0) return 0;
    if (!number.has(t)) number.set(t, number.size + 1);
    return number.get(t) ?? 0;
  });
}
