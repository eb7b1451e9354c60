/**
 * Output of a network from elsewhere as affinities: one channel is a membrane map (or a cell map: membranes are
 * the minority), two or more are taken as affinities to the upper and left neighbour. Logits are recognised by
 * values outside 0..1. Which it is, is told from a few tiles and holds for all: a tile that is mostly membrane, or all
 * inside one cell, would tell the contrary of the others.
 */
import { KynError, type NdArray, ndarray } from '@kyn/core';

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));

/** What rounding may add to a probability. */
const TOLERANCE = 0.01;

/** How a network's output is meant. */
export interface ForeignReading {
  readonly logits: boolean;
  /** One channel says where cells are, not membranes. */
  readonly cells: boolean;
}

/** @param outputs of some tiles, `[n, c, h, w]` */
export function readForeign(outputs: readonly NdArray<Float32Array>[]): ForeignReading {
  const logits = outputs.some(({ data }) =>
    data.some((value) => value < -TOLERANCE || value > 1 + TOLERANCE),
  );
  let [sum, count] = [0, 0];
  for (const { data } of outputs) {
    for (const value of data) sum += logits ? sigmoid(value) : value;
    count += data.length;
  }
  return { logits, cells: sum >= 0.5 * count };
}

/** @param output `[n, c, h, w]`. @param input shape of the tiles. @returns `[n, 2, h, w]`. */
export function affinitiesFromForeign(
  output: NdArray<Float32Array>,
  { logits, cells }: ForeignReading,
  input: readonly number[],
  where: string,
): NdArray<Float32Array> {
  const [n, channels, height, width] = output.shape;
  const refused = (what: string, hint: string): KynError =>
    new KynError('model', `the network's output ${what}`, { where, hint });
  if (output.shape.length !== 4 || channels < 1) {
    throw refused(
      `is ${output.shape.join('×')}, not [n, channels, h, w]`,
      'give a network whose first output is a membrane map or affinities',
    );
  }
  if (height !== input[2] || width !== input[3]) {
    throw refused(
      `is ${height}×${width} for a tile of ${input[2]}×${input[3]}`,
      'give a network whose output is as large as its input (padded convolutions)',
    );
  }
  const probability = output.data.map(logits ? sigmoid : (value) => Math.min(1, Math.max(0, value)));
  const size = height * width;
  const out = new Float32Array(n * 2 * size);
  for (let i = 0; i < n; i++) {
    const from = probability.subarray(i * channels * size, (i + 1) * channels * size);
    const to = out.subarray(i * 2 * size, (i + 1) * 2 * size);
    if (channels > 1) to.set(from.subarray(0, 2 * size));
    else affinitiesOfCells(cells ? from : from.map((value) => 1 - value), to, height, width);
  }
  return ndarray(out, [n, 2, height, width]);
}

/** Two neighbours belong together as far as the less certain of them is inside a cell. */
function affinitiesOfCells(inside: Float32Array, out: Float32Array, height: number, width: number): void {
  const size = height * width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      out[at] = y > 0 ? Math.min(inside[at], inside[at - width]) : 0;
      out[size + at] = x > 0 ? Math.min(inside[at], inside[at - 1]) : 0;
    }
  }
}
