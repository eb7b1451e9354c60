/** Two sections of the same tissue, or of other tissue, for tests of how they lie. */
import { type NdArray, ndarray } from '../../volume/array.ts';
import type { Offset2 } from '../../volume/contracts.ts';
import { Random } from '../../volume/random.ts';

const CANVAS = 1280;
/** Where a section that is not shifted begins on the canvas. */
const ORIGIN = 200;

/** Cells, dark where two of them meet. */
function tissue(seed: number): Float32Array {
  const random = new Random(seed);
  const grid = 40;
  const columns = CANVAS / grid + 3;
  const centres = Array.from({ length: columns ** 2 }, (_, i) => ({
    y: (Math.floor(i / columns) - 1 + random.float()) * grid,
    x: ((i % columns) - 1 + random.float()) * grid,
  }));
  const data = new Float32Array(CANVAS ** 2);
  for (let p = 0; p < data.length; p++) {
    const [y, x] = [Math.floor(p / CANVAS), p % CANVAS];
    const corner = Math.floor(y / grid) * columns + Math.floor(x / grid);
    let [first, second] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let i = 0; i < 9; i++) {
      const centre = centres[corner + Math.floor(i / 3) * columns + (i % 3)];
      const distance = (centre.y - y) ** 2 + (centre.x - x) ** 2;
      if (distance < first) [first, second] = [distance, first];
      else if (distance < second) second = distance;
    }
    data[p] = Math.sqrt(second) - Math.sqrt(first) < 4 ? -1.5 : 0.4;
  }
  return data;
}

export const one = tissue(1);
export const another = tissue(2);

/**
 * A section with noise of its own, contrast-normalised, whose tissue lies `by` from where it lies on the canvas, if need be each pixel's
 * its own way.
 */
export function drawSection(
  [height, width]: readonly [number, number],
  by: Offset2 | ((y: number, x: number) => Offset2),
  noiseSeed: number,
  canvas = one,
): NdArray<Float32Array> {
  const noise = new Random(noiseSeed);
  const data = new Float32Array(height * width);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      const [dy, dx] = typeof by === 'function' ? by(y, x) : by;
      data[p] = canvas[(ORIGIN + y - dy) * CANVAS + ORIGIN + x - dx] + 0.8 * noise.normal();
    }
  }
  return ndarray(data, [height, width]);
}
