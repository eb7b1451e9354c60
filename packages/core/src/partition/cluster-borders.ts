/** The edges between clusters, gathered by the two clusters they run between. */
import type { SignedGraph } from '../graph/contraction.ts';
import { PairTable } from '../graph/pair-table.ts';

/** Columns of the table of cluster pairs. */
const TOTAL = 0; // sum of the weights
const ATTRACTION = 1; // sum of the weights that attract
const CONTACT = 2; // number of contractible edges
const COLUMNS = 3;

/** All edges between two clusters. */
export interface ClusterBorder {
  readonly x: number;
  readonly y: number;
  /** Sum of their weights, and of those that attract. */
  readonly total: number;
  readonly attraction: number;
  readonly edges: Uint32Array;
}

/**
 * The borders at which something may be gained: one of the clusters is `changed`, they touch by a contractible
 * edge, and some edge between them attracts. In order of first edge.
 */
export function* clusterBorders(
  graph: SignedGraph,
  cluster: Uint32Array,
  changed: Uint8Array,
): Generator<ClusterBorder> {
  const { a, b, weight, contractible } = graph;
  const pairs = new PairTable(COLUMNS, 1 << 10);
  const slotOf = new Int32Array(a.length).fill(-1);
  for (let e = 0; e < a.length; e++) {
    const x = Math.min(cluster[a[e]], cluster[b[e]]);
    const y = Math.max(cluster[a[e]], cluster[b[e]]);
    if (x === y || (changed[x] === 0 && changed[y] === 0)) continue;
    const slot = pairs.slot(x, y);
    slotOf[e] = slot;
    const at = slot * COLUMNS;
    pairs.values[at + TOTAL] += weight[e];
    pairs.values[at + ATTRACTION] += Math.max(0, weight[e]);
    pairs.values[at + CONTACT] += contractible && contractible[e] === 0 ? 0 : 1;
  }
  const { start, edges } = bySlot(slotOf, pairs.count);
  for (let slot = 0; slot < pairs.count; slot++) {
    const at = slot * COLUMNS;
    if (pairs.values[at + ATTRACTION] === 0 || pairs.values[at + CONTACT] === 0) continue;
    yield {
      x: pairs.a[slot],
      y: pairs.b[slot],
      total: pairs.values[at + TOTAL],
      attraction: pairs.values[at + ATTRACTION],
      edges: edges.subarray(start[slot], start[slot + 1]),
    };
  }
}

/** Edges in order of slot (counting sort); those of slot -1 are left out. */
function bySlot(slotOf: Int32Array, slots: number): { start: Uint32Array; edges: Uint32Array } {
  const start = new Uint32Array(slots + 2);
  for (const slot of slotOf) if (slot >= 0) start[slot + 2]++;
  for (let slot = 2; slot < start.length; slot++) start[slot] += start[slot - 1];
  const edges = new Uint32Array(start[slots + 1]);
  for (let e = 0; e < slotOf.length; e++) if (slotOf[e] >= 0) edges[start[slotOf[e] + 1]++] = e;
  return { start, edges };
}
