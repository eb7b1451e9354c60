/**
 * Local refinement of a partition of a signed graph, after greedy contraction: Kernighan-Lin moves with joins
 * (Keuper et al. 2015, "Efficient decomposition of image and mesh graphs by lifted multicuts"; the move sequences
 * of Kernighan & Lin 1970, in the form of Fiduccia & Mattheyses 1982). The sum of the weights inside clusters only
 * rises. A sweep
 *   moves   for two clusters that attract each other somewhere: nodes along their border change sides one by one,
 *           the best first, also at a loss; the best beginning of that sequence is kept;
 *   joins   them instead where that gains more;
 *   splits  a cluster at the link of its spanning tree whose cut repels most (`spanningTrees`).
 * A cluster changes once a sweep, so that every gain is exact; the next sweep looks at what changed, and at its
 * neighbours. Without the sorting a sweep takes time that is linear in the edges.
 */
import { throwIfCancelled } from '../errors.ts';
import type { SignedGraph } from '../graph/contraction.ts';
import { type Incidence, incidence } from '../graph/incidence.ts';
import { IndexedMaxHeap } from '../graph/indexed-heap.ts';
import { spanningTrees } from '../graph/spanning-trees.ts';
import { UnionFind } from '../graph/union-find.ts';
import type { StageContext } from '../volume/contracts.ts';
import { type ClusterBorder, clusterBorders } from './cluster-borders.ts';

/** Moves of a sequence without a new best after which it ends. */
const PATIENCE = 30;

/** Gains below this are rounding. */
const LEAST_GAIN = 1e-9;

/**
 * Refines `clusters`; nothing is mutated.
 * @param clusters of every node of `graph`, each hanging together by contractible edges, as contraction leaves them.
 * @param sweeps at most so many.
 * @returns cluster of every node, numbered 0, 1, ... in order of first node, each hanging together as before; the
 * objective is not below that of `clusters`.
 * @throws KynError `cancelled`.
 */
export function refine(
  graph: SignedGraph,
  clusters: Uint32Array,
  sweeps: number,
  context: StageContext = {},
): Uint32Array {
  const refinement = new Refinement(graph, clusters);
  let best = refinement.cluster;
  let value = objective(graph, best);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    throwIfCancelled(context.signal);
    if (!refinement.sweep()) break;
    // Only lifted edges can make it fall: a move may leave a cluster in two pieces that they held together.
    const now = objective(graph, refinement.cluster);
    if (now <= value) break;
    value = now;
    best = refinement.cluster;
  }
  return best;
}

/** Sum of the weights of the edges inside clusters: what contraction and refinement make large. */
export function objective({ a, b, weight }: SignedGraph, cluster: ArrayLike<number>): number {
  let sum = 0;
  for (let e = 0; e < a.length; e++) if (cluster[a[e]] === cluster[b[e]] && a[e] !== b[e]) sum += weight[e];
  return sum;
}

class Refinement {
  /** Replaced, not mutated, by a sweep. */
  cluster: Uint32Array;
  private side: Uint32Array; // cluster of every node as the sweep changes it
  private changed: Uint8Array; // by cluster: did it change in the sweep before?
  private touched = new Uint8Array(0); // by cluster: did it change in this sweep?
  private into = new Uint32Array(0); // by cluster: which one it was joined into
  private readonly incident: Incidence;
  private readonly own: Float64Array; // sum of a node's weights to its own cluster
  private readonly gain: Float64Array; // of moving the node to the other cluster of the border at hand
  private readonly known: Int32Array; // number of the border that the node's gain is for
  private readonly moved: Int32Array; // number of the border at which the node last moved
  private border = 0;
  private readonly heap: IndexedMaxHeap; // nodes at the border at hand, by gain

  constructor(
    private readonly graph: SignedGraph,
    clusters: Uint32Array,
  ) {
    const { nodeCount } = graph;
    this.cluster = this.pieces(clusters);
    this.side = this.cluster;
    this.changed = new Uint8Array(nodeCount).fill(1);
    this.incident = incidence(graph);
    this.own = new Float64Array(nodeCount);
    this.gain = new Float64Array(nodeCount);
    this.known = new Int32Array(nodeCount);
    this.moved = new Int32Array(nodeCount);
    this.heap = new IndexedMaxHeap(nodeCount);
  }

  /** One sweep; false where it found nothing to change. */
  sweep(): boolean {
    const count = 1 + this.cluster.reduce((max, c) => Math.max(max, c), -1);
    this.side = this.cluster.slice();
    this.touched = new Uint8Array(count);
    this.into = Uint32Array.from({ length: count }, (_, c) => c);
    this.sumOwn();
    for (const border of clusterBorders(this.graph, this.cluster, this.changed)) {
      if (this.touched[border.x] === 0 && this.touched[border.y] === 0) this.improve(border);
    }
    this.split(count);
    if (!this.touched.includes(1)) return false;
    const pieces = this.pieces(this.side.map((c) => (c < count ? this.into[c] : c)));
    const changed = new Uint8Array(pieces.length);
    for (let v = 0; v < pieces.length; v++) if (this.touched[this.cluster[v]] === 1) changed[pieces[v]] = 1;
    this.cluster = pieces;
    this.changed = changed;
    return true;
  }

