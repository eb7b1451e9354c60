/**
 * Contrast of a section as the network sees it: clipped at the 0.5th and 99.5th percentile, then zero mean
 * and unit spread. The statistics are those of the whole section (its histogram), never of the tile: so it
 * is at inference. Grey curves are laid over the clipped range before the statistics are taken.
 */
import type { SectionView } from './volume.ts';

/** Clipped away at either end. */
const CLIP_FRACTION = 0.005;

/** Pixels that are looked at for the statistics of a large section. */
const HISTOGRAM_PIXELS = 1 << 16;

/** Grey value histogram of a section (of a regular subset of a large one). */
export function sectionHistogram(view: SectionView<Uint8Array>): Uint32Array {
  const { data, start, rowStride, columnStride, height, width } = view;
  const histogram = new Uint32Array(256);
  const step = Math.max(1, Math.floor(Math.sqrt((height * width) / HISTOGRAM_PIXELS)));
  for (let y = 0; y < height; y += step) {
    const row = start + y * rowStride;
    for (let x = 0; x < width; x += step) histogram[data[row + x * columnStride]]++;
  }
  return histogram;
}

/** Grey values at the two clip percentiles; at least 1 apart. */
export function clipRange(histogram: Uint32Array): [low: number, high: number] {
  let total = 0;
  for (const count of histogram) total += count;
  const cut = total * CLIP_FRACTION;
  let low = 0;
  for (let sum = histogram[0]; sum <= cut && low < 255; sum += histogram[low]) low++;
  let high = 255;
  for (let sum = histogram[255]; sum <= cut && high > 0; sum += histogram[high]) high--;
  return high > low ? [low, high] : [low, low + 1];
}

/** A grey curve on 0 … 1. */
export type GreyCurve = (t: number) => number;

/** What each of the 256 grey values becomes: clipped, through `curve`, zero mean and unit spread. */
export function normalisingTable(histogram: Uint32Array, curve: GreyCurve = (t) => t): Float32Array {
  const [low, high] = clipRange(histogram);
  const table = new Float32Array(256);
  let total = 0;
  let sum = 0;
  let square = 0;
  for (let value = 0; value < 256; value++) {
    const t = Math.min(1, Math.max(0, (value - low) / (high - low)));
    const grey = curve(t);
    table[value] = grey;
    total += histogram[value];
    sum += histogram[value] * grey;
    square += histogram[value] * grey * grey;
  }
  const mean = total > 0 ? sum / total : 0;
  const spread = total > 0 ? Math.sqrt(Math.max(0, square / total - mean * mean)) : 0;
  const scale = spread > 1e-6 ? 1 / spread : 0;
  for (let value = 0; value < 256; value++) table[value] = (table[value] - mean) * scale;
  return table;
}
