/**
 * Mends 2D errors of a section by what its neighbours show, before sections are linked.
 *   split  A fragment that goes on in two different neurons, both below and above, is two profiles: it is cut along its
 *          weakest inner boundary, between the parts that the segmentation put together last, so that parts which go on
 *          in different neurons come apart and every other part stays with the one it belongs to most.
 *   merge  Two fragments that touch and go on in one and the same fragment, below and above, are one profile, if the
 *          section's own evidence allows it.
 * A part goes on in the fragment next door that it shares most affinity between the sections with. (2D errors that
 * neighbours correct: Funke 2012, Meirovitch 2019.) Linear time in pixels.
 */
import { contract } from '../graph/contraction.ts';
import { withColumns } from '../graph/edge-list.ts';
import { pairKey } from '../graph/pair-hash.ts';
import { UnionFind } from '../graph/union-find.ts';
import { AFFINITY, CONTACT, SAMPLES } from '../segment/region-graph.ts';
import { type FragmentParts, joinParts, type Segmentation } from '../segment/segment.ts';
import { goesOn, type NextDoor, pooled, type RepairOptions, type Shared, shareOf } from './partners.ts';

export const REPAIR_DEFAULTS = {
  minimumPixels: 25,
  leastAffinity: 0.5,
  leastShare: 0.6,
  different: 0.3,
  mergeAbove: 0.45,
} as const satisfies RepairOptions;

export interface Repaired {
  readonly segmentation: Segmentation;
  /** Fragments that were cut, and pairs that were put together. */
  readonly split: number;
  readonly merged: number;
}

/** Probability that two halves of a fragment are given for being one neuron, at most: they were cut for a reason. */
const CUT_PROBABILITY = 0.3;

/**
 * @param own with its parts
 * @param below, above undefined where there is none; without both nothing is split
 * @returns the very segmentation that was given where there is nothing to mend
 * @throws RangeError where the segmentation has no parts
 */
export function repair(
  own: Segmentation,
  below: NextDoor | undefined,
  above: NextDoor | undefined,
  options: RepairOptions = REPAIR_DEFAULTS,
): Repaired {
  const { parts } = own;
  if (!parts) throw new RangeError('the segmentation does not tell of its parts');
  const [height, width] = own.labels.shape;
  const sides = [below, above].flatMap((side) => (side ? [side] : []));
  const shared = sides.map((side) => shareOf(parts.labels, side, width));
  const group = parts.fragment.slice();
  const cut = new Uint8Array(own.count + 1);
  const split = sides.length === 2 ? splitInPlace(group, cut, parts, sides, shared, options) : 0;
  const merged = mergeInPlace(group, cut, own, parts, shared, options);
  if (split === 0 && merged === 0) return { segmentation: own, split, merged };
  const mended = joinParts({ ...parts, fragment: group }, [height, width]);
  return { segmentation: split > 0 ? withCuts(mended, parts) : mended, split, merged };
}

/** Gives, in place, the parts of fragments that are cut numbers of their own, and marks those; returns how many were cut. */
function splitInPlace(
  group: Uint32Array,
  cut: Uint8Array,
  { count: partCount, fragment, pairs }: FragmentParts,
  sides: readonly NextDoor[],
  shared: readonly Shared[],
  options: RepairOptions,
): number {
  const partners = shared.map((each) => goesOn(each, partCount, options));
  const differ = sides.map((side) => differentNeurons(side, options));
  const apart: [number, number][] = [];
  for (const candidates of severalGoingOn(partners[0], partners[1], fragment)) {
    for (let i = 1; i < candidates.length; i++) {
      for (let j = 0; j < i; j++) {
        const [p, q] = [candidates[j], candidates[i]];
        if (partners.every((best, side) => differ[side](best[p], best[q]))) apart.push([p, q]);
      }
    }
  }
  if (apart.length === 0) return 0;
  for (const [p] of apart) cut[fragment[p]] = 1;
  const clusters = partsApart(pairs, fragment, cut, apart);
  // numbers beyond those of the fragments, one a cluster of parts
  for (let part = 1; part <= partCount; part++) {
    if (cut[fragment[part]]) group[part] = cut.length + clusters[part];
  }
  return cut.reduce((sum, each) => sum + each, 0);
}

// Loops over parts and pairs stand in functions of their own: V8 compiles a function with a long loop whole, the rest for nothing.

