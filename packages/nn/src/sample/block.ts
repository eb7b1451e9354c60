/**
 * Targets of a block of sections, for a 3D network: every section gets the affinities that a 2D network is asked
 * for, and affinities with the sections before it (long ones too: Lee 2017, whose network this serves).
 */
import { type Components, connectedComponents } from './components.ts';
import type { LabelPatch } from './resample.ts';
import type { SampleSpec, TargetLayout } from './spec.ts';
import { addCount, type ClassCount, crossAffinity, planeAffinity, shrinkBorders } from './targets.ts';

/** Where the targets of one sample go. */
export interface TargetPlace {
  readonly target: Float32Array;
  readonly weight: Float32Array;
  /** Of its first channel. */
  readonly start: number;
}

/**
 * Writes the in-plane affinities of one section and their masks, and adds to the class counts.
 * @param stride elements from one channel to the next
 */
export function renderPlaneAffinities(
  { target, weight, start }: TargetPlace,
  stride: number,
  patch: LabelPatch,
  components: Components,
  margin: number,
  spec: SampleSpec,
  counts: readonly ClassCount[],
): void {
  const shrink = spec.shrinkBorder ?? 0;
  const shrunk = shrink > 0 ? shrinkBorders(components, patch.side, shrink) : components;
  spec.offsets.forEach((offset, channel) => {
    const short = Math.max(Math.abs(offset[0]), Math.abs(offset[1])) <= (spec.shrinkReach ?? 3);
    const profiles = short ? shrunk : components;
    const at = start + channel * stride;
    addCount(counts[channel], planeAffinity(target, weight, at, patch, profiles, margin, offset));
  });
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
  patches.forEach((patch, k) => {
    if (lost[k]) return;
    const here = { target, weight, start: start + k * plane };
    renderPlaneAffinities(here, stride, patch, connectedComponents(patch), margin, spec, counts);
    spec.zReach?.forEach((reach, i) => {
      if (k < reach || lost[k - reach]) return;
      const channel = layout.cross[0] + i;
      const at = here.start + channel * stride;
      addCount(counts[channel], crossAffinity(target, weight, at, patch, patches[k - reach], { margin }));
    });
  });
}
