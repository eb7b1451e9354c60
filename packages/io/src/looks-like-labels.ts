/**
 * Tells label images from electron micrographs by two counts that no micrograph reaches together: nearly
 * every pixel equals its right and lower neighbours, and there are many values. The commonest value is left
 * out of both, so that black padding around an image, or background between labels, decides nothing.
 */
import type { LabelSection, RawSection } from '@kyn/core';

/** Share of pixels equal to their right and lower neighbours; noise keeps micrographs below 0.3. */
const equalShare = 0.7;
/** Values besides the commonest. Masks have fewer. */
const fewestValues = 6;

/** Below this share of equal neighbours, a section of this many pixels is an image. */
const imageShare = 0.4;
const fewestPixels = 1024;
/** Labels with fewer pixels each have too many borders. */
const fewestPixelsEach = 8;

/** True when hardly any pixel equals its right and lower neighbours: a micrograph that was read as labels. */
export function looksLikeImage({ data, shape, stride }: LabelSection): boolean {
  const { inside, equal } = likeNeighbours(data, shape, stride, 0);
  return inside >= fewestPixels && equal < imageShare * inside;
}

/** True when a section is piecewise constant with many ids; of fractions none is. */
export function looksLikeLabels({ data, shape, stride }: RawSection): boolean {
  const counts =
    data instanceof Float32Array ? wholeNumbers(data, shape, stride) : integers(data, shape, stride);
  if (!counts) return false;
  let [commonest, most, values] = [0, 0, 0];
  for (const [value, count] of counts.entries()) {
    if (count === 0) continue;
    values++;
    if (count > most) [commonest, most] = [value, count];
  }
  if (values - 1 < fewestValues) return false;
  const { inside, equal } = likeNeighbours(data, shape, stride, commonest);
  return inside >= fewestPixels && equal >= equalShare * inside;
}

/** How often every value of 8 or 16 bit is there. */
function integers(
  data: Uint8Array | Uint16Array,
  [height, width]: readonly number[],
  [dy, dx]: readonly number[],
): Uint32Array {
  const counts = new Uint32Array(data instanceof Uint8Array ? 256 : 65536);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) counts[data[y * dy + x * dx]]++;
  return counts;
}

/** The same of whole numbers; undefined where there is a fraction, or more of them than labels can be. */
function wholeNumbers(
  data: Float32Array,
  [height, width]: readonly number[],
  [dy, dx]: readonly number[],
): Map<number, number> | undefined {
  const counts = new Map<number, number>();
  const most = (height * width) / fewestPixelsEach;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = data[y * dy + x * dx];
      if (!Number.isInteger(value)) return undefined;
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    if (counts.size > most) return undefined;
  }
  return counts;
}

/** Pixels of another value than `left`, and how many of them equal both their right and their lower neighbour. */
function likeNeighbours(
  data: ArrayLike<number>,
  [height, width]: readonly number[],
  [dy, dx]: readonly number[],
  left: number,
): { inside: number; equal: number } {
  let inside = 0;
  let equal = 0;
  for (let y = 0; y + 1 < height; y++) {
    for (let x = 0, at = y * dy; x + 1 < width; x++, at += dx) {
      const value = data[at];
      if (value === left) continue;
      inside++;
      if (data[at + dx] === value && data[at + dy] === value) equal++;
    }
  }
  return { inside, equal };
}
