/**
 * Where a person should look first: the decisions of a partition whose reversal is plausible, those with the most
 * voxels at stake at the top.
 *   split?  Does this neuron fall apart here? For every link of the neuron's spanning tree, the evidence of all
 *           edges that run between the two parts it holds together (`spanningTrees`; for a bridge, its own).
 *   merge?  Do these two neurons belong together? For every two neurons that touch, the evidence of all edges
 *           between them.
 * The probability that both sides are one neuron is that of the mean log-odds of these edges, each counting as much
 * as it does in the partition. (Their sum is far too sure: edges between the same two neurons err together. On EM
 * of two animals, on phantoms and on rendered cortex the mean was right as often as it said.) What is at stake are
 * the voxels of the smaller side, times the probability that the decision is wrong. O(E log V) time.
 */
import { throwIfCancelled } from '../errors.ts';
import type { EdgeColumns } from '../graph/edge-list.ts';
import { PairTable } from '../graph/pair-table.ts';
import { spanningTrees } from '../graph/spanning-trees.ts';
import { fragmentVoxels, type SectionTable } from '../segment/fragment-table.ts';
import type { Vec3 } from '../volume/array.ts';
import type { StageContext } from '../volume/contracts.ts';
import { edgeScales, PARTITION_DEFAULTS, signedWeights } from './partition.ts';

export type DoubtKind = 'merge?' | 'split?';

/** One doubtful decision. */
export interface Doubt {
  readonly kind: DoubtKind;
  /** Where to look: centroid of the smaller of the two fragments, voxels, z y x. */
  readonly position: Vec3;
  /** The same as the centre of that voxel, from the volume's corner, nm. */
  readonly positionNm: Vec3;
  /** The two fragments, global ids: the strongest link between the two sides, in which `a` < `b`. */
  readonly a: number;
  readonly b: number;
  /** That both sides belong to one neuron, by all evidence between them. */
  readonly probability: number;
  /** Voxels of the smaller side, times the probability that the decision is wrong. */
  readonly voxelsAtStake: number;
}

export interface DoubtOptions {
  /** How much edges count, as in the partition. */
  readonly inPlaneWeight: number;
  readonly areaPower: number;
  /** Decisions that are less likely to be wrong than this are left out. */
  readonly minimumRisk: number;
  /** At most so many doubts. */
  readonly limit: number;
}

export const DOUBT_DEFAULTS = {
  inPlaneWeight: PARTITION_DEFAULTS.inPlaneWeight,
  areaPower: PARTITION_DEFAULTS.areaPower,
  minimumRisk: 0.02,
  limit: 1000,
} as const satisfies DoubtOptions;

/** What a partition is judged by; nothing of it is mutated. */
export interface DoubtInput {
  /** With global fragment ids. */
  readonly edges: EdgeColumns;
  /** Neuron of every global fragment id; entry 0 is 0. */
  readonly assignment: Uint32Array;
  /** The fragments of every section. */
  readonly sections: readonly SectionTable[];
  readonly voxelSizeNm: Vec3;
}

/**
 * Lists the most doubtful decisions with the largest effect, in order of voxels at stake.
 * @throws KynError `cancelled`.
 */
export function doubts(
  { edges, assignment, sections, voxelSizeNm }: DoubtInput,
  options: DoubtOptions = DOUBT_DEFAULTS,
  context: StageContext = {},
): Doubt[] {
  throwIfCancelled(context.signal);
  const { minimumRisk, limit } = options;
  const evidence: Evidence = {
    weight: signedWeights(edges, { ...options, threshold: 0.5 }),
    scale: edgeScales(edges, options),
  };
  const voxels = fragmentVoxels(sections, assignment.length - 1);
  const found = new Candidates(minimumRisk, limit);
  findSplits(edges, assignment, evidence, voxels, found);
  throwIfCancelled(context.signal);
  findMerges(edges, assignment, evidence, voxels, found);
  const place = placer(sections, voxels, voxelSizeNm);
  return found.most().map(({ edge, kind, probability, voxelsAtStake }) => {
    const [a, b] = [edges.a[edge], edges.b[edge]];
    return { kind, ...place(a, b), a, b, probability, voxelsAtStake };
  });
}

/** What the edges say, log-odds times how much each counts. */
interface Evidence {
  readonly weight: Float64Array;
  readonly scale: Float64Array;
}

interface Candidate {
  readonly kind: DoubtKind;
  readonly edge: number;
  readonly probability: number;
  readonly voxelsAtStake: number;
}

/** Doubts as they are found; only the first of them are kept. */
class Candidates {
  private list: Candidate[] = [];

