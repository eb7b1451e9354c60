/**
 * What holds a cluster together, link by link: a maximum spanning tree of every cluster, and for each link of the
 * tree the sum over all edges that run between the two parts the tree falls into without it. These
 * are the cuts that cross the tree once (Karger 2000, "Minimum cuts in near-linear time"; the strongest edges make
 * the tree, so a cluster's weakest places are among them). A bridge is the case of a single edge.
 *
 * An edge adds its value at both ends and takes it twice from their lowest common ancestor; sums over subtrees
 * are then the cuts. Ancestors are found over heavy paths: O(E log V) at the worst, linear for the chains that
 * neurites are.
 */
import type { SignedGraph } from './contraction.ts';
import { descendingOrder } from './descending-order.ts';
import { incidence } from './incidence.ts';
import { UnionFind } from './union-find.ts';

/** One tree a cluster, or several where its contractible edges leave it in several pieces. */
export interface SpanningTrees {
  /** Every node, parents before their children; a tree's nodes stand together, its first node is the root. */
  readonly order: Uint32Array;
  /** Parent of every node, -1 at roots. */
  readonly parent: Int32Array;
  /** Edge of the graph to the parent, -1 at roots. */
  readonly parentEdge: Int32Array;
  /**
   * For every node the sum of `value`, which has an entry an edge, over all edges between the node's subtree and the
   * rest of its tree; 0 at roots.
   */
  cuts(value: Float64Array | Float32Array): Float64Array;
}

/**
 * @param graph lifted edges count in the cuts, but are no part of a tree. Not mutated.
 * @param cluster of every node; edges between clusters do not count.
 */
export function spanningTrees(graph: SignedGraph, cluster: Uint32Array): SpanningTrees {
  const sets = new UnionFind(graph.nodeCount);
  const tree = strongestEdges(graph, cluster, sets);
  const rooted = rootTrees(graph, tree);
  const { nodeCount, a, b } = graph;
  const { order, parent } = rooted;
  const ancestorOf = commonAncestors(rooted);
  const within = (u: number, v: number) =>
    u !== v && cluster[u] === cluster[v] && sets.find(u) === sets.find(v);
  return {
    ...rooted,
    cuts(value) {
      const sum = new Float64Array(nodeCount);
      for (let e = 0; e < a.length; e++) {
        if (!within(a[e], b[e])) continue;
        sum[a[e]] += value[e];
        sum[b[e]] += value[e];
        sum[ancestorOf(a[e], b[e])] -= 2 * value[e];
      }
      for (let i = order.length - 1; i >= 0; i--) {
        const v = order[i];
        if (parent[v] >= 0) sum[parent[v]] += sum[v];
        else sum[v] = 0; // but for rounding it is
      }
      return sum;
    },
  };
}

/** Edges of a maximum spanning tree of every cluster (Kruskal 1956); `sets` become the trees. */
function strongestEdges(graph: SignedGraph, cluster: Uint32Array, sets: UnionFind): Uint32Array {
  const { a, b, weight, contractible } = graph;
  const inside = new Uint32Array(a.length);
  let count = 0;
  for (let e = 0; e < a.length; e++) {
    if (cluster[a[e]] === cluster[b[e]] && contractible?.[e] !== 0) inside[count++] = e;
  }
  const byWeight = descendingOrder(inside.subarray(0, count), weight);
  let kept = 0;
  for (const e of byWeight) {
    const u = sets.find(a[e]);
    const v = sets.find(b[e]);
    if (u === v) continue;
    sets.union(u, v);
    byWeight[kept++] = e; // never ahead of the walk
  }
  return byWeight.subarray(0, kept);
}

type RootedTrees = Omit<SpanningTrees, 'cuts'>;

/** Hangs every tree up on its first node, breadth first. */
function rootTrees(graph: SignedGraph, tree: Uint32Array): RootedTrees {
  const { nodeCount, a, b } = graph;
  const { start, edges } = incidence(graph, tree);
  const order = new Uint32Array(nodeCount);
  const parent = new Int32Array(nodeCount).fill(-1);
  const parentEdge = new Int32Array(nodeCount).fill(-1);
  const reached = new Uint8Array(nodeCount);
  let length = 0;
  for (let root = 0; root < nodeCount; root++) {
    if (reached[root] === 1) continue;
    let at = length;
    order[length++] = root;
    reached[root] = 1;
    for (; at < length; at++) {
      const v = order[at];
      for (let i = start[v]; i < start[v + 1]; i++) {
        const e = edges[i];
        const child = a[e] === v ? b[e] : a[e];
        if (reached[child] === 1) continue;
        reached[child] = 1;
        parent[child] = v;
        parentEdge[child] = e;
        order[length++] = child;
      }
    }
  }
  return { order, parent, parentEdge };
}

/** Lowest common ancestor of two nodes of one tree, by heavy paths (Sleator & Tarjan 1983). */
function commonAncestors({ order, parent }: RootedTrees): (u: number, v: number) => number {
  const nodes = order.length;
  const size = new Uint32Array(nodes).fill(1);
  const heavy = new Int32Array(nodes).fill(-1); // child with the largest subtree
  for (let i = nodes - 1; i >= 0; i--) {
    const v = order[i];
    const up = parent[v];
    if (up < 0) continue;
    size[up] += size[v];
    if (heavy[up] < 0 || size[v] >= size[heavy[up]]) heavy[up] = v;
  }
  const top = new Uint32Array(nodes); // highest node of the heavy path
  const depth = new Uint32Array(nodes);
  for (const v of order) {
    const up = parent[v];
    top[v] = up >= 0 && heavy[up] === v ? top[up] : v;
    depth[v] = up >= 0 ? depth[up] + 1 : 0;
  }
  return (u, v) => {
    let x = u;
    let y = v;
    while (top[x] !== top[y]) {
      if (depth[top[x]] > depth[top[y]]) x = parent[top[x]];
      else y = parent[top[y]];
    }
    return depth[x] < depth[y] ? x : y;
  };
}
