/**
 * Are two neighbouring sections shifted against each other? Both are shrunk to at most 128 pixels a side, and
 * their correlation at all displacements comes from one Fourier transform (phase correlation, Kuglin & Hines 1975,
 * here with half-whitened spectra, which is steadier where sections differ by more than noise). The displacement
 * of the highest peak counts as visible where the peak stands clearly above the correlation at rest.
 */
import type { NdArray } from '../volume/array.ts';
import { type ComplexImage, fft2InPlace } from './fft.ts';

/** Side of the shrunken sections. */
const SIDE = 128;

/** A section's spectrum, kept until the next section is there. */
export interface SectionSpectrum {
  readonly transform: ComplexImage;
  /** Section pixels a pixel of the shrunken image. */
  readonly step: number;
}

/** Spectrum of a normalised section [height, width]; undefined where it is too small to tell. */
export function sectionSpectrum({ data, shape }: NdArray<Float32Array>): SectionSpectrum | undefined {
  const [height, width] = shape;
  const step = Math.max(1, Math.ceil(Math.max(height, width) / SIDE));
  const rows = Math.floor(height / step);
  const columns = Math.floor(width / step);
  if (Math.min(rows, columns) < 32) return undefined;
  const re = new Float32Array(SIDE * SIDE);
  const im = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < rows * step; y++) {
    addShrunkRow(data, y * width, step, re, Math.floor(y / step) * SIDE, columns);
  }
  windowInPlace(re, rows, columns);
  const transform = { side: SIDE, re, im };
  fft2InPlace(transform);
  return { transform, step };
}

/** Adds one row of the section to its row of the shrunken image. */
function addShrunkRow(
  data: Float32Array,
  from: number,
  step: number,
  out: Float32Array,
  to: number,
  columns: number,
): void {
  const weight = 1 / (step * step);
  for (let x = 0, p = from; x < columns; x++) {
    let sum = 0;
    for (let i = 0; i < step; i++) sum += data[p++];
    out[to + x] += sum * weight;
  }
}

/** Zero mean, and faded out towards the border (Hann), so that the edges of the image do not correlate. */
function windowInPlace(image: Float32Array, rows: number, columns: number): void {
  let mean = 0;
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) mean += image[y * SIDE + x];
  mean /= rows * columns;
  for (let y = 0; y < rows; y++) {
    const wy = 0.5 - 0.5 * Math.cos((2 * Math.PI * (y + 0.5)) / rows);
    for (let x = 0; x < columns; x++) {
      const wx = 0.5 - 0.5 * Math.cos((2 * Math.PI * (x + 0.5)) / columns);
      image[y * SIDE + x] = (image[y * SIDE + x] - mean) * wy * wx;
    }
  }
}

let band: Float32Array | undefined;

/** Frequencies that membranes are made of: neither the light over the section nor its noise. */
function membraneBand(): Float32Array {
  if (band) return band;
  band = new Float32Array(SIDE * SIDE);
  for (let y = 0, i = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++, i++) {
      const frequency = Math.min(y, SIDE - y) ** 2 + Math.min(x, SIDE - x) ** 2;
      band[i] = Math.exp(-frequency / (2 * 28 ** 2)) * (1 - Math.exp(-frequency / (2 * 4 ** 2)));
    }
  }
  return band;
}

export interface SectionShift {
  /** How far the upper section lies from the lower, in section pixels. */
  readonly y: number;
  readonly x: number;
  /** Height of the peak, and of the correlation at rest (within one pixel), in standard deviations. */
  readonly peak: number;
  readonly atRest: number;
}

/** b · conj(a), half-whitened, in the band: its transform back has its peak where b lies from a. */
function crossSpectrum(a: ComplexImage, b: ComplexImage, re: Float32Array, im: Float32Array): void {
  const passed = membraneBand();
  for (let i = 0; i < re.length; i++) {
    const real = b.re[i] * a.re[i] + b.im[i] * a.im[i];
    const imaginary = b.im[i] * a.re[i] - b.re[i] * a.im[i];
    const magnitude = Math.sqrt(real * real + imaginary * imaginary);
    const scale = magnitude > 0 ? passed[i] / Math.sqrt(magnitude) : 0;
    re[i] = real * scale;
    im[i] = imaginary * scale;
  }
}

/** Where the highest value is, and the sum of squares. */
function highest(values: Float32Array): { best: number; square: number } {
  let best = 0;
  let square = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] > values[best]) best = i;
    square += values[i] * values[i];
  }
  return { best, square };
}

/** Displacement of the best match of two sections of one size. */
export function measureShift(lower: SectionSpectrum, upper: SectionSpectrum): SectionShift {
  const re = new Float32Array(SIDE * SIDE);
  const im = new Float32Array(SIDE * SIDE);
  crossSpectrum(lower.transform, upper.transform, re, im);
  fft2InPlace({ side: SIDE, re, im }, true);
  const { best, square } = highest(re);
  const deviation = Math.sqrt(square / re.length) || 1;
  const signed = (at: number) => (at >= SIDE / 2 ? at - SIDE : at);
  const y = signed(Math.floor(best / SIDE));
  const x = signed(best % SIDE);
  let atRest = Number.NEGATIVE_INFINITY;
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      atRest = Math.max(atRest, re[((dy + SIDE) % SIDE) * SIDE + ((dx + SIDE) % SIDE)]);
    }
  }
  return { y: y * upper.step, x: x * upper.step, peak: re[best] / deviation, atRest: atRest / deviation };
}

/** Shifts below this are no news: sections are never aligned better. */
const VISIBLE_NM = 60;

/**
 * The peak must be this high, in standard deviations, and this much higher than at rest. On real stacks true peaks
 * stand at 17 and more, chance peaks of small or hardly similar sections at up to 13.
 */
const MIN_PEAK = 14;
const ABOVE_REST = 1.25;

/** The shift in nm, y and x, where it is visible; else undefined. */
export function visibleShift(
  shift: SectionShift,
  step: number,
  pixelNm: readonly [number, number],
): readonly [number, number] | undefined {
  const nm = [shift.y * pixelNm[0], shift.x * pixelNm[1]] as const;
  const far = Math.hypot(...nm) >= VISIBLE_NM && Math.hypot(shift.y, shift.x) >= 2 * step;
  return far && shift.peak >= MIN_PEAK && shift.peak >= ABOVE_REST * shift.atRest ? nm : undefined;
}