  /** The pieces of clusters that hang together by contractible edges, numbered by first node. */
  private pieces(cluster: Uint32Array): Uint32Array {
    const { nodeCount, a, b } = this.graph;
    const sets = new UnionFind(nodeCount);
    for (let e = 0; e < a.length; e++) {
      if (cluster[a[e]] === cluster[b[e]] && this.isContractible(e)) sets.union(a[e], b[e]);
    }
    return sets.labels();
  }

  private isContractible(e: number): boolean {
    const { contractible } = this.graph;
    return contractible === undefined || contractible[e] !== 0;
  }

  private sumOwn(): void {
    const { own, cluster } = this;
    const { a, b, weight } = this.graph;
    own.fill(0);
    for (let e = 0; e < a.length; e++) {
      if (cluster[a[e]] !== cluster[b[e]] || a[e] === b[e]) continue;
      own[a[e]] += weight[e];
      own[b[e]] += weight[e];
    }
  }

  /** Moves nodes over a border, or joins its clusters, whichever gains more. */
  private improve({ x, y, total, attraction, edges }: ClusterBorder): void {
    const { heap, side } = this;
    this.lineUp(edges);
    const moves: number[] = [];
    let sum = 0;
    let best = LEAST_GAIN;
    let kept = 0;
    // What a sequence loses it can only win back from what attracts across the border.
    while (heap.length > 0 && moves.length - kept < PATIENCE && sum > -attraction) {
      const v = heap.pop();
      sum += this.gain[v];
      this.move(v, x, y);
      moves.push(v);
      if (sum <= best) continue;
      best = sum;
      kept = moves.length;
    }
    heap.clear();
    const join = total > best;
    if (join) kept = 0;
    for (let i = kept; i < moves.length; i++) side[moves[i]] = this.cluster[moves[i]];
    if (!join && kept === 0) return;
    if (join) this.into[y] = x;
    this.touched[x] = 1;
    this.touched[y] = 1;
  }

  /** Puts the nodes at a border into the heap, with what moving each would gain. */
  private lineUp(edges: Uint32Array): void {
    const { gain, heap } = this;
    const { a, b, weight } = this.graph;
    this.border++;
    for (const e of edges) {
      this.knowGain(a[e]);
      this.knowGain(b[e]);
      gain[a[e]] += weight[e];
      gain[b[e]] += weight[e];
    }
    for (const e of edges) {
      if (!this.isContractible(e)) continue;
      heap.set(a[e], gain[a[e]]);
      heap.set(b[e], gain[b[e]]);
    }
  }

  /** Before anything of a node's is counted: moving it loses what holds it in its cluster. */
  private knowGain(v: number): void {
    if (this.known[v] === this.border) return;
    this.known[v] = this.border;
    this.gain[v] = -this.own[v];
  }

  /** Moves `v` to the other of the clusters `x` and `y`; its neighbours learn of it, and come into reach. */
  private move(v: number, x: number, y: number): void {
    const { side, gain, heap, moved } = this;
    const { a, b, weight } = this.graph;
    const { start, edges } = this.incident;
    const to = side[v] === x ? y : x;
    side[v] = to;
    moved[v] = this.border;
    for (let i = start[v]; i < start[v + 1]; i++) {
      const e = edges[i];
      const u = a[e] === v ? b[e] : a[e];
      if ((side[u] !== x && side[u] !== y) || moved[u] === this.border) continue;
      this.knowGain(u);
      gain[u] += side[u] === to ? -2 * weight[e] : 2 * weight[e];
      if (heap.has(u) || (side[u] !== to && this.isContractible(e))) heap.set(u, gain[u]);
    }
  }

  /** Splits every cluster that this sweep left alone at its worst cut, where that repels. */
  private split(count: number): void {
    const { side, touched, changed, cluster } = this;
    const looked = cluster.map((c, v) => (changed[c] === 1 && touched[c] === 0 ? c : count + v));
    const { order, parent, cuts } = spanningTrees(this.graph, looked);
    const cut = cuts(this.graph.weight);
    const worst = new Int32Array(count).fill(-1); // node above which the cluster is cut
    for (const v of order) {
      const c = cluster[v];
      if (cut[v] < -LEAST_GAIN && (worst[c] < 0 || cut[v] < cut[worst[c]])) worst[c] = v;
    }
    for (const v of order) {
      const c = cluster[v];
      const up = parent[v];
      if (worst[c] !== v && (up < 0 || side[up] !== count + c)) continue;
      side[v] = count + c;
      touched[c] = 1;
    }
  }
}
