import { describe, expect, it } from 'vitest';
import { Random } from '../volume/random.ts';
import type { SignedGraph } from './contraction.ts';
import { descendingOrder } from './descending-order.ts';
import { incidence } from './incidence.ts';
import { type SpanningTrees, spanningTrees } from './spanning-trees.ts';
import { UnionFind } from './union-find.ts';

function randomGraph(seed: number, nodeCount: number, edges: number, lifted = 0): SignedGraph {
  const random = new Random(seed);
  const node = () => Math.floor(random.float() * nodeCount);
  return {
    nodeCount,
    a: Uint32Array.from({ length: edges }, node),
    b: Uint32Array.from({ length: edges }, node),
    weight: Float64Array.from({ length: edges }, () => Math.round((random.float() - 0.4) * 20) / 4),
    contractible: Uint8Array.from({ length: edges }, () => (random.float() < lifted ? 0 : 1)),
  };
}

describe('descendingOrder', () => {
  it.each([0, 1, 2, 1000])('sorts %i items as a stable sort does', (length) => {
    const random = new Random(length);
    const key = Float64Array.from(
      { length: length * 2 },
      () => (random.float() - 0.5) * 10 ** (random.float() * 9),
    );
    key.forEach((value, i) => {
      if (i % 5 === 0) key[i] = Math.round(value % 3); // ties, 0 and -0
    });
    const items = Uint32Array.from({ length }, (_, i) => (i * 7919) % (length * 2));
    const before = items.slice();
    const float = (item: number) => Math.fround(key[item]);
    const sorted = Array.from(items).sort((i, j) => float(j) - float(i));
    expect(Array.from(descendingOrder(items, key))).toEqual(sorted);
    expect(items).toEqual(before);
  });
});

describe('incidence', () => {
  it('gives every node its edges, of all or of some', () => {
    const graph = { nodeCount: 4, a: Uint32Array.of(0, 2, 1), b: Uint32Array.of(2, 1, 1) };
    expect(incidence(graph)).toEqual({
      start: Uint32Array.of(0, 1, 4, 6, 6),
      edges: Uint32Array.of(0, 1, 2, 2, 0, 1),
    });
    expect(incidence(graph, Uint32Array.of(1))).toEqual({
      start: Uint32Array.of(0, 0, 1, 2, 2),
      edges: Uint32Array.of(1, 1),
    });
  });
});

describe('spanningTrees', () => {
  const cases = [1, 2, 3, 4, 5, 6].flatMap((seed) =>
    [
      [1, 0],
      [2, 1],
      [7, 9],
      [30, 60],
      [60, 400],
    ].map(([nodes, edges]) => [nodes, edges, seed] as const),
  );

  it.each(cases)('gives trees and their cuts: %i nodes, %i edges, seed %i', (nodes, edges, seed) => {
    const graph = randomGraph(seed, nodes, edges, 0.2);
    const cluster = Uint32Array.from({ length: nodes }, (_, v) => (v * 7 + seed) % 3);
    const trees = spanningTrees(graph, cluster);
    const cut = trees.cuts(graph.weight);
    const insideEdges = Array.from(graph.a, (_, e) => e).filter(
      (e) => cluster[graph.a[e]] === cluster[graph.b[e]] && graph.contractible?.[e] === 1,
    );
    const sets = new UnionFind(nodes);
    for (const e of insideEdges) sets.union(graph.a[e], graph.b[e]);
    checkOrder(trees);
    for (let v = 0; v < nodes; v++) {
      const up = trees.parent[v];
      if (up < 0) {
        expect([trees.parentEdge[v], cut[v]]).toEqual([-1, 0]);
        continue;
      }
      const e = trees.parentEdge[v];
      expect([graph.a[e], graph.b[e]].sort()).toEqual([v, up].sort());
      expect(insideEdges).toContain(e);
      const below = subtree(trees, v);
      const crossing = (f: number) => below.has(graph.a[f]) !== below.has(graph.b[f]);
      const tree = (f: number) =>
        sets.find(graph.a[f]) === sets.find(v) && sets.find(graph.b[f]) === sets.find(v);
      const all = Array.from(graph.a, (_, f) => f).filter((f) => crossing(f) && tree(f));
      expect(cut[v]).toBeCloseTo(
        all.reduce((sum, f) => sum + graph.weight[f], 0),
        9,
      );
      // no contractible edge over the cut is stronger than the tree's own
      expect(graph.weight[e]).toBe(Math.max(...insideEdges.filter(crossing).map((f) => graph.weight[f])));
    }
    const roots = Array.from(trees.parent).filter((up) => up < 0).length;
    expect(roots).toBe(new Set(sets.labels()).size);
  });

  it('takes a chain of 200,000 nodes', () => {
    const nodeCount = 200_000;
    const a = Uint32Array.from({ length: nodeCount - 1 }, (_, i) => i);
    const graph = { nodeCount, a, b: a.map((i) => i + 1), weight: new Float64Array(nodeCount - 1).fill(0.5) };
    const cut = spanningTrees(graph, new Uint32Array(nodeCount)).cuts(graph.weight);
    expect(cut[0]).toBe(0);
    expect(cut.subarray(1).every((value) => value === 0.5)).toBe(true);
  });
});

function checkOrder({ order, parent }: SpanningTrees): void {
  const place = new Map(Array.from(order, (v, i) => [v, i]));
  expect(place.size).toBe(parent.length);
  order.forEach((v, i) => {
    if (parent[v] >= 0) expect(place.get(parent[v])).toBeLessThan(i);
  });
}

function subtree({ order, parent }: SpanningTrees, top: number): Set<number> {
  const found = new Set([top]);
  for (const v of order) if (found.has(parent[v])) found.add(v);
  return found;
}
