/**
 * How dark the walls make each pixel. A section is a slab that the beam crosses from face to face, so a pixel is
 * dark by the part of its column that lies in membrane: all of it for a wall that stands upright, a grey ramp for
 * one that runs through obliquely, a faint veil for one that lies flat. Along the column the signed distance to
 * the wall is taken as linear between the slices at faces and middle.
 */
import type { Slice } from './sub-sections.ts';

/** Part of the way from `from` to `to` that lies within ±half. */
export function fractionWithin(from: number, to: number, half: number): number {
  const low = Math.min(from, to);
  const high = Math.max(from, to);
  if (high - low < 1e-3) return Math.abs(low) < half ? 1 : 0;
  return Math.max(0, Math.min(high, half) - Math.max(low, -half)) / (high - low);
}

export interface WallProfile {
  /** nm from outer side to outer side of a pair of membranes. */
  readonly widthNm: number;
  /** nm of the cleft between them and how much of the darkness it lacks (0..1). */
  readonly cleftNm: number;
  readonly cleftLight: number;
}

/**
 * Adds half a section's walls to `out` (0 none, 0.5 dark all through the half), between two slices `gapNm` apart.
 * Mutates `out`.
 */
export function addWalls(
  out: Float32Array,
  from: Slice,
  to: Slice,
  pixelNm: number,
  gapNm: number,
  profile: WallProfile,
): void {
  const half = profile.widthNm / 2;
  const cleft = profile.cleftNm / 2;
  const far = half + 2.5 * gapNm;
  const fromDistance = from.distance;
  const toDistance = to.distance;
  for (let p = 0; p < out.length; p++) {
    const a = fromDistance[p] * pixelNm;
    const reach = toDistance[p] * pixelNm;
    const same = from.labels[p] === to.labels[p];
    if (same && a > far && reach > far) continue;
    const b = same ? reach : -reach;
    // A tilted wall is met over a longer stretch than its thickness: w / cos(tilt).
    const slope = (a - b) / gapNm;
    const stretch = Math.min(6, Math.sqrt(1 + slope * slope));
    let dark = fractionWithin(a, b, half * stretch);
    if (dark > 0) dark -= profile.cleftLight * fractionWithin(a, b, cleft * stretch);
    out[p] += dark / 2;
  }
}
