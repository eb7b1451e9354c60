/**
 * Are the membranes dark, as in most EM, or bright (inverted contrast)? What stain makes visible in a section is thin:
 * membranes, above all, are lines. So the test is which lines stand out, dark or bright ones. Along a line the image,
 * smoothed at about the thickness of a membrane, is curved across and hardly along (ridges by the eigenvalues of the
 * Hessian: Lindeberg 1998, "Edge detection and ridge detection with automatic scale selection"); what is curved as much
 * both ways is a spot (noise, vesicles, granules of a cell body) and says nothing. The third power lets the clearest lines
 * decide. Brightness and contrast do not move it, and inverting the image turns its sign exactly.
 */
import type { NdArray } from '../volume/array.ts';
import { gaussianBlur } from './blur.ts';

/** Smoothing (Gaussian sigma) in nm. */
const SMOOTHING_NM = 17;
const LARGEST_SIGMA = 12;

/** Side of the middle piece of a section that is looked at, in pixels. */
export const POLARITY_PIECE = 384;

/** What membranes look like. */
export type Membranes = 'dark' | 'bright';

/** Evidence of one section, or of several: all of it adds up. */
export interface PolarityEvidence {
  /** Strength of the dark lines. */
  readonly dark: number;
  /** Strength of the bright ones. */
  readonly bright: number;
  /** Variance of their difference, were every stretch of line dark or bright by chance. */
  readonly variance: number;
}

/**
 * Sections are turned where bright lines outweigh dark ones by this share of both, and by this many standard deviations: a
 * handful of lines says nothing, and dark membranes are usual. The shares of neuropil are 0.17 and more, of the inside of a
 * cell body about 0 (docs/experiments.md).
 */
const TURN_SHARE = 0.05;
const TURN_DEVIATIONS = 2.5;

/**
 * Evidence of one normalised section.
 * @param image dense float32 [height, width]
 * @param pixelNm mean in-plane pixel size
 */
export function polarityEvidence(image: NdArray<Float32Array>, pixelNm: number): PolarityEvidence {
  const { data, height, width } = middlePiece(image);
  const sigma = Math.min(LARGEST_SIGMA, SMOOTHING_NM / pixelNm);
  const smooth = gaussianBlur(data, height, width, sigma);
  const sums = { dark: 0, bright: 0, square: 0 };
  for (let y = 1; y + 1 < height; y++) addLines(sums, smooth, y * width, width);
  // pixels within reach of the smoothing say the same
  const alike = Math.max(1, 4 * Math.PI * sigma * sigma);
  return { dark: sums.dark, bright: sums.bright, variance: alike * sums.square };
}

/** True when the sampled sections together say that the membranes are bright. */
export function membranesAreBright(evidence: readonly PolarityEvidence[]): boolean {
  const sum = (value: (each: PolarityEvidence) => number) => evidence.reduce((s, each) => s + value(each), 0);
  const [dark, bright, variance] = [sum((e) => e.dark), sum((e) => e.bright), sum((e) => e.variance)];
  return bright - dark > Math.max(TURN_SHARE * (bright + dark), TURN_DEVIATIONS * Math.sqrt(variance));
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

interface Sums {
  dark: number;
  bright: number;
  square: number;
}

/** One row, in a function of its own, as in `segment/watershed.ts`. */
function addLines(sums: Sums, image: Float32Array, row: number, width: number): void {
  let { dark, bright, square } = sums;
  for (let p = row + 1; p + 1 < row + width; p++) {
    const here = 2 * image[p];
    const xx = image[p - 1] + image[p + 1] - here;
    const yy = image[p - width] + image[p + width] - here;
    const diagonal =
      image[p - width - 1] + image[p + width + 1] - image[p - width + 1] - image[p + width - 1];
    const trace = xx + yy;
    const spread = Math.sqrt((xx - yy) ** 2 + (diagonal * diagonal) / 4);
    // how much more it is curved across than along: |larger eigenvalue| - |smaller| = min(|trace|, spread)
    const line = Math.min(Math.abs(trace), spread);
    const strength = line * line * line;
    if (trace > 0) dark += strength;
    else bright += strength;
    square += strength * strength;
  }
  Object.assign(sums, { dark, bright, square });
}
