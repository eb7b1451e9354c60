/**
 * Targets for a network whose output has one pixel for every block of pixels: in-plane affinities keep all pixels of a
 * block, as channels; what else is asked keeps the block's first pixel, which counts for all of them.
 */
import type { Batch } from './batch.ts';

/**
 * @param factor pixels of a block along each axis
 * @returns the batch with target and weight `[N, factor² * in-plane + others, S / factor, S / factor]`; channel
 * `c * factor² + y * factor + x` is pixel y, x of the blocks of in-plane channel c. Nothing is mutated.
 */
export function packBlocks(batch: Batch, factor: number): Batch {
  const [count, channels, height, width] = batch.targetShape;
  const planes = batch.layout.plane[1];
  const pixels = factor * factor;
  const packedChannels = planes * pixels + channels - planes;
  const [rows, columns] = [height / factor, width / factor];
  /** @param scale by what a channel is multiplied of whose blocks this many pixels are kept */
  const pack = (from: Float32Array, scale: (kept: number) => number): Float32Array => {
    const out = new Float32Array(count * packedChannels * rows * columns);
    let to = 0;
    for (let n = 0; n < count; n++) {
      for (let c = 0; c < channels; c++) {
        const start = (n * channels + c) * height * width;
        const kept = c < planes ? pixels : 1;
        for (let phase = 0; phase < kept; phase++, to += rows * columns) {
          const first = start + Math.floor(phase / factor) * width + (phase % factor);
          copyEveryNth(from, first, width, factor, out, to, rows, columns, scale(kept));
        }
      }
    }
    return out;
  };
  return {
    ...batch,
    target: pack(batch.target, () => 1),
    weight: pack(batch.weight, (kept) => pixels / kept),
    targetShape: [count, packedChannels, rows, columns],
  };
}

function copyEveryNth(
  from: Float32Array,
  first: number,
  width: number,
  step: number,
  out: Float32Array,
  to: number,
  rows: number,
  columns: number,
  scale: number,
): void {
  for (let r = 0; r < rows; r++) {
    let p = first + r * step * width;
    const at = to + r * columns;
    for (let c = 0; c < columns; c++, p += step) out[at + c] = scale * from[p];
  }
}
