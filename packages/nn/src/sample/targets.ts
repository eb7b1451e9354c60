/**
 * What the network should say: affinities at several offsets (Turaga 2010; long offsets: Lee 2017), and
 * affinities with the next section. 1 where both pixels are the same thing, 0 where they are not or one is
 * membrane, masked (weight 0) where that is not known. In one section "the same thing" means the same
 * 4-connected profile; between sections, the same 3D id.
 */
import type { Offset2 } from '@kyn/core';
import type { Components } from './components.ts';
import type { LabelPatch } from './resample.ts';

/** How many pixels of a channel are not masked, and how many of those are 1. */
export interface ClassCount {
  known: number;
  positive: number;
}

export function addCount(sum: ClassCount, count: ClassCount): void {
  sum.known += count.known;
  sum.positive += count.positive;
}

/** Writes one affinity channel and its mask (`size` × `size` each, from `start`) and counts its classes. */
export function planeAffinity(
  target: Float32Array,
  weight: Float32Array,
  start: number,
  patch: LabelPatch,
  components: Components,
  margin: number,
  [dy, dx]: Offset2,
): ClassCount {
  const { ids: labels, known, side } = patch;
  const { ids, open } = components;
  const size = side - 2 * margin;
  const step = dy * side + dx;
  let counted = 0;
  let positive = 0;
  for (let y = 0, to = start; y < size; y++) {
    let p = (y + margin) * side + margin;
    for (let x = 0; x < size; x++, p++, to++) {
      const q = p + step;
      const a = ids[p];
      const b = ids[q];
      const same = a !== 0 && a === b ? 1 : 0;
      let seen = known[p] & known[q];
      // Two profiles of one label that both leave the known region may be one profile out of sight.
      if (same === 0 && a !== 0 && labels[p] === labels[q] && (open[a] & open[b]) !== 0) seen = 0;
      target[to] = same;
      weight[to] = seen;
      counted += seen;
      positive += seen & same;
    }
  }
  return { known: counted, positive };
}

export interface CrossOptions {
  readonly margin: number;
  /** Pixel p of the section is compared with pixel p + displacement of the other; default 0, 0. */
  readonly displacement?: Offset2;
}

/** Writes the affinity of a section with another, from 3D ids, and its mask, and counts its classes. */
export function crossAffinity(
  target: Float32Array,
  weight: Float32Array,
  start: number,
  patch: LabelPatch,
  other: LabelPatch,
  { margin, displacement = [0, 0] }: CrossOptions,
): ClassCount {
  const { side } = patch;
  const size = side - 2 * margin;
  const away = displacement[0] * side + displacement[1];
  let known = 0;
  let positive = 0;
  for (let y = 0, to = start; y < size; y++) {
    let p = (y + margin) * side + margin;
    for (let x = 0; x < size; x++, p++, to++) {
      const id = patch.ids[p];
      const same = id !== 0 && id === other.ids[p + away] ? 1 : 0;
      const seen = patch.known[p] & other.known[p + away];
      target[to] = same;
      weight[to] = seen;
      known += seen;
      positive += seen & same;
    }
  }
  return { known, positive };
}

/**
 * The components with pixels within `radius` px (city block) of a border between two of them set to 0.
 * Borders with label 0 stay: where membrane is painted, it has its width. Areas and what is open are still those of the whole.
 */
export function shrinkBorders(components: Components, side: number, radius: number): Components {
  const { ids } = components;
  let border: Uint8Array = new Uint8Array(ids.length);
  const differ = (a: number, b: number): boolean => a !== b && a !== 0 && b !== 0;
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      if (x > 0 && differ(ids[i], ids[i - 1])) border[i] = border[i - 1] = 1;
      if (y > 0 && differ(ids[i], ids[i - side])) border[i] = border[i - side] = 1;
    }
  }
  for (let round = 1; round < radius; round++) border = dilate(border, side);
  return { ...components, ids: ids.map((id, i) => (border[i] ? 0 : id)) };
}

function dilate(mask: Uint8Array, side: number): Uint8Array {
  const out = mask.slice();
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      if (!mask[i]) continue;
      if (x > 0) out[i - 1] = 1;
      if (x < side - 1) out[i + 1] = 1;
      if (y > 0) out[i - side] = 1;
      if (y < side - 1) out[i + side] = 1;
    }
  }
  return out;
}

/**
 * Weights that give the positives and negatives of a channel equal say, n / (2 n±), cut to `range`; 1 (cut to
 * the range) where there is one class only.
 */
export function classWeights(
  { known, positive }: ClassCount,
  [least, most]: readonly [number, number],
): { positive: number; negative: number } {
  const share = (n: number) => Math.min(most, Math.max(least, n > 0 && n < known ? known / (2 * n) : 1));
  return { positive: share(positive), negative: share(known - positive) };
}

/** Multiplies one channel's weights (`length` values from `start`) by those of the classes. */
export function balanceInPlace(
  target: Float32Array,
  weight: Float32Array,
  start: number,
  length: number,
  weights: { readonly positive: number; readonly negative: number },
): void {
  const { positive, negative } = weights;
  for (let i = start; i < start + length; i++) {
    weight[i] *= target[i] !== 0 ? positive : negative;
  }
}
