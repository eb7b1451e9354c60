/**
 * The contrast of a section as the network sees it: clipped at the 0.5th and 99.5th percentile of its tissue,
 * then zero mean and unit spread (the usual winsorised z-score; a few dust grains or bright holes would
 * otherwise set the scale). Training does the same with a table of grey values (`nn/src/sample/normalise.ts`).
 */
import { type NdArray, ndarray, toDense } from '../volume/array.ts';
import type { RawSection } from '../volume/contracts.ts';
import { findTissue } from './tissue.ts';

/** Share of the tissue that is clipped away at either end. */
export const CLIP_FRACTION = 0.005;

/** Bins of the histogram that the percentiles are read from. */
const BINS = 4096;

/** Below this many pixels a constant image cannot be told from an empty one, and is taken as it is. */
const MIN_JUDGED_PIXELS = 16;

/** A section with less tissue than this share is empty. */
const MIN_TISSUE_FRACTION = 0.002;

export interface NormaliseOptions {
  /** Turn dark into bright: the membranes are bright in this stack. */
  readonly invert?: boolean;
  /** Sections whose spread is below this are blank, in grey values (default 0: only constant ones are). */
  readonly minSpread?: number;
}

/**
 * What a section turned out to be, for notes. Normalising tells the first three; `ruined` takes knowing its stack, `unlabelled` (nothing
 * but 0) the fragments that are given.
 */
export type SectionState = 'tissue' | 'constant' | 'no-data' | 'ruined' | 'unlabelled';

export interface NormalisedSection {
  /** Dense float32 [height, width]; zero mean and unit spread over the tissue, 0 elsewhere. */
  readonly image: NdArray<Float32Array>;
  /** Dense [height × width], 1 = tissue; undefined where every pixel is. */
  readonly tissue: Uint8Array | undefined;
  /** `tissue`, or why there is none to segment. */
  readonly state: SectionState;
  /** Pixels that were NaN or infinite. */
  readonly invalidPixels: number;
  /** Pixels of constant fill at the border. */
  readonly fillPixels: number;
  /** Mean and spread of the clipped grey values. */
  readonly mean: number;
  readonly spread: number;
}

/** Normalises one section. The input is not changed. */
export function normaliseSection(raw: RawSection, options: NormaliseOptions = {}): NormalisedSection {
  const copy = ndarray(new Float32Array(toDense(raw).data), raw.shape);
  return normaliseInPlace(copy, options);
}

/** The same in the memory of a dense image, which the result's image shares. */
export function normaliseInPlace(
  image: NdArray<Float32Array>,
  options: NormaliseOptions = {},
): NormalisedSection {
  const { data, shape } = image;
  const tissue = findTissue(data, shape[0], shape[1]);
  const { mask, invalidPixels, fillPixels } = tissue;
  const count = data.length - invalidPixels - fillPixels;
  const base = { image, tissue: mask, invalidPixels, fillPixels };
  const judged = Math.min(MIN_JUDGED_PIXELS, data.length);
  if (count < Math.max(1, judged, data.length * MIN_TISSUE_FRACTION)) {
    data.fill(0);
    return { ...base, state: fillPixels > 0 ? 'constant' : 'no-data', mean: 0, spread: 0 };
  }
  const [height, width] = shape;
  const { range, mean, spread } = clippedStatistics(data, mask, width);
  const blank = !(spread > Math.max(options.minSpread ?? 0, 1e-6 * Math.abs(mean), Number.MIN_VALUE));
  if (blank && data.length >= MIN_JUDGED_PIXELS) {
    data.fill(0);
    return { ...base, state: 'constant', mean, spread };
  }
  const scale = spread > 0 ? (options.invert ? -1 : 1) / spread : 0;
  for (let y = 0; y < height; y++) {
    applyToRow(data, mask, y * width, (y + 1) * width, range.low, range.high, mean, scale);
  }
  return { ...base, state: 'tissue', mean, spread };
}

interface GreyRange {
  readonly low: number;
  readonly high: number;
}

interface ClippedStatistics {
  /** Grey values at the two clip percentiles. */
  readonly range: GreyRange;
  /** Of the grey values clipped to the range. */
  readonly mean: number;
  readonly spread: number;
}

