/**
 * The signed graph of all fragments, cut into neurons. Every edge's probability becomes a weight in log-odds,
 * log(p / (1 - p)) + bias, scaled by a power of its area; then
 *   components  joins whatever an edge with positive weight connects (the trivial way);
 *   gaec        greedy additive edge contraction (Keuper et al. 2015), then local refinement (`refine`);
 *   mean        the same with average linkage (GASP, Bailoni et al. 2022);
 *   mutex       mutex clustering (Wolf et al. 2018).
 * Links err together, and a wrong one between two large neurons costs more than a missing one of a sliver: joining two large
 * pieces may demand more evidence than joining a small one to anything (`demand`).
 */
import { throwIfCancelled } from '../errors.ts';
import { contract, type Demand } from '../graph/contraction.ts';
import { type EdgeColumns, edgesOfKind, IN_PLANE } from '../graph/edge-list.ts';
import { UnionFind } from '../graph/union-find.ts';
import type { StageContext } from '../volume/contracts.ts';
import { refine } from './refine.ts';

export type PartitionMethod = 'components' | 'gaec' | 'mean' | 'mutex';

/** For voxels as large as the network's pixels: `optionsIn` tells them for others. */
export interface PartitionOptions {
  readonly method: PartitionMethod;
  /** Edges with a higher probability than this attract, the others repel. 0..1 exclusive. */
  readonly threshold: number;
  /** Weight of in-plane edges beside that of the others; 0 leaves them out. */
  readonly inPlaneWeight: number;
  /** Weights are multiplied by area to this power. */
  readonly areaPower: number;
  /**
   * What a merge of `gaec` must be worth, by the voxels of the smaller side; nothing where absent. Not heeded by the other
   * methods nor by `refine`.
   */
  readonly demand?: Demand;
  /** Sweeps of local refinement after `gaec`, at most; 0 for none. It raises the objective, not the accuracy. */
  readonly refine: number;
}

/** By 3D VOI of learned links over five volumes kept for tuning (docs/experiments.md), on a wide plateau. */
export const PARTITION_DEFAULTS = {
  method: 'gaec',
  threshold: 0.45,
  inPlaneWeight: 0.15,
  areaPower: 0.5,
  demand: { most: 40, half: 15_000 },
  refine: 0,
} as const satisfies PartitionOptions;

/** Probabilities are kept this far from 0 and 1, so that no edge is beyond argument (|log-odds| <= 6.9). */
const PROBABILITY_MARGIN = 1e-3;

/**
 * Assigns fragments to neurons.
 * @param edges with global fragment ids; not mutated.
 * @param voxels of every fragment id, entry 0 (background) is not read; not mutated
 * @returns neuron of every fragment id, as long as `voxels`: entry 0 is 0, neurons are numbered from 1 in
 * order of first fragment.
 * @throws RangeError where an edge names a fragment that does not exist; KynError `cancelled`.
 */
export function partition(
  edges: EdgeColumns,
  voxels: Float64Array,
  options: PartitionOptions,
  context: StageContext = {},
): Uint32Array {
  throwIfCancelled(context.signal);
  const fragmentCount = voxels.length - 1;
  for (let i = 0; i < edges.count; i++) {
    const a = edges.a[i];
    const b = edges.b[i];
    if (a === 0 || a > fragmentCount || b === 0 || b > fragmentCount) {
      throw new RangeError(`edge ${i} joins ${a} and ${b}, but there are ${fragmentCount} fragments`);
    }
  }
  const used = options.inPlaneWeight === 0 ? edgesOfKind(edges, (kind) => kind !== IN_PLANE) : edges;
  const { count, a, b } = used;
  const weight = signedWeights(used, options);
  // Node 0 is background: no edge names it, so it is cluster 0 and the neurons are numbered from 1.
  const nodeCount = voxels.length;
  if (options.method === 'components') {
    const sets = new UnionFind(nodeCount);
    for (let i = 0; i < count; i++) if (weight[i] > 0) sets.union(a[i], b[i]);
    return sets.labels();
  }
  const graph = { nodeCount, a, b, weight, mass: voxels };
  const { method, demand, refine: sweeps } = options;
  if (method !== 'gaec') return contract(graph, { linkage: method });
  const contracted = contract(graph, { linkage: 'sum', demand });
  return sweeps > 0 ? refine(graph, contracted, sweeps, context) : contracted;
}

/**
 * The same options where areas and voxels are counted in finer (or coarser) pixels than the network's: an overlap grows with the
 * pixels' area, a contact with their side only.
 * @param pixelArea pixels that one of the network's stands for
 */
export function optionsIn<O extends Pick<PartitionOptions, 'demand' | 'areaPower' | 'inPlaneWeight'>>(
  pixelArea: number,
  options: O,
): O {
  const { demand, areaPower, inPlaneWeight } = options;
  return {
    ...options,
    inPlaneWeight: inPlaneWeight * pixelArea ** (areaPower / 2),
    demand: demand && { most: demand.most * pixelArea ** areaPower, half: demand.half * pixelArea },
  };
}

/** Log-odds weight of every edge, scaled; positive attracts. */
export function signedWeights(
  edges: EdgeColumns,
  options: Pick<PartitionOptions, 'threshold' | 'inPlaneWeight' | 'areaPower'>,
): Float64Array {
  const { threshold } = options;
  const bias = Math.log(threshold / (1 - threshold));
  const weight = edgeScales(edges, options);
  for (let i = 0; i < weight.length; i++) weight[i] *= logOdds(edges.probability[i]) - bias;
  return weight;
}

/** Of a probability that is kept away from 0 and 1. */
function logOdds(probability: number): number {
  const p = Math.min(1 - PROBABILITY_MARGIN, Math.max(PROBABILITY_MARGIN, probability));
  return Math.log(p / (1 - p));
}

/** How much every edge counts. */
export function edgeScales(
  { count, kind, area }: EdgeColumns,
  { inPlaneWeight, areaPower }: Pick<PartitionOptions, 'inPlaneWeight' | 'areaPower'>,
): Float64Array {
  const scale = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    scale[i] = (kind[i] === IN_PLANE ? inPlaneWeight : 1) * (areaPower === 0 ? 1 : area[i] ** areaPower);
  }
  return scale;
}
