/**
 * Are two neighbouring sections shifted against each other? Both are shrunk to at most 128 pixels a side, and
 * their correlation at all displacements comes from one Fourier transform (phase correlation, Kuglin & Hines 1975,
 * here with half-whitened spectra, which is steadier where sections differ by more than noise). The displacement
 * of the highest peak counts as visible where the peak stands clearly above the correlation at rest. Of large sections the
 * middle is looked at as well, which is shrunk less and shows smaller shifts. Ever sharper middles then tell the shift to
 * {@link FINEST} pixels, and it must make the two sections more alike, all over. What is left then, or was too small to be seen, is told to a
 * pixel by how much alike they are around there.
 */
import type { NormalisedSection } from '../predict/normalise.ts';
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';
import { displacedParts } from './displaced-parts.ts';
import { type ComplexImage, fft2InPlace } from './fft.ts';
import { bestShift, STEP, shrunkDetail } from './likeness.ts';
import { moreAlike, type Places, shiftedBy } from './move.ts';
import { StageTimer, SYSTEM_CLOCK } from './report.ts';
import { withinSight } from './sight.ts';

/** Side of the shrunken sections. */
const SIDE = 128;

/** The middle of a larger section is looked at with so many pixels becoming one. */
const SHARP = 4;

/** A shift is told to so many pixels: the network, which bears ten, answers about neighbours for blocks of as many. */
const FINEST = 2;

/** A section's spectrum, kept until the next section is there. */
interface SectionSpectrum {
  readonly transform: ComplexImage;
  /** Size of the shrunken image, which lies in the corner of the transformed one. */
  readonly rows: number;
  readonly columns: number;
  /** Section pixels a pixel of the shrunken image. */
  readonly step: number;
}

/**
 * Spectra of a normalised section [height, width]: of all of it, which shows how far it may lie away, and of its middle where
 * that is shrunk less. None where it is too small to tell.
 */
export function sectionSpectra(image: NdArray<Float32Array>): readonly SectionSpectrum[] {
  const [height, width] = image.shape;
  const coarse = Math.max(1, Math.ceil(Math.max(height, width) / SIDE));
  const steps = coarse > SHARP ? [coarse, SHARP] : [coarse];
  return steps.flatMap((step) => {
    const [rows, columns] = [height, width].map((length) => middle(length, SIDE * step));
    return windowSpectrum(image, rows, columns, step) ?? [];
  });
}

/** A stretch of an axis, px. */
interface Stretch {
  readonly from: number;
  readonly length: number;
}

/** The middle of an axis, at most so long. */
function middle(length: number, most: number): Stretch {
  const kept = Math.min(length, most);
  return { from: Math.floor((length - kept) / 2), length: kept };
}

