/**
 * Weights for affinities between sections by how much hangs on a pixel. Pixel for pixel, a patch is mostly the middle of
 * large profiles that lie one over the other, and slivers along their borders: both are easy, and neither decides a link. What
 * does is where profiles of two neurons cover much of each other, where those of one neuron cover each other little, and
 * small profiles altogether. (Our own; of its kind are losses that weigh a pixel by the objects that hang on it: MALIS, Turaga
 * 2009.)
 */
import type { Offset2 } from '@kyn/core';
import type { Components } from './components.ts';
import type { CrossOptions } from './targets.ts';

/** The profiles of one section. */
export type Profiles = Pick<Components, 'ids' | 'count'>;

/** Where two profiles share so many pixels, each counts as it is; where they share fewer, each counts more, by the root. */
const PIXELS = 300;
/** What that changes, at least and at most. */
const RANGE: readonly [least: number, most: number] = [0.5, 2];

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
  const size = side - 2 * margin;
  const away = displacement[0] * side + displacement[1];
  const [areaBelow, areaAbove] = [areas(below), areas(above)];
  const pairAt = (p: number): number => below.ids[p] * (above.count + 1) + above.ids[p + away];
  const shared = countPairs(pairAt, side, displacement);
  const factorAt = (p: number, same: boolean): number => {
    const [a, b] = [below.ids[p], above.ids[p + away]];
    if (a === 0 || b === 0) return 1;
    const overlap = shared.get(pairAt(p)) ?? 1;
    const covered = Math.min(1, overlap / Math.min(areaBelow[a], areaAbove[b]));
    const few = Math.min(RANGE[1], Math.max(RANGE[0], Math.sqrt(PIXELS / overlap)));
    return few * (1 + contested * (same ? 1 - covered : covered));
  };
  const sum = [0, 0];
  const count = [0, 0];
  for (let y = 0, i = start; y < size; y++) {
    for (let x = 0, p = (y + margin) * side + margin; x < size; x++, p++, i++) {
      if (weight[i] === 0) continue;
      weight[i] = factorAt(p, target[i] !== 0);
      sum[target[i]] += weight[i];
      count[target[i]]++;
    }
  }
  for (let i = start; i < start + size * size; i++) weight[i] *= count[target[i]] / (sum[target[i]] || 1);
}

function areas({ ids, count }: Profiles): Int32Array {
  const area = new Int32Array(count + 1);
  for (const id of ids) area[id]++;
  return area;
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
