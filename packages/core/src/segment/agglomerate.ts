/**
 * Joins the regions of one section into fragments: average linkage on the signed region graph (Bailoni et al.
 * 2022, GASP). The evidence of a pair is the mean of (affinity - bias) over all its samples, long offsets
 * included, so a gap of a few pixels in a membrane does not join two cells; only regions that touch are joined.
 * Then pieces that are too small to be a profile grow into the neighbour they have the highest affinity to.
 */
import { contract, type Linkage } from '../graph/contraction.ts';
import type { PairTable } from '../graph/pair-table.ts';
import { UnionFind } from '../graph/union-find.ts';
import { poolRegions, type RegionGraph } from './region-graph.ts';

export interface AgglomerateOptions {
  readonly linkage: Linkage;
  /** Affinity above which evidence attracts. */
  readonly bias: number;
  /** Weight of one sample at each offset length: `[longest length it is for, weight]`, ascending. */
  readonly lengthWeights: readonly (readonly [upToPixels: number, weight: number])[];
}

/** Evidence of every pair of a region graph: weighted sum of (affinity - bias), and the weight behind it. */
export function pairEvidence(
  graph: RegionGraph,
  options: Pick<AgglomerateOptions, 'bias' | 'lengthWeights'>,
): { weight: Float64Array; size: Float64Array } {
  const { pairs, lengths } = graph;
  const { values, columns, count } = pairs;
  const weight = new Float64Array(count);
  const size = new Float64Array(count);
  lengths.forEach((length, l) => {
    const scale = options.lengthWeights.find(([upTo]) => length <= upTo)?.[1] ?? 0;
    for (let i = 0; i < count; i++) {
      const at = i * columns + 1 + 2 * l;
      weight[i] += scale * (values[at] - options.bias * values[at + 1]);
      size[i] += scale * values[at + 1];
    }
  });
  return { weight, size };
}

/** Cluster of each of the regions 0..regionCount (0 is alone), numbered from 0 in order of first region. */
export function agglomerate(
  graph: RegionGraph,
  regionCount: number,
  options: AgglomerateOptions,
): Uint32Array {
  const { pairs } = graph;
  const { weight, size } = pairEvidence(graph, options);
  const contractible = new Uint8Array(pairs.count);
  for (let i = 0; i < pairs.count; i++) {
    contractible[i] = pairs.values[i * pairs.columns] > 0 ? 1 : 0;
    if (options.linkage !== 'mean') {
      weight[i] /= Math.max(size[i], 1e-9);
      if (options.linkage === 'sum') weight[i] *= Math.sqrt(size[i]);
    }
  }
  const a = pairs.a.subarray(0, pairs.count);
  const b = pairs.b.subarray(0, pairs.count);
  return contract({ nodeCount: regionCount + 1, a, b, weight, size, contractible }, options);
}

/**
 * Grows regions of fewer than `minimumPixels` into the touching neighbour with the highest mean affinity at the
 * shortest offset (ties: the longer contact, then the earlier pair), in rounds, until every region that has a
 * neighbour is large enough.
 * @param area pixels of each of the regions 0..n; region 0 is no neighbour.
 * @returns cluster of each region, numbered from 0 in order of first region.
 */
export function absorbSmall(graph: RegionGraph, area: Uint32Array, minimumPixels: number): Uint32Array {
  let cluster: Uint32Array = Uint32Array.from(area, (_, i) => i);
  let here = { graph, area };
  for (;;) {
    const best = bestNeighbours(here.graph.pairs, here.area, minimumPixels);
    if (!best) return cluster;
    const sets = new UnionFind(here.area.length);
    for (let i = 0; i < best.length; i++) if (best[i] >= 0) sets.union(i, best[i]);
    const joined = sets.labels();
    cluster = cluster.map((c) => joined[c]);
    here = { graph: poolRegions(here.graph, joined), area: poolAreas(here.area, joined) };
  }
}

/** The neighbour every small region grows into, -1 for the others; undefined where there is nothing to do. */
function bestNeighbours(pairs: PairTable, area: Uint32Array, minimumPixels: number): Int32Array | undefined {
  const best = new Int32Array(area.length).fill(-1);
  const affinity = new Float64Array(area.length).fill(-1);
  const contact = new Float64Array(area.length);
  let found = false;
  const offer = (region: number, other: number, mean: number, pixels: number) => {
    if (area[region] >= minimumPixels) return;
    if (mean < affinity[region] || (mean === affinity[region] && pixels <= contact[region])) return;
    best[region] = other;
    affinity[region] = mean;
    contact[region] = pixels;
    found = true;
  };
  for (let i = 0; i < pairs.count; i++) {
    const at = i * pairs.columns;
    const pixels = pairs.values[at];
    if (pixels === 0) continue;
    const mean = pairs.values[at + 1] / pairs.values[at + 2];
    offer(pairs.a[i], pairs.b[i], mean, pixels);
    offer(pairs.b[i], pairs.a[i], mean, pixels);
  }
  return found ? best : undefined;
}

/** Pixels of every cluster. */
export function poolAreas(area: Uint32Array, cluster: Uint32Array): Uint32Array {
  let clusters = 0;
  for (const c of cluster) if (c >= clusters) clusters = c + 1;
  const out = new Uint32Array(clusters);
  for (let i = 0; i < area.length; i++) out[cluster[i]] += area[i];
  return out;
}
