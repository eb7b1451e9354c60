/** The best partition of a tiny signed graph, by trying all: what refinement is measured against in tests. */
import type { SignedGraph } from '../graph/contraction.ts';
import { UnionFind } from '../graph/union-find.ts';
import { objective } from './refine.ts';

/** Largest objective over all partitions into clusters that hang together by contractible edges; up to 9 nodes. */
export function bestObjective(graph: SignedGraph): number {
  const cluster = new Uint32Array(graph.nodeCount);
  let best = 0; // every node alone
  const tryFrom = (v: number, clusters: number): void => {
    if (v === graph.nodeCount) {
      if (hangsTogether(graph, cluster)) best = Math.max(best, objective(graph, cluster));
      return;
    }
    for (let c = 0; c <= clusters; c++) {
      cluster[v] = c;
      tryFrom(v + 1, Math.max(clusters, c + 1));
    }
  };
  tryFrom(0, 0);
  return best;
}

/** Does every cluster hang together by contractible edges? */
export function hangsTogether({ nodeCount, a, b, contractible }: SignedGraph, cluster: Uint32Array): boolean {
  const sets = new UnionFind(nodeCount);
  for (let e = 0; e < a.length; e++) {
    if (cluster[a[e]] === cluster[b[e]] && contractible?.[e] !== 0) sets.union(a[e], b[e]);
  }
  return new Set(sets.labels()).size === new Set(cluster).size;
}
