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

/** True when hardly any pixel equals its right and lower neighbours: a micrograph that was read as labels. */
export function looksLikeImage({ data, shape, stride }: LabelSection): boolean {
  const { inside, equal } = likeNeighbours(data, shape, stride, 0);
  return inside >= fewestPixels && equal < imageShare * inside;
}

/** True when a section is piecewise constant with many ids. */
export function looksLikeLabels({ data, shape, stride }: RawSection): boolean {
  const [height, width] = shape;
  const [dy, dx] = stride;
  const counts = new Map<number, number>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const value = data[y * dy + x * dx];
      const from = x++;
      while (x < width && data[y * dy + x * dx] === value) x++;
      counts.set(value, (counts.get(value) ?? 0) + x - from);
    }
  }
  if (counts.size - 1 < fewestValues) return false;
  const [commonest] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most));
  const { inside, equal } = likeNeighbours(data, shape, stride, commonest);
  return inside > 0 && equal >= equalShare * inside;
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
