/**
 * Output of a network from elsewhere as affinities: one channel is a membrane map (or a cell map: membranes are
 * the minority), two or more are taken as affinities to the upper and left neighbour. Logits are recognised by
 * values outside 0..1.
 */
import { KynError, type NdArray, ndarray } from '@kyn/core';

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));

/** @param output `[n, c, h, w]`. @returns `[n, 2, h, w]`. */
export function affinitiesFromForeign(output: NdArray<Float32Array>, where: string): NdArray<Float32Array> {
  const [n, channels, height, width] = output.shape;
  if (output.shape.length !== 4 || channels < 1) {
    throw new KynError(
      'model',
      `the network's output is ${output.shape.join('×')}, not [n, channels, h, w]`,
      {
        where,
        hint: 'give a network whose first output is a membrane map or affinities',
      },
    );
  }
  const probability = output.data.some((value) => value < 0 || value > 1)
    ? output.data.map(sigmoid)
    : output.data;
  const size = height * width;
  const out = new Float32Array(n * 2 * size);
  for (let i = 0; i < n; i++) {
    const from = probability.subarray(i * channels * size, (i + 1) * channels * size);
    const to = out.subarray(i * 2 * size, (i + 1) * 2 * size);
    if (channels === 1) affinitiesOfMap(from, to, height, width);
    else to.set(from.subarray(0, 2 * size));
  }
  return ndarray(out, [n, 2, height, width]);
}

/** Two neighbours belong together as far as the less certain of them is inside a cell. */
function affinitiesOfMap(map: Float32Array, out: Float32Array, height: number, width: number): void {
  const mean = map.reduce((sum, value) => sum + value, 0) / map.length;
  const inside = (index: number): number => (mean < 0.5 ? 1 - map[index] : map[index]);
  const size = height * width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      out[at] = y > 0 ? Math.min(inside(at), inside(at - width)) : 0;
      out[size + at] = x > 0 ? Math.min(inside(at), inside(at - 1)) : 0;
    }
  }
}