/** The parts that go on both below and above, of every fragment that has several such. */
function severalGoingOn(below: Uint32Array, above: Uint32Array, fragment: Uint32Array): number[][] {
  const goingOn: number[][] = [];
  for (let part = 1; part < fragment.length; part++) {
    if (below[part] === 0 || above[part] === 0) continue;
    goingOn[fragment[part]] ??= [];
    goingOn[fragment[part]].push(part);
  }
  return goingOn.filter((list) => list.length > 1);
}

/** Pairs of touching parts of one fragment, one of those that are cut. */
function pairsWithin(
  { a, b, values, columns, count }: FragmentParts['pairs'],
  fragment: Uint32Array,
  cut: Uint8Array,
): number[] {
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    const touches = values[i * columns + CONTACT] > 0;
    if (touches && fragment[a[i]] === fragment[b[i]] && cut[fragment[a[i]]]) out.push(i);
  }
  return out;
}

/** Puts the parts of fragments that are cut together again, the most alike first, but never two that are to be apart. */
function partsApart(
  pairs: FragmentParts['pairs'],
  fragment: Uint32Array,
  cut: Uint8Array,
  apart: readonly (readonly [number, number])[],
): Uint32Array {
  const { a, b, values, columns } = pairs;
  const kept = pairsWithin(pairs, fragment, cut);
  const mean = (i: number) => values[i * columns + AFFINITY] / values[i * columns + SAMPLES];
  return contract(
    {
      nodeCount: fragment.length,
      a: Uint32Array.from([...kept.map((i) => a[i]), ...apart.map(([p]) => p)]),
      b: Uint32Array.from([...kept.map((i) => b[i]), ...apart.map(([, q]) => q)]),
      weight: Float64Array.from([...kept.map(mean), ...apart.map(() => Number.NEGATIVE_INFINITY)]),
    },
    { linkage: 'sum' },
  );
}

/** Whether two fragments next door are different neurons: they do not touch, or are hardly one. */
function differentNeurons(
  { edges: { count, a, b, probability } }: NextDoor,
  { different }: RepairOptions,
): (m: number, n: number) => boolean {
  const alike = new Set<number>();
  for (let i = 0; i < count; i++) if (probability[i] >= different) alike.add(pairKey(a[i], b[i]));
  return (m, n) => m !== n && !alike.has(pairKey(m, n));
}

/** Gives, in place, the parts of fragments that are merged one number, those that were cut aside; returns how many pairs were. */
function mergeInPlace(
  group: Uint32Array,
  cut: Uint8Array,
  { count, edges }: Segmentation,
  { fragment }: FragmentParts,
  shared: readonly Shared[],
  options: RepairOptions,
): number {
  if (shared.length === 0) return 0;
  const { mergeAbove } = options;
  const partners = shared.map((each) => goesOn(pooled(each, fragment), count, options));
  const sets = new UnionFind(count + 1);
  let merged = 0;
  for (let i = 0; i < edges.count; i++) {
    const [m, n] = [edges.a[i], edges.b[i]];
    if (edges.probability[i] < mergeAbove || cut[m] || cut[n]) continue;
    if (!goOnInOne(partners, m, n)) continue;
    if (sets.find(m) === sets.find(n)) continue;
    sets.union(m, n);
    merged++;
  }
  // parts of fragments that were cut have numbers beyond
  if (merged > 0)
    group.forEach((id, part) => {
      if (id <= count) group[part] = sets.find(id);
    });
  return merged;
}

function goOnInOne(partners: readonly Uint32Array[], m: number, n: number): boolean {
  for (const best of partners) if (best[m] === 0 || best[m] !== best[n]) return false;
  return true;
}

/** Halves of one former fragment are given for hardly one neuron. */
function withCuts(mended: Segmentation, { fragment: before }: FragmentParts): Segmentation {
  const { edges, parts } = mended;
  if (!parts) return mended;
  const former = new Uint32Array(mended.count + 1);
  parts.fragment.forEach((id, part) => {
    former[id] = before[part];
  });
  const probability = edges.probability.map((p, i) =>
    former[edges.a[i]] === former[edges.b[i]] ? Math.min(p, CUT_PROBABILITY) : p,
  );
  const { labels, count, stats } = mended;
  return { labels, count, edges: withColumns(edges, { probability }), stats, parts };
}