/** Percentiles, then mean and spread of the tissue, all from one histogram. */
function clippedStatistics(
  data: Float32Array,
  mask: Uint8Array | undefined,
  width: number,
): ClippedStatistics {
  const [min, max] = extremes(data, mask, width);
  let [low, high] = [min, max];
  // An outlier far off leaves the rest in a few bins: look closer until the percentiles fill the histogram.
  for (let round = 0; ; round++) {
    const histogram = countValues(data, mask, width, low, high);
    const statistics = statisticsOf(histogram);
    const { range } = statistics;
    const bin = histogram.binWidth;
    const [nextLow, nextHigh] = [Math.max(min, range.low - bin), Math.min(max, range.high + bin)];
    const settled = range.high - range.low > 64 * bin || nextHigh - nextLow >= high - low || round === 6;
    if (settled) return statistics;
    [low, high] = [nextLow, nextHigh];
  }
}

// What is done to every pixel is done row by row, in functions of their own: the engine compiles one that is called
// often once and for all, but a loop over a whole section again at every call.

function extremes(
  data: Float32Array,
  mask: Uint8Array | undefined,
  width: number,
): [min: number, max: number] {
  const found = new Float64Array([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  for (let row = 0; row < data.length; row += width) addExtremes(data, mask, row, row + width, found);
  return [found[0], found[1]];
}

function addExtremes(
  data: Float32Array,
  mask: Uint8Array | undefined,
  from: number,
  to: number,
  found: Float64Array,
): void {
  let [min, max] = [found[0], found[1]];
  for (let p = from; p < to; p++) {
    if (mask !== undefined && mask[p] === 0) continue;
    const value = data[p];
    if (value < min) min = value;
    if (value > max) max = value;
  }
  found[0] = min;
  found[1] = max;
}

interface Histogram {
  /** Values are `low + bin * binWidth`; what lies beyond is in the first and last bin. */
  readonly counts: Uint32Array;
  readonly low: number;
  readonly binWidth: number;
}

/** Bins are a power of two wide: whole grey values, and their means over 2 × 2 or 4 × 4 pixels, lie on bins exactly. */
function countValues(
  data: Float32Array,
  mask: Uint8Array | undefined,
  width: number,
  low: number,
  high: number,
): Histogram {
  const binWidth = high > low ? 2 ** Math.ceil(Math.log2((high - low) / (BINS - 1))) : 1;
  const counts = new Uint32Array(Math.min(BINS - 1, Math.floor((high - low) / binWidth)) + 1);
  for (let row = 0; row < data.length; row += width) {
    countRow(data, mask, row, row + width, low, 1 / binWidth, counts);
  }
  return { counts, low, binWidth };
}

function countRow(
  data: Float32Array,
  mask: Uint8Array | undefined,
  from: number,
  to: number,
  low: number,
  scale: number,
  counts: Uint32Array,
): void {
  const last = counts.length - 1;
  for (let p = from; p < to; p++) {
    if (mask !== undefined && mask[p] === 0) continue;
    const bin = (data[p] - low) * scale;
    counts[bin <= 0 ? 0 : bin >= last ? last : bin | 0]++;
  }
}

function statisticsOf({ counts, low, binWidth }: Histogram): ClippedStatistics {
  let total = 0;
  for (const count of counts) total += count;
  const cut = total * CLIP_FRACTION;
  let first = 0;
  for (let sum = counts[0]; sum <= cut && first < counts.length - 1; sum += counts[first]) first++;
  let last = counts.length - 1;
  for (let sum = counts[last]; sum <= cut && last > first; sum += counts[last]) last--;
  let sum = 0;
  let square = 0;
  const middle = (first + last) / 2; // sums about the middle lose no digits
  for (let bin = 0; bin < counts.length; bin++) {
    const t = Math.min(last, Math.max(first, bin)) - middle;
    sum += counts[bin] * t;
    square += counts[bin] * t * t;
  }
  const offset = sum / total;
  return {
    range: { low: low + first * binWidth, high: low + last * binWidth },
    mean: low + (middle + offset) * binWidth,
    spread: binWidth * Math.sqrt(Math.max(0, square / total - offset * offset)),
  };
}

function applyToRow(
  data: Float32Array,
  mask: Uint8Array | undefined,
  from: number,
  to: number,
  low: number,
  high: number,
  mean: number,
  scale: number,
): void {
  for (let p = from; p < to; p++) {
    const value = data[p];
    if (mask !== undefined && mask[p] === 0) data[p] = 0;
    else data[p] = (Math.max(low, Math.min(value, high)) - mean) * scale; // a choice by ?: would box every number
  }
}
