/** The edges of every node, as one array in order of node and a table of where each node's part begins. */
import type { SignedGraph } from './contraction.ts';

export interface Incidence {
  /** Edges of node v: `edges[start[v]]` up to, not including, `edges[start[v + 1]]`, in the order they were given. */
  readonly start: Uint32Array;
  readonly edges: Uint32Array;
}

/** @param subset of the graph's edges; all of them where absent. Loops stand twice with their node. */
export function incidence(
  { nodeCount, a, b }: Pick<SignedGraph, 'nodeCount' | 'a' | 'b'>,
  subset?: Uint32Array,
): Incidence {
  const count = subset ? subset.length : a.length;
  const start = new Uint32Array(nodeCount + 2);
  for (let i = 0; i < count; i++) {
    const e = subset ? subset[i] : i;
    start[a[e] + 2]++;
    start[b[e] + 2]++;
  }
  for (let v = 2; v < start.length; v++) start[v] += start[v - 1];
  const edges = new Uint32Array(count * 2);
  for (let i = 0; i < count; i++) {
    const e = subset ? subset[i] : i;
    edges[start[a[e] + 1]++] = e; // start[v + 1] moves from where v's edges begin to where they end
    edges[start[b[e] + 1]++] = e;
  }
  return { start: start.subarray(0, nodeCount + 1), edges };
}