/** Spectrum of a part of a section, `step` pixels becoming one, at most {@link SIDE} along either axis. */
function windowSpectrum(
  { data, shape }: NdArray<Float32Array>,
  vertical: Stretch,
  horizontal: Stretch,
  step: number,
): SectionSpectrum | undefined {
  const rows = Math.floor(vertical.length / step);
  const columns = Math.floor(horizontal.length / step);
  if (Math.min(rows, columns) < 32) return undefined;
  const re = new Float32Array(SIDE * SIDE);
  const im = new Float32Array(SIDE * SIDE);
  for (let y = 0; y < rows * step; y++) {
    const from = (vertical.from + y) * shape[1] + horizontal.from;
    addShrunkRow(data, from, step, re, Math.floor(y / step) * SIDE, columns);
  }
  windowInPlace(re, rows, columns);
  const transform = { side: SIDE, re, im };
  fft2InPlace(transform);
  return { transform, rows, columns, step };
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

interface SectionShift {
  /** How far the upper section lies from the lower, in section pixels. */
  readonly y: number;
  readonly x: number;
  /** Height of the peak, and of the correlation at rest (within one pixel), in standard deviations of all but the peak. */
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

/** Lags around the highest that are part of the peak. */
const PEAK_RADIUS = 2;

/** Displacement of the best match of two sections of one size, by at most half of either side. */
function measureShift(lower: SectionSpectrum, upper: SectionSpectrum): SectionShift {
  const re = new Float32Array(SIDE * SIDE);
  const im = new Float32Array(SIDE * SIDE);
  crossSpectrum(lower.transform, upper.transform, re, im);
  fft2InPlace({ side: SIDE, re, im }, true);
  const { step } = upper;
  const [highest, widest] = [upper.rows >> 1, upper.columns >> 1];
  const at = (dy: number, dx: number) => re[((dy + SIDE) % SIDE) * SIDE + ((dx + SIDE) % SIDE)];
  let [y, x, peak] = [0, 0, Number.NEGATIVE_INFINITY];
  for (let dy = -highest; dy < highest; dy++) {
    for (let dx = -widest; dx < widest; dx++) if (at(dy, dx) > peak) [y, x, peak] = [dy, dx, at(dy, dx)];
  }
  let atRest = Number.NEGATIVE_INFINITY;
  let [square, count] = [0, 0];
  for (let dy = -highest; dy < highest; dy++) {
    for (let dx = -widest; dx < widest; dx++) {
      if (Math.max(Math.abs(dy), Math.abs(dx)) <= 1) atRest = Math.max(atRest, at(dy, dx));
      if (Math.max(Math.abs(dy - y), Math.abs(dx - x)) <= PEAK_RADIUS) continue;
      square += at(dy, dx) ** 2;
      count++;
    }
  }
  const deviation = Math.sqrt(square / count) || 1;
  return { y: y * step, x: x * step, peak: peak / deviation, atRest: atRest / deviation };
}

/** Shifts below this are no news: sections are never aligned better. */
const VISIBLE_NM = 60;

/**
 * The peak must be this high, in standard deviations, and this much higher than at rest. On real stacks true peaks
 * stand at 17 and more, chance peaks of small or hardly similar sections at up to 13.
 */
const MIN_PEAK = 14;
const ABOVE_REST = 1.25;

/**
 * A lower peak will do where the sections are much more alike there: by so much of their correlation. Of 1,692 pairs of neighbours each,
 * crops of 120, 200 and 400 px that are not shifted, it adds one, none and none to those that are told; of 279 that are, 68, 48
 * and 10 (docs/experiments.md).
 */
const LOW_PEAK = 8;
const LOW_ABOVE_REST = 2;
const MUCH_MORE_ALIKE = 0.2;
/** Strips that are narrower, in pixels of the shrunken image, look alike by chance. */
const LEAST_SIDE = 64;

/** A section to be compared. */
interface ShownSection {
  /** Dense [height, width], contrast-normalised. */
  readonly image: NdArray<Float32Array>;
  readonly spectra: readonly SectionSpectrum[];
}

/**
 * How far the tissue of the upper section lies from where it is in the lower one, where that can be seen.
 * @param pixelNm size of a pixel, y and x
 * @returns px, multiples of {@link FINEST}
 */
export function visibleShift(
  lower: ShownSection,
  upper: ShownSection,
  pixelNm: readonly [number, number],
): Offset2 | undefined {
  for (const [i, below] of lower.spectra.entries()) {
    const { step, rows, columns } = upper.spectra[i];
    const shift = measureShift(below, upper.spectra[i]);
    const told = isVisible([shift.y, shift.x], pixelNm) && Math.hypot(shift.y, shift.x) >= 2 * step;
    const high = shift.peak >= MIN_PEAK && shift.peak >= ABOVE_REST * shift.atRest;
    const wide = Math.min(rows, columns) >= LEAST_SIDE;
    const low = wide && shift.peak >= LOW_PEAK && shift.peak >= LOW_ABOVE_REST * shift.atRest;
    if (!told || !(high || low)) continue;
    const [y, x] = refined(lower.image, upper.image, shift, step);
    const least = high ? 0 : MUCH_MORE_ALIKE;
    const places = shiftedBy(upper.image.shape, [y, x]);
    if (isVisible([y, x], pixelNm) && moreAlike(lower.image, upper.image, places, least)) return [y, x];
    if (high) return undefined;
  }
  return undefined;
}

function isVisible([y, x]: Offset2, pixelNm: readonly [number, number]): boolean {
  return Math.hypot(y * pixelNm[0], x * pixelNm[1]) >= VISIBLE_NM;
}

/** The shift by ever smaller and sharper middles of what the two sections share, as far as these can tell. */
function refined(
  lower: NdArray<Float32Array>,
  upper: NdArray<Float32Array>,
  { y, x }: SectionShift,
  coarsest: number,
): Offset2 {
  const shift: [number, number] = [y, x];
  for (let step = coarsest; step > FINEST; ) {
    const within = 2 * step;
    step = Math.max(FINEST, Math.ceil(step / 4));
    const shared = shift.map((by, axis): Stretch => {
      const { from, length } = middle(lower.shape[axis] - Math.abs(by), SIDE * step);
      return { from: from + Math.max(0, -by), length };
    });
    const moved = shared.map(({ from, length }, axis) => ({ from: from + shift[axis], length }));
    const a = windowSpectrum(lower, shared[0], shared[1], step);
    const b = windowSpectrum(upper, moved[0], moved[1], step);
    const found = a && b && measureShift(a, b);
    if (!found || found.peak < MIN_PEAK || Math.hypot(found.y, found.x) > within) break;
    shift[0] += found.y;
    shift[1] += found.x;
  }
  return [FINEST * Math.round(shift[0] / FINEST), FINEST * Math.round(shift[1] / FINEST)];
}

/** What the shift of a section is told from. */
type Placed = Pick<NormalisedSection, 'image' | 'state'> & { readonly z: number };

/** How a section lies against the one with tissue before it, where the network is shown the two together and it can be seen. */
export interface Shifted {
  /** How far its tissue lies from where it is in that one, px, where that is far enough to be told of. */
  readonly shift?: Offset2 | undefined;
  /** How far the parts lie from the rest, px, where there are some that lie elsewhere. */
  readonly parts?: readonly Offset2[] | undefined;
  /** Where its pixels lie in that one; undefined where they lie in line. */
  readonly places?: Places | undefined;
}

/**
 * Tells of sections how they are shifted.
 * @param sections in order of depth
 * @param pixelNm size of their pixels, y and x
 * @param position of section z, in section thicknesses
 */
export async function* withShifts<S extends Placed>(
  sections: AsyncIterable<S>,
  pixelNm: readonly [number, number],
  position: (z: number) => number,
  timer = new StageTimer(SYSTEM_CLOCK),
): AsyncGenerator<S & Shifted, void, undefined> {
  let before: (ShownSection & Pick<S, 'z'>) | undefined;
  for await (const section of sections) {
    if (section.state !== 'tissue') {
      yield section;
      continue;
    }
    const shifted = timer.run('normalise', () => {
      const here = { z: section.z, image: section.image, spectra: sectionSpectra(section.image) };
      const together = before && withinSight(position(before.z), position(section.z));
      const found = before && together ? placed(before, here, pixelNm) : {};
      before = here;
      return found;
    });
    yield { ...section, ...shifted };
  }
}

function placed(lower: ShownSection, upper: ShownSection, pixelNm: readonly [number, number]): Shifted {
  const found = finerShift(lower.image, upper.image, visibleShift(lower, upper, pixelNm));
  const shift = found && isVisible(found, pixelNm) ? found : undefined;
  const displaced = displacedParts(lower.image, upper.image, found);
  if (displaced) return { shift, ...displaced };
  return found ? { shift, places: shiftedBy(upper.image.shape, found) } : {};
}

/** Sections this much alike tell a shift that is too small to be seen, from {@link FINEST} pixels on; narrower ones look alike by chance. */
const ALIKE = 0.3;
const LEAST_NARROW = 100;

/** A shift, or none, corrected by what is left of it, where that can be told. */
export function finerShift(
  lower: NdArray<Float32Array>,
  upper: NdArray<Float32Array>,
  shift: Offset2 | undefined,
): Offset2 | undefined {
  if (Math.min(...upper.shape) < LEAST_NARROW) return shift;
  const { by, alike } = bestShift(shrunkDetail(lower, shift), shrunkDetail(upper));
  if (alike < ALIKE || STEP * Math.hypot(...by) < FINEST) return shift;
  const [y, x] = shift ?? [0, 0];
  return [y + Math.round(STEP * by[0]), x + Math.round(STEP * by[1])];
}
