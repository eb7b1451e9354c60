/**
 * Edge contraction on a signed graph: the one mechanism behind agglomeration in a section and partition of the
 * whole fragment graph. The most attractive edge is contracted, the edges that become parallel are pooled, and
 * so on until no attractive edge is left. How parallel edges pool (the linkage) names the method:
 *   sum    greedy additive edge contraction (Keuper et al. 2015, "Efficient decomposition of image and mesh
 *          graphs by lifted multicuts")
 *   mean   average linkage (Bailoni et al. 2022, "GASP, a generalized framework for agglomerative clustering
 *          of signed graphs")
 *   mutex  the stronger of the two stays, the mutex watershed's clustering (Wolf et al. 2018); there an edge
 *          that repels is a constraint as soon as no attractive edge is stronger
 * An edge that is not contractible is "lifted": its weight counts once its ends also share a contractible edge.
 * Where clusters have a mass, joining two large ones may demand more than joining a small one to something.
 *
 * Half-edges hang in linked lists on their nodes, one hash table finds the edge between two nodes, the node of
 * smaller degree is merged into the other: O(E log E) steps and about 60 bytes an edge.
 */
import { IndexedMaxHeap } from './indexed-heap.ts';
import { keepCompiled } from './kept-classes.ts';
import { pairHash, powerOfTwoAtLeast } from './pair-hash.ts';
import { UnionFind } from './union-find.ts';

export type Linkage = 'sum' | 'mean' | 'mutex';

/** Nodes are 0..nodeCount-1. Parallel edges and loops are allowed: they are pooled and dropped. */
export interface SignedGraph {
  readonly nodeCount: number;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
  /** Positive attracts, negative repels. For `mean` linkage the sum over the edge's `size` samples. */
  readonly weight: Float64Array | Float32Array;
  /** Samples behind each edge (only `mean` linkage reads it); 1 where absent. */
  readonly size?: Float64Array | Float32Array;
  /** 0 = lifted. Every edge is contractible where absent. */
  readonly contractible?: Uint8Array;
  /** Of every node, for `demand`. */
  readonly mass?: Float64Array | Float32Array | Uint32Array;
}

/**
 * What the weight between two clusters must be worth beyond `stopAt`: `most` · m / (m + `half`), where m is the smaller of their
 * masses. So the prior that two clusters are one falls as both of them grow, and levels out.
 */
export interface Demand {
  readonly most: number;
  readonly half: number;
}

export interface ContractionOptions {
  readonly linkage: Linkage;
  /** Contraction stops when no edge's weight (its mean for `mean`) is above this. Default 0. */
  readonly stopAt?: number;
  /** Taken off an edge's weight (its mean for `mean`); needs the mass of nodes. Nothing is where absent. */
  readonly demand?: Demand;
}

/**
 * Contracts `graph` as described above; the graph is not mutated.
 * @returns cluster of every node, numbered 0, 1, ... in order of first node.
 */
export function contract(graph: SignedGraph, options: ContractionOptions): Uint32Array {
  return new Contraction(graph, options).run();
}

/** Edges gone through by one call: the engine compiles what is called often once and for all. */
const STRETCH = 256;

class Contraction {
  private readonly end: Uint32Array; // [2e] and [2e + 1]: the ends of edge e, and owners of its half-edges
  private readonly next: Int32Array; // next half-edge of the same owner
  private readonly head: Int32Array;
  private readonly degree: Uint32Array;
  private readonly alive: Uint8Array; // 0 dead, 1 lifted, 2 contractible
  private readonly weight: Float64Array;
  private readonly size: Float64Array | undefined;
  private readonly table: Int32Array; // edge + 1 by hash of its ends, 0 where empty
  private readonly mask: number;
  private readonly heap: IndexedMaxHeap;
  private readonly sets: UnionFind;
  private readonly mass: Float64Array | undefined;
  private readonly linkage: Linkage;
  private readonly stopAt: number;
  private readonly most: number;
  private readonly half: number;

  constructor(graph: SignedGraph, { linkage, stopAt = 0, demand }: ContractionOptions) {
    const { nodeCount, a, b, weight, size, contractible, mass } = graph;
    const edges = a.length;
    this.linkage = linkage;
    this.stopAt = stopAt;
    this.most = demand?.most ?? 0;
    this.half = demand?.half ?? 1;
    if (demand && !mass) throw new TypeError('demand needs the mass of every node');
    this.mass = demand && mass ? new Float64Array(mass) : undefined;
    this.end = new Uint32Array(edges * 2);
    this.next = new Int32Array(edges * 2);
    this.head = new Int32Array(nodeCount).fill(-1);
    this.degree = new Uint32Array(nodeCount);
    this.alive = new Uint8Array(edges);
    this.weight = new Float64Array(weight);
    if (linkage === 'mean') this.size = size ? new Float64Array(size) : new Float64Array(edges).fill(1);
    this.table = new Int32Array(powerOfTwoAtLeast(Math.max(16, edges * 2)));
    this.mask = this.table.length - 1;
    this.heap = new IndexedMaxHeap(edges);
    this.sets = new UnionFind(nodeCount);
    for (let e = 0; e < edges; e += STRETCH)
      this.loadStretch(a, b, contractible, e, Math.min(edges, e + STRETCH));
    for (let e = 0; e < edges; e += STRETCH) this.offerStretch(e, Math.min(edges, e + STRETCH));
    this.heap.heapify();
  }

