/**
 * Sections that lie otherwise than their neighbour, all over or in parts, brought into one frame: whole pixels, what has no place
 * there is lost. Nothing of the result moves, only how neighbours are compared.
 */
import { type LinkSection, withLabels } from '../link/section-view.ts';
import { type NdArray, ndarray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';

/**
 * Where each pixel of a section lies in another of its size, dense [height, width]: the index of the pixel that shows the same tissue
 * there, or {@link NOWHERE}.
 */
export type Places = NdArray<Int32Array>;

export const NOWHERE = -1;

/** @param at place of the pixel (y, x), whole pixels; outside the section it is nowhere */
export function placesOf(
  [height, width]: Places['shape'],
  at: (y: number, x: number) => Offset2,
): NdArray<Int32Array> {
  const places = new Int32Array(height * width);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      const [row, column] = at(y, x);
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      places[p] = inside ? row * width + column : NOWHERE;
    }
  }
  return ndarray(places, [height, width]);
}

/** Of a section whose tissue lies `by` from where it is in the other. */
export function shiftedBy(shape: Places['shape'], [dy, dx]: Offset2): Places {
  const [height, width] = shape;
  const places = new Int32Array(height * width).fill(NOWHERE);
  for (let y = Math.max(0, dy); y < Math.min(height, height + dy); y++) {
    const from = (y - dy) * width - dx;
    for (let x = Math.max(0, dx); x < Math.min(width, width + dx); x++) places[y * width + x] = from + x;
  }
  return ndarray(places, [height, width]);
}

/** From a section to a second, and from there to a third; undefined is in line. */
export function follow(first: Places | undefined, then: Places | undefined): Places | undefined {
  if (!first || !then) return first ?? then;
  return ndarray(
    first.data.map((at) => (at === NOWHERE ? NOWHERE : then.data[at])),
    first.shape,
  );
}

/** The way back. */
export function reversed({ data, shape }: Places): Places {
  const back = new Int32Array(data.length).fill(NOWHERE);
  for (let p = 0; p < data.length; p++) if (data[p] !== NOWHERE) back[data[p]] = p;
  return ndarray(back, shape);
}

/**
 * The same in other pixels.
 * @param shape in those
 * @param size of one of them along either axis, in pixels of before
 */
export function inPixels(places: Places, shape: Places['shape'], size: readonly [number, number]): Places {
  const [height, width] = places.shape;
  return placesOf(shape, (row, column) => {
    const y = Math.min(height - 1, Math.floor((row + 0.5) * size[0]));
    const x = Math.min(width - 1, Math.floor((column + 0.5) * size[1]));
    const at = places.data[y * width + x];
    if (at === NOWHERE) return [NOWHERE, NOWHERE];
    return [
      row + Math.round((Math.floor(at / width) - y) / size[0]),
      column + Math.round(((at % width) - x) / size[1]),
    ];
  });
}

type Plane = Float32Array | Uint32Array;

/**
 * Writes what a dense plane has at the places of each pixel into `out`; where that is nowhere `out` stays.
 * @returns `out`
 */
export function moveTo<P extends Plane>(plane: P, { data: places }: Places, out: P): P {
  for (let p = 0; p < out.length; p++) if (places[p] !== NOWHERE) out[p] = plane[places[p]];
  return out;
}

/** A neighbour's image in the frame of the section in the middle, which stands in where the neighbour has nothing. */
export function moveImage(
  { data, shape }: NdArray<Float32Array>,
  places: Places,
  middle: NdArray<Float32Array>,
): NdArray<Float32Array> {
  return ndarray(moveTo(data, places, middle.data.slice()), shape);
}

/** Where a section shows something, moved; 1 where it has no pixel: another stands in. */
export function moveTissue(tissue: Uint8Array, { data: places }: Places): Uint8Array {
  const moved = new Uint8Array(tissue.length).fill(1);
  for (let p = 0; p < moved.length; p++) if (places[p] !== NOWHERE) moved[p] = tissue[places[p]];
  return moved;
}

/** Labels moved; 0 where they have nothing. */
export function moveLabels(labels: Uint32Array, places: Places): Uint32Array {
  return moveTo(labels, places, new Uint32Array(labels.length));
}

/** A section as the linker sees it, moved; what has no place in the frame counts nothing. */
export function moveView(view: LinkSection, places: Places): LinkSection {
  return withLabels(view, moveLabels(view.labels, places));
}

/** Rows that are compared. */
const COMPARED_ROWS = 128;

/**
 * Are two sections, all over, more alike where the upper one's pixels lie at `places` in the lower one than where they are? What moved
 * in their middle alone, or looked so by chance, is not.
 * @param lower, upper dense [height, width], contrast-normalised
 * @param least by more than this
 */
export function moreAlike(
  lower: NdArray<Float32Array>,
  upper: NdArray<Float32Array>,
  places: Places,
  least = 0,
): boolean {
  return correlation(lower, upper, places) > correlation(lower, upper) + least;
}

/** Mean product of pixels that lie on each other, where both sections show something (elsewhere they are 0). */
function correlation(
  { data: lower }: NdArray<Float32Array>,
  { data: upper, shape: [height, width] }: NdArray<Float32Array>,
  places?: Places,
): number {
  const every = Math.max(1, Math.floor(height / COMPARED_ROWS));
  let [sum, count] = [0, 0];
  for (let y = 0; y < height; y += every) {
    for (let p = y * width; p < (y + 1) * width; p++) {
      const at = places ? places.data[p] : p;
      const product = at === NOWHERE ? 0 : lower[at] * upper[p];
      sum += product;
      count += product === 0 ? 0 : 1;
    }
  }
  return count > 0 ? sum / count : 0;
}
