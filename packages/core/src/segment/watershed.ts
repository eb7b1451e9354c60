/**
 * Supervoxels of one section: a watershed by steepest ascent in linear time.
 *
 * Affinities say how likely two pixels at an offset are one cell. Their mean over all short partners of a pixel
 * ("interior", 0 on a membrane, 1 deep inside a cell) is a relief whose hills are cells, because partners up to
 * 9 px away fade towards membranes as a distance transform does. Each pixel points to its best 4-neighbour if
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
    let from = channel * stride[0] + y * stride[1] + xFrom * stride[2];
    const end = y * width + xTo;
    for (let p = y * width + xFrom; p < end; p++, from += stride[2]) {
      const value = data[from];
      if (!(value > 0)) continue; // NaN counts as 0
      sum[p] += value;
      sum[p + shift] += value;
    }
  }
}

/** Sums to means: a pixel's partners are those along its column, its row, and the constant ones. */
function divideInPlace(sum: Float32Array, rows: Float32Array, columns: Float32Array, constant: number): void {
  for (let y = 0, p = 0; y < rows.length; y++) {
    for (let x = 0; x < columns.length; x++, p++) {
      const partners = rows[y] + columns[x] + constant;
      sum[p] = partners > 0 ? sum[p] / partners : 0;
    }
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
  for (let y = 0; y < height; y++) {
    const row = y * width;
    let before = image[row];
    for (let x = 0; x < width; x++) {
      const here = image[row + x];
      const after = x + 1 < width ? image[row + x + 1] : here;
      image[row + x] = 0.25 * before + 0.5 * here + 0.25 * after;
      before = here;
    }
  }
  const above = image.slice(0, width);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const down = y + 1 < height ? width : 0;
    for (let x = 0; x < width; x++) {
      const here = image[row + x];
      image[row + x] = 0.25 * above[x] + 0.5 * here + 0.25 * image[row + x + down];
      above[x] = here;
    }
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
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      if (mask?.[p] === 0) continue;
      let best = p;
      let top = relief[p];
      // earlier pixels win ties, later ones must be strictly higher
      if (x > 0 && relief[p - 1] >= top && mask?.[p - 1] !== 0) {
        best = p - 1;
        top = relief[best];
      }
      if (y > 0 && relief[p - width] >= top && mask?.[p - width] !== 0) {
        best = p - width;
        top = relief[best];
      }
      if (x + 1 < width && relief[p + 1] > top && mask?.[p + 1] !== 0) {
        best = p + 1;
        top = relief[best];
      }
      if (y + 1 < height && relief[p + width] > top && mask?.[p + width] !== 0) best = p + width;
      uphill[p] = best;
    }
  }
  return { labels, count: numberBasins(uphill, labels, mask) };
}

/** Follows the pointers to the hilltops and numbers these by their basin's first pixel. */
function numberBasins(uphill: Int32Array, labels: Uint32Array, mask: Uint8Array | undefined): number {
  let count = 0;
  for (let p = 0; p < labels.length; p++) {
    if (labels[p] !== 0 || mask?.[p] === 0) continue;
    let top = p;
    while (uphill[top] !== top && labels[top] === 0) top = uphill[top];
    const label = labels[top] === 0 ? ++count : labels[top];
    for (let at = p; labels[at] === 0; at = uphill[at]) labels[at] = label;
  }
  return count;
}
