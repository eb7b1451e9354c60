/**
 * What a training batch is made of: its sizes and the order of its target channels.
 */
import { KynError, type Offset2 } from '@kyn/core';
import type { AugmentOptions } from './augment-options.ts';

export interface SampleSpec {
  /** Side of the square patch, px. */
  size: number;
  /** Samples a batch. */
  batch: number;
  /** Neighbouring sections of a sample. */
  sections: number;
  /** Ask for the affinities of the {@link targetSection} with the sections next to it; default true. */
  cross?: boolean;
  /** Then also: is pixel p of the {@link targetSection} the same neuron as pixel p + displaced[i] of the next section? */
  displaced?: readonly Offset2[];
  /** How much more contested pixels count in all affinities between sections, see `contestInPlace`; default 0: all alike. */
  contested?: number;
  /** How much more moving pixels count in in-plane affinities, and above 0 also small profiles, see `planeFactors`; default 0: all alike. */
  moving?: number;
  /** Patches to draw from, the same ones again and again, warped and coloured anew; default: no limit. */
  patches?: number;
  /** In-plane affinity channels. */
  offsets: readonly Offset2[];
  /**
   * Makes samples blocks for a 3D network: affinities are asked for in every section, and between each section and
   * those that lie this many before it; `cross` is not read.
   */
  zReach?: readonly number[];
  /** Window of the local shape descriptors, px; 0 leaves them out. */
  lsdSigma: number;
  /** In-plane pixel size the network works at. */
  pixelNm: number;
  augment: AugmentOptions;
  /** Pixels this near a label border count as boundary in the short-range channels; default 0. */
  shrinkBorder?: number;
  /** Longest offset that `shrinkBorder` applies to, px; default 3. */
  shrinkReach?: number;
  /** Class weights are cut to this range; default {@link CLASS_WEIGHT_RANGE}. */
  classWeightRange?: readonly [least: number, most: number];
}

export const CLASS_WEIGHT_RANGE: readonly [number, number] = [0.2, 5];

/** Which channel of `target` and `weight` is what. Ranges are [first, end). */
export interface TargetLayout {
  readonly channels: number;
  /** Affinities of {@link targetSection} (in a block: of every section), in the order of the offsets. */
  readonly plane: readonly [number, number];
  /**
   * Affinity of {@link targetSection} with the section before and the one after, where the sample has them, then the
   * displaced ones; in a block, of every section with the one `reach` before it, for each reach.
   */
  readonly cross: readonly [number, number];
  /** Shape descriptors of {@link targetSection}: mean offset y, x; covariance yy, xx, yx; size. */
  readonly lsd: readonly [number, number];
}

/** Channels of the six local shape descriptors. */
export const LSD_CHANNELS = 6;

export function targetLayout(spec: SampleSpec): TargetLayout {
  const plane = spec.offsets.length;
  const pairs = spec.cross === false ? 0 : targetPairs(spec.sections).length + (spec.displaced?.length ?? 0);
  const cross = plane + (spec.zReach?.length ?? pairs);
  const channels = cross + (spec.lsdSigma > 0 ? LSD_CHANNELS : 0);
  return { channels, plane: [0, plane], cross: [plane, cross], lsd: [cross, channels] };
}

/** A sample has no more sections than this. */
const MOST_SECTIONS = 64;

/** The section whose in-plane affinities are asked for: the middle one, of an even number the one before it. */
export function targetSection(sections: number): number {
  return (sections - 1) >> 1;
}

/** The lower section of each pair of neighbours that a sample is asked about: those that the {@link targetSection} is of. */
export function targetPairs(sections: number): number[] {
  const asked = targetSection(sections);
  return [asked - 1, asked].filter((lower) => lower >= 0 && lower + 1 < sections);
}

/** Pixels around the patch that its targets need to know the labels of. */
export function labelMargin(spec: SampleSpec): number {
  const reach = [...spec.offsets, ...(spec.displaced ?? [])].reduce(
    (most, [dy, dx]) => Math.max(most, Math.abs(dy), Math.abs(dx)),
    0,
  );
  return Math.max(reach + (spec.shrinkBorder ?? 0), Math.ceil(LSD_REACH * spec.lsdSigma), 1);
}

/** The window of the shape descriptors is cut off at this many sigma. */
export const LSD_REACH = 3;

/** @throws KynError `usage` for sizes that make no batch. */
export function checkSpec(spec: SampleSpec): void {
  const wrong = (what: string): never => {
    throw new KynError('usage', `sample spec: ${what}`);
  };
  if (!Number.isInteger(spec.size) || spec.size < 8) wrong(`size ${spec.size} is not a whole number from 8`);
  if (!Number.isInteger(spec.batch) || spec.batch < 1)
    wrong(`batch ${spec.batch} is not a whole number from 1`);
  if (!Number.isInteger(spec.sections) || spec.sections < 1 || spec.sections > MOST_SECTIONS)
    wrong(`${spec.sections} sections are not a whole number from 1 to ${MOST_SECTIONS}`);
  if (spec.zReach && spec.lsdSigma > 0) wrong('shape descriptors are for single sections, not for blocks');
  for (const reach of spec.zReach ?? []) {
    if (!Number.isInteger(reach) || reach < 1 || reach >= spec.sections)
      wrong(`reach ${reach} between sections is not within a block of ${spec.sections}`);
  }
  if (spec.displaced?.length && (spec.cross === false || spec.zReach || spec.sections < 2))
    wrong('displaced affinities are asked about a section and the next one');
  if (!(spec.pixelNm > 0)) wrong(`pixel size ${spec.pixelNm} nm is not positive`);
  if (!(spec.lsdSigma >= 0)) wrong(`shape descriptor window ${spec.lsdSigma} is negative`);
  if (!((spec.contested ?? 0) >= 0)) wrong(`contested ${spec.contested} is negative`);
  if (!((spec.moving ?? 0) >= 0)) wrong(`moving ${spec.moving} is negative`);
  for (const [dy, dx] of spec.offsets) {
    if (!Number.isInteger(dy) || !Number.isInteger(dx) || (dy === 0 && dx === 0)) {
      wrong(`offset ${dy}, ${dx} is not a whole number of pixels away`);
    }
  }
}
