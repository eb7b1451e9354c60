/**
 * Targets of a block of sections, for a 3D network: every section gets the affinities that a 2D network is asked
 * for, and affinities with the sections before it (long ones too: Lee 2017, whose network this serves).
 */
import { type Components, connectedComponents } from './components.ts';
import { contestInPlace, contestPlaneInPlace, type Profiles, planeFactors } from './contested.ts';
import type { LabelPatch } from './resample.ts';
import type { SampleSpec, TargetLayout } from './spec.ts';
import {
  addCount,
  type ClassCount,
  type CrossOptions,
  crossAffinity,
  planeAffinity,
  shrinkBorders,
} from './targets.ts';

/** Where the targets of one sample go. */
export interface TargetPlace {
  readonly target: Float32Array;
  readonly weight: Float32Array;
  /** Of its first channel. */
  readonly start: number;
}

/**
 * Writes the in-plane affinities of one section and their weights, and adds to the class counts.
 * @param stride elements from one channel to the next
 * @param neighbours the sections next to it
 */
export function renderPlaneAffinities(
  { target, weight, start }: TargetPlace,
  stride: number,
  patch: LabelPatch,
  components: Components,
  neighbours: readonly LabelPatch[],
  margin: number,
  spec: SampleSpec,
  counts: readonly ClassCount[],
): void {
  const shrink = spec.shrinkBorder ?? 0;
  const shrunk = shrink > 0 ? shrinkBorders(components, patch.side, shrink) : components;
  const factors = spec.moving ? planeFactors(patch, components, neighbours, spec.moving) : undefined;
  spec.offsets.forEach((offset, channel) => {
    const short = Math.max(Math.abs(offset[0]), Math.abs(offset[1])) <= (spec.shrinkReach ?? 3);
    const profiles = short ? shrunk : components;
    const at = start + channel * stride;
    addCount(counts[channel], planeAffinity(target, weight, at, patch, profiles, margin, offset));
    if (factors) contestPlaneInPlace(target, weight, at, factors, patch.side, margin, offset);
  });
}

/**
 * Writes the affinities of one section with another and their weights, and adds to the class count.
 * @param profiles of both, asked for where pixels are weighed by them
 */
export function renderCrossAffinity(
  { target, weight, start }: TargetPlace,
  [patch, other]: readonly [LabelPatch, LabelPatch],
  profiles: () => readonly [Profiles, Profiles],
  options: CrossOptions,
  { contested }: SampleSpec,
  count: ClassCount,
): void {
  addCount(count, crossAffinity(target, weight, start, patch, other, options));
  if (contested) contestInPlace(target, weight, start, ...profiles(), patch.side, options, contested);
}

/** The sections next to section `k`. */
export function neighboursOf(patches: readonly LabelPatch[], k: number): LabelPatch[] {
  return patches.filter((_, at) => Math.abs(at - k) === 1);
}

/**
 * Writes all channels of a block, `[C, sections, S, S]`. Sections that are lost, and what lies before the first, are
 * masked.
 */
export function renderBlockTargets(
  place: TargetPlace,
  patches: readonly LabelPatch[],
  lost: readonly boolean[],
  margin: number,
  spec: SampleSpec,
  layout: TargetLayout,
  counts: readonly ClassCount[],
): void {
  const { target, weight, start } = place;
  const plane = spec.size * spec.size;
  const stride = patches.length * plane;
  const profiles = patches.map((patch, k) => (lost[k] ? undefined : connectedComponents(patch)));
  patches.forEach((patch, k) => {
    const here = profiles[k];
    if (!here) return;
    const first = start + k * plane;
    const [to, neighbours] = [{ target, weight, start: first }, neighboursOf(patches, k)];
    renderPlaneAffinities(to, stride, patch, here, neighbours, margin, spec, counts);
    spec.zReach?.forEach((reach, i) => {
      const before = profiles[k - reach];
      if (!before) return;
      const channel = layout.cross[0] + i;
      const at = first + channel * stride;
      const [place, pair] = [{ target, weight, start: at }, [patch, patches[k - reach]] as const];
      renderCrossAffinity(place, pair, () => [here, before], { margin }, spec, counts[channel]);
    });
  });
}