  constructor(
    private readonly minimumRisk: number,
    private readonly limit: number,
  ) {}

  /** @param weight sum over the edges between the two sides; @param scale likewise, how much they count */
  offer(kind: DoubtKind, edge: number, weight: number, scale: number, smallerSide: number): void {
    if (!(scale > 0)) return; // nothing is known
    const probability = 1 / (1 + Math.exp(-weight / scale));
    const risk = kind === 'merge?' ? probability : 1 - probability;
    if (risk < this.minimumRisk) return;
    this.list.push({ kind, edge, probability, voxelsAtStake: risk * smallerSide });
    if (this.list.length > 8 * this.limit) this.list = this.most();
  }

  most(): Candidate[] {
    return this.list
      .sort((i, j) => j.voxelsAtStake - i.voxelsAtStake || i.edge - j.edge)
      .slice(0, this.limit);
  }
}

function findSplits(
  { a, b }: EdgeColumns,
  assignment: Uint32Array,
  { weight, scale }: Evidence,
  voxels: Float64Array,
  found: Candidates,
): void {
  const graph = { nodeCount: assignment.length, a, b, weight };
  const { order, parent, parentEdge, cuts } = spanningTrees(graph, assignment);
  const weights = cuts(weight);
  const scales = cuts(scale);
  const below = voxels.slice(); // of a node's subtree
  for (let i = order.length - 1; i >= 0; i--) {
    const v = order[i];
    if (parent[v] >= 0) below[parent[v]] += below[v];
  }
  const whole = below.slice(); // of a node's tree
  for (const v of order) {
    if (parent[v] < 0) continue;
    whole[v] = whole[parent[v]];
    const smaller = Math.min(below[v], whole[v] - below[v]);
    found.offer('split?', parentEdge[v], weights[v], scales[v], smaller);
  }
}

/** Columns of the table of touching neurons. */
const WEIGHT = 0; // sum over all edges between the two
const SCALE = 1; // likewise
const STRONGEST = 2; // the edge with the most weight, + 1; 0 = none
const COLUMNS = 3;

function findMerges(
  { a, b, count }: EdgeColumns,
  assignment: Uint32Array,
  { weight, scale }: Evidence,
  voxels: Float64Array,
  found: Candidates,
): void {
  const size = new Float64Array(assignment.reduce((max, neuron) => Math.max(max, neuron), 0) + 1);
  for (let v = 1; v < assignment.length; v++) size[assignment[v]] += voxels[v];
  const pairs = new PairTable(COLUMNS);
  for (let e = 0; e < count; e++) {
    const x = assignment[a[e]];
    const y = assignment[b[e]];
    if (x === y || x === 0 || y === 0) continue;
    const at = pairs.slot(Math.min(x, y), Math.max(x, y)) * COLUMNS;
    const { values } = pairs;
    values[at + WEIGHT] += weight[e];
    values[at + SCALE] += scale[e];
    const strongest = values[at + STRONGEST] - 1;
    if (strongest < 0 || weight[e] > weight[strongest]) values[at + STRONGEST] = e + 1;
  }
  for (let i = 0; i < pairs.count; i++) {
    const at = i * COLUMNS;
    const strongest = pairs.values[at + STRONGEST];
    const smaller = Math.min(size[pairs.a[i]], size[pairs.b[i]]);
    found.offer('merge?', strongest - 1, pairs.values[at + WEIGHT], pairs.values[at + SCALE], smaller);
  }
}

/** Tells where two fragments meet: the smaller one's centroid. */
function placer(
  sections: readonly SectionTable[],
  voxels: Float64Array,
  voxelSizeNm: Vec3,
): (a: number, b: number) => Pick<Doubt, 'position' | 'positionNm'> {
  const offsets = sections.map(({ idOffset }) => idOffset);
  return (a, b) => {
    const id = voxels[a] <= voxels[b] ? a : b;
    const { z, idOffset, stats } = sections[lastBelow(offsets, id)];
    const position: Vec3 = [z, stats.centroidY[id - idOffset], stats.centroidX[id - idOffset]];
    const nm = (axis: 0 | 1 | 2) => (position[axis] + 0.5) * voxelSizeNm[axis];
    return { position, positionNm: [nm(0), nm(1), nm(2)] };
  };
}

/** Index of the last of the ascending `offsets` that is below `id`. */
function lastBelow(offsets: readonly number[], id: number): number {
  let low = 0;
  let high = offsets.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (offsets[middle] < id) low = middle;
    else high = middle;
  }
  return low;
}
