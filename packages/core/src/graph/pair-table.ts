/**
 * Sums kept for pairs of ids: a hash table with open addressing and linear probing over typed arrays.
 * Pairs are numbered 0, 1, 2, ... in the order they first come, so that a walk over them is deterministic;
 * each has a fixed number of float64 sums ("columns") in `values`.
 */

import { keepCompiled } from './kept-classes.ts';
import { pairHash } from './pair-hash.ts';

export class PairTable {
  /** Number of distinct pairs so far. */
  count = 0;
  /** First and second id of pair `i`, as they were given. */
  a: Uint32Array;
  b: Uint32Array;
  /** Sums of pair `i` at `i * columns`. Replaced when the table grows: fetch it again after `slot`. */
  values: Float64Array;
  private index: Int32Array; // pair number + 1, 0 where empty
  private mask: number;

  constructor(
    readonly columns: number,
    capacity = 1024,
  ) {
    let size = 16;
    while (size < capacity) size *= 2;
    this.a = new Uint32Array(size);
    this.b = new Uint32Array(size);
    this.values = new Float64Array(size * columns);
    this.index = new Int32Array(size * 2);
    this.mask = size * 2 - 1;
  }

  /** Number of the pair (a, b), which is added with sums of 0 where it is new. (a, b) and (b, a) are two pairs. */
  slot(a: number, b: number): number {
    const { index, mask } = this;
    let at = pairHash(a, b) & mask;
    for (;;) {
      const entry = index[at];
      if (entry === 0) break;
      if (this.a[entry - 1] === a && this.b[entry - 1] === b) return entry - 1;
      at = (at + 1) & mask;
    }
    if (this.count === this.a.length) {
      this.grow();
      return this.slot(a, b);
    }
    const number = this.count++;
    this.a[number] = a;
    this.b[number] = b;
    index[at] = number + 1;
    return number;
  }

  private grow(): void {
    const size = this.a.length * 2;
    const a = new Uint32Array(size);
    const b = new Uint32Array(size);
    const values = new Float64Array(size * this.columns);
    a.set(this.a);
    b.set(this.b);
    values.set(this.values);
    const mask = size * 2 - 1;
    const index = new Int32Array(size * 2);
    for (let i = 0; i < this.count; i++) {
      let at = pairHash(a[i], b[i]) & mask;
      while (index[at] !== 0) at = (at + 1) & mask;
      index[at] = i + 1;
    }
    Object.assign(this, { a, b, values });
    this.index = index;
    this.mask = mask;
  }
}

keepCompiled(new PairTable(1, 16));
