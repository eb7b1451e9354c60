/**
 * Joins the regions of one section into fragments: average linkage on the signed region graph (Bailoni et al.
 * 2022, GASP). The evidence of a pair is the mean of (affinity - bias) over all its samples, long offsets
 * included, so a gap of a few pixels in a membrane does not join two cells; only regions that touch are joined.
 * Then pieces that are too small to be a profile grow into the neighbour they have the highest affinity to.
 */
import { contract, type Linkage } from '../graph/contraction.ts';
import type { PairTable } from '../graph/pair-table.ts';
import { UnionFind } from '../graph/union-find.ts';
import { AFFINITY, CONTACT, CONTACT_AFFINITY, poolRegions, SAMPLES } from './region-graph.ts';

export interface AgglomerateOptions {
  readonly linkage: Linkage;
  /** Mean affinity above which evidence attracts. */
  readonly bias: number;
}

/** How far above the bias a mean affinity must be for parts of fragments to be joined. */
const PARTS_ABOVE = 0.2;

/**
 * Cluster of each of the regions 0..regionCount (0 is alone), numbered from 0 in order of first region.
 * @param whole false stops early, at parts of fragments: contracting their graph once more gives the fragments
 */
export function agglomerate(
  pairs: PairTable,
  regionCount: number,
  options: AgglomerateOptions,
  whole = true,
): Uint32Array {
  const { count, columns, values } = pairs;
  const weight = new Float64Array(count);
  const size = new Float64Array(count);
  const contractible = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const at = i * columns;
    size[i] = values[at + SAMPLES];
    weight[i] = values[at + AFFINITY] - options.bias * size[i];
    if (options.linkage === 'mutex') weight[i] /= size[i];
    contractible[i] = values[at + CONTACT] > 0 ? 1 : 0;
  }
  const a = pairs.a.subarray(0, count);
  const b = pairs.b.subarray(0, count);
  const graph = { nodeCount: regionCount + 1, a, b, weight, size, contractible };
  return contract(graph, { linkage: options.linkage, stopAt: whole ? 0 : PARTS_ABOVE });
}

/**
 * Grows regions of fewer than `minimumPixels` into the touching neighbour with the highest mean affinity where
 * they touch (ties: the longer contact, then the earlier pair), in rounds, until every region that has a
 * neighbour is large enough.
 * @param area pixels of each of the regions 0..n; region 0 is no neighbour.
 * @returns cluster of each region, numbered from 0 in order of first region.
 */
export function absorbSmall(pairs: PairTable, area: Uint32Array, minimumPixels: number): Uint32Array {
  const cluster = Uint32Array.from(area, (_, i) => i);
  let here = { pairs, area };
  for (;;) {
    const best = bestNeighbours(here.pairs, here.area, minimumPixels);
    if (!best) return cluster;
    const sets = new UnionFind(here.area.length);
    for (let i = 0; i < best.length; i++) if (best[i] >= 0) sets.union(i, best[i]);
    const joined = sets.labels();
    for (let i = 0; i < cluster.length; i++) cluster[i] = joined[cluster[i]];
    here = { pairs: poolRegions(here.pairs, joined), area: poolAreas(here.area, joined) };
  }
}

/** The neighbour every small region grows into, -1 for the others; undefined where there is nothing to do. */
function bestNeighbours(pairs: PairTable, area: Uint32Array, minimumPixels: number): Int32Array | undefined {
  const { a, b, values, columns, count } = pairs;
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
  for (let i = 0; i < count; i++) {
    const pixels = values[i * columns + CONTACT];
    if (pixels === 0) continue;
    const mean = values[i * columns + CONTACT_AFFINITY] / pixels;
    offer(a[i], b[i], mean, pixels);
    offer(b[i], a[i], mean, pixels);
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
