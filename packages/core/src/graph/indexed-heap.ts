/**
 * A max-heap of the items 0..n-1 whose keys may change while they are in it: a 4-ary implicit heap with each
 * item's position beside it (Johnson 1975). Equal keys come out in order of item number, so runs repeat.
 */
import { keepCompiled } from './kept-classes.ts';
export class IndexedMaxHeap {
  length = 0;
  private readonly key: Float64Array;
  private readonly heap: Int32Array;
  private readonly position: Int32Array;

  constructor(items: number) {
    this.key = new Float64Array(items);
    this.heap = new Int32Array(items);
    this.position = new Int32Array(items).fill(-1);
  }

  /** Adds `item` without keeping order; call `heapify` before anything else. */
  add(item: number, key: number): void {
    this.key[item] = key;
    this.position[item] = this.length;
    this.heap[this.length++] = item;
  }

  heapify(): void {
    for (let at = (this.length - 2) >> 2; at >= 0; at--) this.sink(at, this.heap[at]);
  }

  /** Key of the first item; only where `length` > 0. */
  topKey(): number {
    return this.key[this.heap[0]];
  }

  /** Takes out the item with the largest key. */
  pop(): number {
    const top = this.heap[0];
    this.remove(top);
    return top;
  }

  /** Puts `item` in, or moves it to its new key. */
  set(item: number, key: number): void {
    const at = this.position[item];
    const old = this.key[item];
    this.key[item] = key;
    if (at < 0) this.rise(this.length++, item);
    else if (key > old) this.rise(at, item);
    else if (key < old) this.sink(at, item);
  }

  has(item: number): boolean {
    return this.position[item] >= 0;
  }

  /** Takes out all items. */
  clear(): void {
    for (let at = 0; at < this.length; at++) this.position[this.heap[at]] = -1;
    this.length = 0;
  }

  /** Takes `item` out where it is in. */
  remove(item: number): void {
    const at = this.position[item];
    if (at < 0) return;
    this.position[item] = -1;
    const last = this.heap[--this.length];
    if (last === item) return;
    if (this.before(last, item)) this.rise(at, last);
    else this.sink(at, last);
  }

  private before(i: number, j: number): boolean {
    const a = this.key[i];
    const b = this.key[j];
    return a > b || (a === b && i < j);
  }

  private rise(from: number, item: number): void {
    const { heap, position } = this;
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 2;
      const above = heap[up];
      if (!this.before(item, above)) break;
      heap[at] = above;
      position[above] = at;
      at = up;
    }
    heap[at] = item;
    position[item] = at;
  }

  private sink(from: number, item: number): void {
    const { heap, position, length } = this;
    let at = from;
    for (;;) {
      const first = 4 * at + 1;
      if (first >= length) break;
      let best = first;
      const end = Math.min(first + 4, length);
      for (let child = first + 1; child < end; child++) {
        if (this.before(heap[child], heap[best])) best = child;
      }
      const below = heap[best];
      if (!this.before(below, item)) break;
      heap[at] = below;
      position[below] = at;
      at = best;
    }
    heap[at] = item;
    position[item] = at;
  }
}

keepCompiled(new IndexedMaxHeap(1));
