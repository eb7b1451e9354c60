/**
 * Supervoxels of one section: a watershed by steepest ascent in linear time.
 *
 * Affinities say how likely two pixels at an offset are one cell. Their mean over all short partners of a pixel
 * ("interior", 0 on a membrane, 1 deep inside a cell) is a relief whose hills are cells, because partners up to
 * `reachPixels` away fade towards membranes as a distance transform does. Each pixel points to its best 4-neighbour if
 * that is higher; following the pointers leads to a hilltop, and the pixels of one hilltop are one basin
 * (drainage by steepest ascent as in Zlateski & Seung 2015, "Image segmentation by size-dependent single linkage
 * clustering of a watershed basin graph"; the descriptors' relief as in LSD, Sheridan 2022).
 * On a plateau the pixel that comes first in memory counts as higher, so no plateau needs a queue; basins are
 * 4-connected and many; a region graph joins them afterwards.
 */
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';

/**
 * Mean affinity of every pixel to its partners at the offsets no longer than `reachPixels`, both ways, then
 * smoothed `smoothing` times with a 1-2-1 kernel. Partners outside the image do not count.
 * @returns float32 [height × width], dense.
 */
export function interior(
  affinities: NdArray<Float32Array>,
  offsets: readonly Offset2[],
  reachPixels: number,
  smoothing: number,
): Float32Array {
  const [, height, width] = affinities.shape;
  const sum = new Float32Array(height * width);
  const rowPartners = new Float32Array(height);
  const columnPartners = new Float32Array(width);
  let constant = 0;
  for (let c = 0; c < offsets.length; c++) {
    const [dy, dx] = offsets[c];
    if (Math.max(Math.abs(dy), Math.abs(dx)) > reachPixels) continue;
    addPartners(sum, affinities, c, [dy, dx]);
    // partners of a pixel: how often it is p or q above; separable, as every offset is straight or the sum is exact
    if (dx === 0) countPartners(rowPartners, dy);
    else if (dy === 0) countPartners(columnPartners, dx);
    else constant += 2; // diagonal: the few border pixels are weighed as if all partners existed
  }
  divideInPlace(sum, rowPartners, columnPartners, constant);
  for (let i = 0; i < smoothing; i++) smoothInPlace(sum, height, width);
  return sum;
}

/** Adds one channel to both pixels of every pair. */
function addPartners(
  sum: Float32Array,
  { data, shape, stride }: NdArray<Float32Array>,
  channel: number,
  [dy, dx]: Offset2,
): void {
  const [, height, width] = shape;
  const yFrom = Math.max(0, -dy);
  const yTo = Math.min(height, height - dy);
  const xFrom = Math.max(0, -dx);
  const xTo = Math.min(width, width - dx);
  const shift = dy * width + dx;
  for (let y = yFrom; y < yTo; y++) {
    const from = channel * stride[0] + y * stride[1] + xFrom * stride[2];
    addPartnerRow(sum, data, from, stride[2], y * width + xFrom, y * width + xTo, shift);
  }
}

// Loops over pixels stand in functions for one row: the engine compiles what is called often once and for all, but a
// loop over a whole section again at every call.

function addPartnerRow(
  sum: Float32Array,
  data: Float32Array,
  from: number,
  step: number,
  start: number,
  end: number,
  shift: number,
): void {
  for (let p = start, at = from; p < end; p++, at += step) {
    const value = data[at];
    if (!(value > 0)) continue; // NaN counts as 0
    sum[p] += value;
    sum[p + shift] += value;
  }
}

/** Sums to means: a pixel's partners are those along its column, its row, and the constant ones. */
function divideInPlace(sum: Float32Array, rows: Float32Array, columns: Float32Array, constant: number): void {
  for (let y = 0; y < rows.length; y++) divideRow(sum, y * columns.length, columns, rows[y] + constant);
}

function divideRow(sum: Float32Array, row: number, columns: Float32Array, others: number): void {
  for (let x = 0; x < columns.length; x++) {
    const partners = columns[x] + others;
    sum[row + x] = partners > 0 ? sum[row + x] / partners : 0;
  }
}

