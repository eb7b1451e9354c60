/**
 * Which part of a painted section is kept from training, to check on: a strip at one end of what is painted, across
 * the longer side, with a given share of the painted pixels. One strip has a short border, so little of it was seen
 * while training; from section to section it changes ends.
 */
import type { PaintedSection } from './painting.ts';
import { UNPAINTED } from './painting.ts';
import type { Region } from './sections.ts';

/** @param share of the painted pixels, 0..1. @param atEnd at the right or lower end instead of the left or upper. */
export function heldBackRegion({ profiles }: PaintedSection, share: number, atEnd: boolean): Region {
  const [height, width] = profiles.shape;
  const rows = new Float64Array(height);
  const columns = new Float64Array(width);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      if (profiles.data[p] === UNPAINTED) continue;
      rows[y]++;
      columns[x]++;
    }
  }
  const [top, bottom] = extent(rows);
  const [left, right] = extent(columns);
  const across = right - left >= bottom - top;
  const cut = across ? cutAt(columns, share, atEnd) : cutAt(rows, share, atEnd);
  const [from, to] = atEnd ? [cut, across ? right : bottom] : [across ? left : top, cut];
  return across ? { min: [top, from], max: [bottom, to] } : { min: [from, left], max: [to, right] };
}

function extent(counts: Float64Array): [from: number, to: number] {
  const from = counts.findIndex((count) => count > 0);
  return [from, counts.findLastIndex((count) => count > 0) + 1];
}

/** Where the line lies beyond which `share` of all counts are. */
function cutAt(counts: Float64Array, share: number, atEnd: boolean): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const wanted = (atEnd ? 1 - share : share) * total;
  let at = 0;
  for (let sum = 0; at < counts.length && sum < wanted; at++) sum += counts[at];
  return at;
}
