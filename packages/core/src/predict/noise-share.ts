/**
 * How much of a section is noise: the share of its variance that neighbouring pixels do not have in common. Tissue is
 * smooth at the scale of a pixel, noise is not, so a section that was ruined at the microscope or by a detector stands
 * out from its stack, whatever its contrast.
 */
import type { NdArray } from '../volume/array.ts';

/** Every so many rows are looked at. */
const ROW_STEP = 3;

/** A section is ruined whose share of noise comes this far from the stack's usual share towards all. */
const RUINED = 0.4;

/**
 * Share of white noise in a normalised section, 0..1. For white noise of variance s², a pixel less the mean of its
 * four neighbours has variance 5/4 s².
 * @param image dense float32 [height, width]; pixels that are exactly 0 (outside the tissue) are left out
 */
export function noiseShare({ data, shape }: NdArray<Float32Array>): number {
  const [height, width] = shape;
  const sums = { rough: 0, square: 0, sum: 0, count: 0 };
  for (let y = 1; y + 1 < height; y += ROW_STEP) addRow(sums, data, y * width, width);
  const { rough, square, sum, count } = sums;
  const variance = count > 0 ? square / count - (sum / count) ** 2 : 0;
  return variance > 0 ? Math.min(1, (0.8 * rough) / count / variance) : 0;
}

interface Sums {
  rough: number;
  square: number;
  sum: number;
  count: number;
}

/** One row, in a function of its own, as in `segment/watershed.ts`. */
function addRow(sums: Sums, data: Float32Array, row: number, width: number): void {
  let { rough, square, sum, count } = sums;
  for (let p = row + 1; p + 1 < row + width; p++) {
    const value = data[p];
    if (value === 0) continue;
    const around = (data[p - 1] + data[p + 1] + data[p - width] + data[p + width]) / 4;
    rough += (value - around) ** 2;
    square += value * value;
    sum += value;
    count++;
  }
  Object.assign(sums, { rough, square, sum, count });
}

/** The share of noise above which a section is ruined, in a stack whose sections usually have `usual`. */
export function ruinousNoise(usual: number): number {
  return usual + RUINED * (1 - usual);
}
