/**
 * Weights for affinities by how much hangs on a pixel. Between sections, a patch is mostly the middle of
 * large profiles that lie one over the other, and slivers along their borders: both are easy, and neither decides a link. What
 * does is where profiles of two neurons cover much of each other, where those of one neuron cover each other little, and
 * small profiles altogether. Within a section, it is mostly the inside of large profiles and membranes that are cut straight;
 * what decides are small profiles, and places where labels move from section to section, as a membrane there is cut obliquely.
 * (Our own; of its kind are losses that weigh a pixel by the objects that hang on it: MALIS, Turaga 2009.)
 */
import type { Offset2 } from '@kyn/core';
import type { Components } from './components.ts';
import type { LabelPatch } from './resample.ts';
import type { CrossOptions } from './targets.ts';

/** The profiles of one section. */
export type Profiles = Pick<Components, 'ids' | 'count' | 'area'>;

/** Where so many pixels are a profile, or what two share, each counts as it is; of fewer, each counts more, by the root. */
const PIXELS = 300;
/** What that changes, at least and at most. */
const RANGE: readonly [least: number, most: number] = [0.5, 2];

const asFew = (pixels: number): number => Math.min(RANGE[1], Math.max(RANGE[0], Math.sqrt(PIXELS / pixels)));

/**
 * Changes the weights of one channel, in place; their mean over the pixels of either class stays as it is.
 * @param target, weight 0 or 1, `size` × `size` from `start`, as `crossAffinity` writes them
 * @param below, above profiles of the two sections, `side` × `side`; `displacement` leads from the first to the second
 * @param contested of pairs that share as many pixels, one pixel of the most contested counts as much as 1 + `contested` of the
 * least contested; at least 0
 */
export function contestInPlace(
  target: Float32Array,
  weight: Float32Array,
  start: number,
  below: Profiles,
  above: Profiles,
  side: number,
  { margin, displacement = [0, 0] }: CrossOptions,
  contested: number,
): void {
  const away = displacement[0] * side + displacement[1];
  const pairAt = (p: number): number => below.ids[p] * (above.count + 1) + above.ids[p + away];
  const shared = countPairs(pairAt, side, displacement);
  const factorAt = (p: number, same: boolean): number => {
    const [a, b] = [below.ids[p], above.ids[p + away]];
    if (a === 0 || b === 0) return 1;
    const overlap = shared.get(pairAt(p)) ?? 1;
    const covered = Math.min(1, overlap / Math.min(below.area[a], above.area[b]));
    return asFew(overlap) * (1 + contested * (same ? 1 - covered : covered));
  };
  weighInPlace(target, weight, start, side, margin, factorAt);
}

/**
 * How much each pixel of a section counts in its in-plane affinities: more in small profiles (by the root of their pixels within the
 * patch, from half to twice as much), and more where the label is another one in the sections beside, be it that a membrane
 * is cut obliquely or that the sections are shifted.
 * @param neighbours the sections next to it, as far as there are any
 * @param moving one pixel whose label is another in every neighbour that is known there counts as much as 1 + `moving` whose label
 * stays; at least 0
 * @returns `side` × `side`
 */
export function planeFactors(
  { ids, known, side }: LabelPatch,
  profiles: Profiles,
  neighbours: readonly LabelPatch[],
  moving: number,
): Float32Array {
  const few = Float32Array.from(profiles.area, (pixels, id) => (id === 0 ? 1 : asFew(pixels)));
  const factors = new Float32Array(side * side);
  for (let p = 0; p < factors.length; p++) {
    let [moved, seen] = [0, 0];
    if (known[p]) {
      for (const other of neighbours) {
        if (!other.known[p]) continue;
        seen++;
        if (other.ids[p] !== ids[p]) moved++;
      }
    }
    factors[p] = few[profiles.ids[p]] * (1 + (seen > 0 ? (moving * moved) / seen : 0));
  }
  return factors;
}

/**
 * Changes the weights of one in-plane channel, in place, by the larger factor of the two pixels of a pair; their mean over the
 * pixels of either class stays as it is.
 * @param target, weight 0 or 1, `size` × `size` from `start`, as `planeAffinity` writes them
 * @param factors `side` × `side`, of {@link planeFactors}
 */
export function contestPlaneInPlace(
  target: Float32Array,
  weight: Float32Array,
  start: number,
  factors: Float32Array,
  side: number,
  margin: number,
  [dy, dx]: Offset2,
): void {
  const step = dy * side + dx;
  weighInPlace(target, weight, start, side, margin, (p) => Math.max(factors[p], factors[p + step]));
}

/** Multiplies what is not masked by its factor, and each class by what keeps its sum. */
function weighInPlace(
  target: Float32Array,
  weight: Float32Array,
  start: number,
  side: number,
  margin: number,
  factorAt: (p: number, same: boolean) => number,
): void {
  const size = side - 2 * margin;
  const before = [0, 0];
  const after = [0, 0];
  for (let y = 0, i = start; y < size; y++) {
    for (let x = 0, p = (y + margin) * side + margin; x < size; x++, p++, i++) {
      if (weight[i] === 0) continue;
      before[target[i]] += weight[i];
      weight[i] *= factorAt(p, target[i] !== 0);
      after[target[i]] += weight[i];
    }
  }
  for (let i = start; i < start + size * size; i++) weight[i] *= before[target[i]] / (after[target[i]] || 1);
}

/** Pixels of every pair, of the whole patch as far as the displaced one covers it. */
function countPairs(pairAt: (p: number) => number, side: number, [dy, dx]: Offset2): Map<number, number> {
  const shared = new Map<number, number>();
  const [left, right] = [Math.max(0, -dx), side - Math.max(0, dx)];
  for (let y = Math.max(0, -dy); y < side - Math.max(0, dy); y++) {
    for (let x = left; x < right; ) {
      const from = x;
      const pair = pairAt(y * side + x);
      do x++;
      while (x < right && pairAt(y * side + x) === pair);
      shared.set(pair, (shared.get(pair) ?? 0) + x - from);
    }
  }
  return shared;
}