  private loadStretch(
    a: Uint32Array,
    b: Uint32Array,
    contractible: Uint8Array | undefined,
    from: number,
    to: number,
  ): void {
    for (let e = from; e < to; e++) {
      if (a[e] !== b[e]) this.load(e, a[e], b[e], contractible !== undefined && contractible[e] === 0);
    }
  }

  private offerStretch(from: number, to: number): void {
    for (let e = from; e < to; e++) this.offer(e);
  }

  /** Takes edge `e` between `u` and `v` in, or pools it with the one that is there. */
  private load(e: number, u: number, v: number, lifted: boolean): void {
    const { end, alive } = this;
    const twin = this.find(u, v);
    alive[e] = lifted ? 1 : 2;
    if (twin >= 0) {
      this.pool(twin, e);
      return;
    }
    end[2 * e] = u;
    end[2 * e + 1] = v;
    this.insert(e);
    this.attach(2 * e, u);
    this.attach(2 * e + 1, v);
  }

  private offer(e: number): void {
    if (this.alive[e] === 2 && this.priority(e) > this.stopAt) this.heap.add(e, this.priority(e));
  }

  run(): Uint32Array {
    const { heap, end, degree, mass } = this;
    while (heap.length > 0 && heap.topKey() > this.stopAt) {
      const key = heap.topKey();
      const e = heap.pop();
      // keys are brought up to date here: as clusters grow, demands only rise
      const priority = mass ? this.priority(e) : key;
      if (priority < key) {
        if (priority > this.stopAt) heap.set(e, priority);
        continue;
      }
      const u = end[2 * e];
      const v = end[2 * e + 1];
      this.remove(e);
      this.alive[e] = 0;
      this.sets.union(u, v);
      if (mass) {
        mass[u] += mass[v];
        mass[v] = mass[u];
      }
      if (degree[u] < degree[v]) this.absorb(u, v);
      else this.absorb(v, u);
    }
    return this.sets.labels();
  }

  /** Hands all edges of node `u` to node `v`. */
  private absorb(u: number, v: number): void {
    const { end, next, alive, heap, degree } = this;
    for (let half = this.head[u]; half >= 0; ) {
      const following = next[half];
      const e = half >> 1;
      if (alive[e] !== 0) {
        const other = end[half ^ 1];
        this.remove(e);
        const twin = this.find(v, other);
        if (twin >= 0) {
          this.pool(twin, e);
          heap.remove(e);
          degree[other]--;
          if (alive[twin] === 2 && this.priority(twin) > this.stopAt) heap.set(twin, this.priority(twin));
          else heap.remove(twin);
        } else {
          end[half] = v;
          this.insert(e);
          this.attach(half, v);
        }
      }
      half = following;
    }
    this.head[u] = -1;
  }

  private priority(e: number): number {
    const { size, mass, end } = this;
    const weight = size ? this.weight[e] / size[e] : this.weight[e];
    if (!mass) return weight;
    const smaller = Math.min(mass[end[2 * e]], mass[end[2 * e + 1]]);
    return weight - (this.most * smaller) / (smaller + this.half);
  }

  /** Adds the evidence of edge `from` to edge `into`; `from` is dead after it. */
  private pool(into: number, from: number): void {
    const { weight, alive, size } = this;
    if (this.linkage === 'mutex') {
      const mine = Math.abs(weight[into]);
      const other = Math.abs(weight[from]);
      if (other > mine || (other === mine && weight[from] < 0)) weight[into] = weight[from];
    } else {
      weight[into] += weight[from];
      if (size) size[into] += size[from];
    }
    if (alive[from] > alive[into]) alive[into] = alive[from];
    alive[from] = 0;
  }

  private attach(half: number, node: number): void {
    this.next[half] = this.head[node];
    this.head[node] = half;
    this.degree[node]++;
  }

  private home(e: number): number {
    const u = this.end[2 * e];
    const v = this.end[2 * e + 1];
    return (u < v ? pairHash(u, v) : pairHash(v, u)) & this.mask;
  }

  private find(u: number, v: number): number {
    const { table, mask, end } = this;
    let at = (u < v ? pairHash(u, v) : pairHash(v, u)) & mask;
    for (;;) {
      const e = table[at] - 1;
      if (e < 0) return -1;
      const x = end[2 * e];
      const y = end[2 * e + 1];
      if ((x === u && y === v) || (x === v && y === u)) return e;
      at = (at + 1) & mask;
    }
  }

  private insert(e: number): void {
    let at = this.home(e);
    while (this.table[at] !== 0) at = (at + 1) & this.mask;
    this.table[at] = e + 1;
  }

  /** Takes `e` out of the hash table, moving later entries of its run back (Knuth, vol. 3, 6.4 R). */
  private remove(e: number): void {
    const { table, mask } = this;
    let hole = this.home(e);
    while (table[hole] !== e + 1) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.home(table[at] - 1);
      const stays = hole <= at ? home > hole && home <= at : home > hole || home <= at;
      if (stays) continue;
      table[hole] = table[at];
      hole = at;
    }
    table[hole] = 0;
  }
}

const NOTHING = new Uint32Array(0);
const NO_GRAPH = { nodeCount: 1, a: NOTHING, b: NOTHING, weight: new Float64Array(0) };
keepCompiled(new Contraction(NO_GRAPH, { linkage: 'mean' }));