function countPartners(partners: Float32Array, offset: number): void {
  const length = partners.length;
  for (let i = Math.max(0, -offset); i < Math.min(length, length - offset); i++) {
    partners[i]++;
    partners[i + offset]++;
  }
}

/** One pass of the separable kernel 1-2-1; the border repeats. */
function smoothInPlace(image: Float32Array, height: number, width: number): void {
  for (let y = 0; y < height; y++) smoothRow(image, y * width, width);
  const above = image.slice(0, width);
  for (let y = 0; y < height; y++) smoothAcross(image, y * width, y + 1 < height ? width : 0, above);
}

function smoothRow(image: Float32Array, row: number, width: number): void {
  let before = image[row];
  for (let x = 0; x < width; x++) {
    const here = image[row + x];
    const after = x + 1 < width ? image[row + x + 1] : here;
    image[row + x] = 0.25 * before + 0.5 * here + 0.25 * after;
    before = here;
  }
}

/** `above` holds the row above as it was, and then this one. */
function smoothAcross(image: Float32Array, row: number, down: number, above: Float32Array): void {
  for (let x = 0; x < above.length; x++) {
    const here = image[row + x];
    image[row + x] = 0.25 * above[x] + 0.5 * here + 0.25 * image[row + x + down];
    above[x] = here;
  }
}

/**
 * Basins of a relief by steepest ascent to 4-neighbours.
 * @param mask dense [height × width]; pixels where it is 0 belong to no basin. Everything counts where absent.
 * @returns basins 1..count in order of first pixel, 0 only outside the mask.
 */
export function basins(
  relief: Float32Array,
  height: number,
  width: number,
  mask?: Uint8Array,
): { labels: Uint32Array; count: number } {
  const pixels = height * width;
  const labels = new Uint32Array(pixels);
  const uphill = new Int32Array(pixels);
  for (let y = 0; y < height; y++) ascendRow(relief, uphill, y, height, width, mask);
  let count = 0;
  for (let y = 0; y < height; y++) count = numberRow(uphill, labels, y * width, (y + 1) * width, count, mask);
  return { labels, count };
}

/** Points every pixel of a row to its best neighbour, or to itself on a hilltop. */
function ascendRow(
  relief: Float32Array,
  uphill: Int32Array,
  y: number,
  height: number,
  width: number,
  mask: Uint8Array | undefined,
): void {
  const hasUp = y > 0;
  const hasDown = y + 1 < height;
  for (let x = 0, p = y * width; x < width; x++, p++) {
    if (mask !== undefined && mask[p] === 0) continue;
    let best = p;
    let top = relief[p];
    // earlier pixels win ties, later ones must be strictly higher
    if (x > 0 && relief[p - 1] >= top && (mask === undefined || mask[p - 1] !== 0)) {
      best = p - 1;
      top = relief[best];
    }
    if (hasUp && relief[p - width] >= top && (mask === undefined || mask[p - width] !== 0)) {
      best = p - width;
      top = relief[best];
    }
    if (x + 1 < width && relief[p + 1] > top && (mask === undefined || mask[p + 1] !== 0)) {
      best = p + 1;
      top = relief[best];
    }
    if (hasDown && relief[p + width] > top && (mask === undefined || mask[p + width] !== 0)) best = p + width;
    uphill[p] = best;
  }
}

/**
 * Follows the pointers from the pixels of a row to the hilltops and numbers these by their basin's first pixel.
 * @returns the number of basins so far
 */
function numberRow(
  uphill: Int32Array,
  labels: Uint32Array,
  from: number,
  to: number,
  before: number,
  mask: Uint8Array | undefined,
): number {
  let count = before;
  for (let p = from; p < to; p++) {
    if (labels[p] !== 0 || (mask !== undefined && mask[p] === 0)) continue;
    let top = p;
    while (uphill[top] !== top && labels[top] === 0) top = uphill[top];
    const label = labels[top] === 0 ? ++count : labels[top];
    for (let at = p; labels[at] === 0; at = uphill[at]) labels[at] = label;
  }
  return count;
}
