/**
 * Contrast of a section as the network sees it at inference (`normaliseSection` in core): clipped at the 0.5th
 * and 99.5th percentile of its tissue, then zero mean and unit spread. The statistics are those of the whole
 * section, never of the tile. Grey values have 256 levels here, so all of it is one table a section, with
 * which grey curves come for free: they are laid over the clipped range before the statistics are taken.
 */
import { CLIP_FRACTION, findTissue } from '@kyn/core';
import type { SectionView } from './volume.ts';

/** Histograms by the volume's data and the section's place in it: a volume's grey values do not change. */
const histograms = new WeakMap<Uint8Array, Map<string, Uint32Array>>();

/** Grey value histogram of a section's tissue; remembered. */
export function sectionHistogram(view: SectionView<Uint8Array>): Uint32Array {
  const known = histograms.get(view.data) ?? new Map<string, Uint32Array>();
  histograms.set(view.data, known);
  const { start, rowStride, columnStride, height, width } = view;
  const key = [start, rowStride, columnStride, height, width].join();
  const histogram = known.get(key) ?? countTissue(view);
  known.set(key, histogram);
  return histogram;
}

function countTissue({
  data,
  start,
  rowStride,
  columnStride,
  height,
  width,
}: SectionView<Uint8Array>): Uint32Array {
  const image = new Float32Array(height * width);
  for (let y = 0, to = 0; y < height; y++) {
    let from = start + y * rowStride;
    for (let x = 0; x < width; x++, to++, from += columnStride) image[to] = data[from];
  }
  const { mask } = findTissue(image, height, width);
  const histogram = new Uint32Array(256);
  for (let i = 0; i < image.length; i++) if (mask?.[i] !== 0) histogram[image[i]]++;
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
