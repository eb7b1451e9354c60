/**
 * The contrast of a section as the network sees it: clipped at the 0.5th and 99.5th percentile of its tissue,
 * then zero mean and unit spread (the usual winsorised z-score; a few dust grains or bright holes would
 * otherwise set the scale). Training and inference share this function.
 */
import { type NdArray, ndarray, toDense } from '../volume/array.ts';
import type { RawSection } from '../volume/contracts.ts';
import { findTissue, type Tissue } from './tissue.ts';

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

/** What a section turned out to be, for notes. */
export type SectionState = 'tissue' | 'constant' | 'no-data';

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
  /** What was done, one line each, without the section's name. */
  readonly notes: readonly string[];
}

/** Normalises one section. The input is not changed. */
export function normaliseSection(raw: RawSection, options: NormaliseOptions = {}): NormalisedSection {
  const [height, width] = raw.shape;
  const dense = toDense(raw).data;
  const integral = !(dense instanceof Float32Array);
  const data = Float32Array.from(dense);
  const tissue = findTissue(data, height, width);
  const count = data.length - tissue.invalidPixels - tissue.fillPixels;
  const notes = describe(tissue, data.length);
  const base = {
    image: ndarray(data, [height, width]),
    invalidPixels: tissue.invalidPixels,
    fillPixels: tissue.fillPixels,
    notes,
  };
  const enough =
    count >= Math.max(1, Math.min(MIN_JUDGED_PIXELS, data.length), data.length * MIN_TISSUE_FRACTION);
  if (!enough) {
    data.fill(0);
    const state = tissue.fillPixels > 0 ? 'constant' : 'no-data';
    return { ...base, tissue: tissue.mask, state, mean: 0, spread: 0 };
  }
  const range = clipRange(data, tissue.mask, integral);
  const { mean, spread } = clippedMoments(data, tissue.mask, range);
  const blank = !(spread > Math.max(options.minSpread ?? 0, 1e-6 * Math.abs(mean), Number.MIN_VALUE));
  if (blank && data.length >= MIN_JUDGED_PIXELS) {
    data.fill(0);
    return { ...base, tissue: tissue.mask, state: 'constant', mean, spread };
  }
  const scale = spread > 0 ? (options.invert ? -1 : 1) / spread : 0;
  applyInPlace(data, tissue.mask, range, mean, scale);
  return { ...base, tissue: tissue.mask, state: 'tissue', mean, spread };
}

function describe({ invalidPixels, fillPixels }: Tissue, pixels: number): string[] {
  const percent = (part: number) => `${((100 * part) / pixels).toFixed(part * 100 < pixels ? 2 : 0)} %`;
  const notes: string[] = [];
  if (invalidPixels > 0) notes.push(`${percent(invalidPixels)} of the pixels have no value: left out`);
  if (fillPixels > 0) notes.push(`${percent(fillPixels)} is constant fill at the border: left out`);
  return notes;
}

interface GreyRange {
  readonly low: number;
  readonly high: number;
}

/** Grey values at the two clip percentiles of the tissue. */
function clipRange(data: Float32Array, mask: Uint8Array | undefined, integral: boolean): GreyRange {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let p = 0; p < data.length; p++) {
    if (mask && mask[p] === 0) continue;
    const value = data[p];
    if (value < min) min = value;
    if (value > max) max = value;
  }
  let range: GreyRange = { low: min, high: max };
  // An outlier far off leaves the rest in a few bins: look closer until the percentiles fill the histogram.
  for (let round = 0; round < 6 && range.high > range.low; round++) {
    const width = integral
      ? Math.max(1, (range.high - range.low) / (BINS - 1))
      : (range.high - range.low) / (BINS - 1);
    const next = percentiles(data, mask, range, width);
    const filled = (next.high - next.low) / width;
    const wider = { low: Math.max(min, next.low - width), high: Math.min(max, next.high + width) };
    const settled =
      filled > 64 || (integral && width === 1) || wider.high - wider.low >= range.high - range.low;
    if (settled) return next;
    range = wider;
  }
  return range;
}

function percentiles(
  data: Float32Array,
  mask: Uint8Array | undefined,
  { low, high }: GreyRange,
  width: number,
): GreyRange {
  const histogram = new Uint32Array(BINS);
  const scale = 1 / width;
  const last = Math.min(BINS - 1, Math.floor((high - low) * scale));
  let total = 0;
  for (let p = 0; p < data.length; p++) {
    if (mask && mask[p] === 0) continue;
    const bin = (data[p] - low) * scale;
    histogram[bin <= 0 ? 0 : bin >= last ? last : bin | 0]++;
    total++;
  }
  const cut = total * CLIP_FRACTION;
  let first = 0;
  for (let sum = histogram[0]; sum <= cut && first < last; sum += histogram[first]) first++;
  let final = last;
  for (let sum = histogram[last]; sum <= cut && final > 0; sum += histogram[final]) final--;
  return { low: low + first * width, high: low + Math.max(first, final) * width };
}

function clippedMoments(data: Float32Array, mask: Uint8Array | undefined, { low, high }: GreyRange) {
  const middle = (low + high) / 2; // sums about the middle lose no digits
  let count = 0;
  let sum = 0;
  let square = 0;
  for (let p = 0; p < data.length; p++) {
    if (mask && mask[p] === 0) continue;
    const value = data[p];
    const t = (value < low ? low : value > high ? high : value) - middle;
    sum += t;
    square += t * t;
    count++;
  }
  const offset = sum / count;
  return { mean: middle + offset, spread: Math.sqrt(Math.max(0, square / count - offset * offset)) };
}

function applyInPlace(
  data: Float32Array,
  mask: Uint8Array | undefined,
  { low, high }: GreyRange,
  mean: number,
  scale: number,
): void {
  for (let p = 0; p < data.length; p++) {
    const value = data[p];
    data[p] = mask && mask[p] === 0 ? 0 : ((value < low ? low : value > high ? high : value) - mean) * scale;
  }
}
