/**
 * Are the membranes dark, as in most EM, or bright (inverted contrast)? Membranes are thin and closed: at their
 * scale the dark part of a normal section is a net around the cells, while its bright part is the cells, many
 * separate blobs. So the test is topological: smooth at about the thickness of a membrane (15 and 25 nm), cut at
 * a quantile from the dark and at the same quantile from the bright side, and compare the Euler numbers (blobs
 * minus holes) of the two sets, the "swiss cheese or meatballs" test of cosmology (Gott, Melott & Dickinson 1986,
 * "The sponge-like topology of large-scale structure"). Brightness, contrast, noise and blur hardly move it, and
 * inverting the image turns its sign exactly.
 */
import type { NdArray } from '../volume/array.ts';
import { gaussianBlur } from './blur.ts';

/** Smoothing (Gaussian sigma) in nm, and the quantiles that are cut at. */
const SMOOTHING_NM = [15, 25];
const QUANTILES = [0.35, 0.45];

/** Side of the middle piece of a section that is looked at, in pixels. */
export const POLARITY_PIECE = 384;

/** Evidence of one section: both counts add up over sections. */
export interface PolarityEvidence {
  /** Euler number of the bright sets minus that of the dark sets: positive for dark membranes. */
  readonly difference: number;
  /** Sum of their magnitudes. */
  readonly magnitude: number;
}

/**
 * Sections are turned where the bright sets are more net-like than the dark ones by this share of all evidence,
 * and by this many standard deviations of a count: a handful of blobs says nothing, and dark membranes are usual.
 */
const TURN_SHARE = 0.02;
const TURN_DEVIATIONS = 1;

/**
 * Evidence of one normalised section.
 * @param image dense float32 [height, width]
 * @param pixelNm mean in-plane pixel size
 */
export function polarityEvidence(image: NdArray<Float32Array>, pixelNm: number): PolarityEvidence {
  const piece = middlePiece(image);
  let difference = 0;
  let magnitude = 0;
  for (const sigmaNm of SMOOTHING_NM) {
    const smooth = gaussianBlur(piece.data, piece.height, piece.width, Math.min(12, sigmaNm / pixelNm));
    const sorted = sampleSorted(smooth);
    for (const q of QUANTILES) {
      const low = quantile(sorted, q);
      const high = quantile(sorted, 1 - q);
      const dark = eulerNumber(smooth, piece.height, piece.width, low, -1);
      const bright = eulerNumber(smooth, piece.height, piece.width, high, 1);
      difference += bright - dark;
      magnitude += Math.abs(bright) + Math.abs(dark);
    }
  }
  return { difference, magnitude };
}

/** Evidence of several sections together. */
export function addEvidence(evidence: readonly PolarityEvidence[]): PolarityEvidence {
  let difference = 0;
  let magnitude = 0;
  for (const each of evidence) {
    difference += each.difference;
    magnitude += each.magnitude;
  }
  return { difference, magnitude };
}

/** True when the sampled sections together say that the membranes are bright. */
export function membranesAreBright(evidence: readonly PolarityEvidence[]): boolean {
  const { difference, magnitude } = addEvidence(evidence);
  return difference < -(TURN_SHARE * magnitude + TURN_DEVIATIONS * Math.sqrt(magnitude));
}

function middlePiece({ data, shape }: NdArray<Float32Array>) {
  const [fullHeight, fullWidth] = shape;
  const height = Math.min(POLARITY_PIECE, fullHeight);
  const width = Math.min(POLARITY_PIECE, fullWidth);
  const top = (fullHeight - height) >> 1;
  const left = (fullWidth - width) >> 1;
  const out = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const from = (top + y) * fullWidth + left;
    out.set(data.subarray(from, from + width), y * width);
  }
  return { data: out, height, width };
}

function sampleSorted(image: Float32Array): Float32Array {
  const step = Math.max(1, Math.floor(image.length / 16384));
  const sample = new Float32Array(Math.ceil(image.length / step));
  for (let i = 0; i < sample.length; i++) sample[i] = image[i * step];
  return sample.sort();
}

function quantile(sorted: Float32Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))];
}

/**
 * Euler number, in 4-connectivity, of the pixels with `sign * value > sign * threshold`: pixels − adjacent pairs
 * + full 2 × 2 squares.
 */
export function eulerNumber(
  image: Float32Array,
  height: number,
  width: number,
  threshold: number,
  sign: 1 | -1,
): number {
  let count = 0;
  let above = new Uint8Array(width + 1);
  let row = new Uint8Array(width + 1);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 1; x <= width; x++, p++) {
      const here = sign * image[p] > sign * threshold ? 1 : 0;
      row[x] = here;
      if (here === 0) continue;
      const left = row[x - 1];
      const up = above[x];
      count += 1 - left - up + (left & up & above[x - 1]);
    }
    [above, row] = [row, above];
  }
  return count;
}
