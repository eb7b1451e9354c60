import { describe, expect, it } from 'vitest';
import { CROSS, EdgeList, IN_PLANE } from './edge-list.ts';
import { IndexedMaxHeap } from './indexed-heap.ts';
import { PairTable } from './pair-table.ts';
import { UnionFind } from './union-find.ts';

describe('EdgeList', () => {
  it('grows, orders ids, and shifts the ids of what it takes over', () => {
    const list = new EdgeList(1);
    list.push(7, 3, IN_PLANE, 12, 0.25);
    const other = new EdgeList();
    for (let i = 0; i < 3000; i++) other.push(i, i + 1, CROSS, i, i / 3000);
    list.append(other, 10);
    list.append(list.columns());
    const { count, a, b, kind, area, probability } = list.columns();
    expect(count).toBe(6002);
    expect([a[0], b[0], kind[0], area[0], probability[0]]).toEqual([3, 7, IN_PLANE, 12, 0.25]);
    expect([a[3000], b[3000], kind[3000], area[3000]]).toEqual([3009, 3010, CROSS, 2999]);
    expect(a.subarray(3001)).toEqual(a.subarray(0, 3001));
    expect(probability.length).toBe(6002);
  });
});

describe('PairTable', () => {
  it('numbers pairs by first sight and keeps sums over growth; order within a pair matters', () => {
    const table = new PairTable(2, 1);
    const plain = new Map<string, number>();
    for (let i = 0; i < 20000; i++) {
      const a = (i * i) % 113;
      const b = (i * 7919) % 4294967291;
      const at = table.slot(a, b % 61 === 0 ? b : b % 89);
      table.values[at * 2] += 1;
      table.values[at * 2 + 1] += i;
      const key = `${a} ${b % 61 === 0 ? b : b % 89}`;
      plain.set(key, (plain.get(key) ?? 0) + 1);
    }
    const seen = Array.from({ length: table.count }, (_, i) => [
      `${table.a[i]} ${table.b[i]}`,
      table.values[i * 2],
    ]);
    expect(seen).toEqual([...plain]);
    expect(table.slot(1, 2)).not.toBe(table.slot(2, 1));
  });
});

describe('IndexedMaxHeap', () => {
  it('pops in order of key, then of item, whatever was changed or taken out', () => {
    const keys = Array.from({ length: 500 }, (_, i) => (i * 7919) % 50);
    const heap = new IndexedMaxHeap(500);
    for (let i = 0; i < 400; i++) heap.add(i, keys[i]);
    heap.heapify();
    for (let i = 400; i < 500; i++) heap.set(i, keys[i]);
    for (let i = 0; i < 500; i += 3) {
      keys[i] = (keys[i] * 31) % 47;
      heap.set(i, keys[i]);
    }
    for (let i = 0; i < 500; i += 7) heap.remove(i);
    heap.remove(0);
    const expected = keys
      .map((_, i) => i)
      .filter((i) => i % 7 !== 0)
      .sort((i, j) => keys[j] - keys[i] || i - j);
    const popped: number[] = [];
    while (heap.length > 0) {
      expect(heap.topKey()).toBe(keys[expected[popped.length]]);
      popped.push(heap.pop());
    }
    expect(popped).toEqual(expected);
  });
});

describe('UnionFind', () => {
  it('numbers sets by their first element', () => {
    const sets = new UnionFind(6);
    sets.union(5, 1);
    sets.union(4, 3);
    sets.union(1, 4);
    expect(sets.labels()).toEqual(Uint32Array.of(0, 1, 2, 1, 1, 1));
    expect(sets.find(3)).toBe(sets.find(5));
    expect(new UnionFind(0).labels().length).toBe(0);
  });
});
