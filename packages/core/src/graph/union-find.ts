/**
 * Disjoint sets over 0..n-1: union by size with path halving (Tarjan & van Leeuwen 1984).
 */
import { keepCompiled } from './kept-classes.ts';
export class UnionFind {
  private readonly parent: Uint32Array;
  private readonly size: Uint32Array;

  constructor(readonly length: number) {
    this.parent = new Uint32Array(length);
    for (let i = 0; i < length; i++) this.parent[i] = i;
    this.size = new Uint32Array(length).fill(1);
  }

  /** Representative of the set of `i`. */
  find(i: number): number {
    const parent = this.parent;
    let at = i;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  }

  /** Joins the sets of `i` and `j`; returns the representative of the joined set. */
  union(i: number, j: number): number {
    let a = this.find(i);
    let b = this.find(j);
    if (a === b) return a;
    if (this.size[a] < this.size[b]) [a, b] = [b, a];
    this.parent[b] = a;
    this.size[a] += this.size[b];
    return a;
  }

  /** Set number of every element, 0, 1, 2, ... in order of each set's first element. */
  labels(): Uint32Array {
    const out = new Uint32Array(this.length);
    const number = new Int32Array(this.length).fill(-1);
    let next = 0;
    for (let i = 0; i < this.length; i++) {
      const root = this.find(i);
      if (number[root] < 0) number[root] = next++;
      out[i] = number[root];
    }
    return out;
  }
}

keepCompiled(new UnionFind(1));
