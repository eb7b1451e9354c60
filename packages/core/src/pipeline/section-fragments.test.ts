import { expect, it } from 'vitest';
import { PairTable } from '../graph/pair-table.ts';
import { pixelSpans, planResample } from '../predict/resample.ts';
import { joinParts } from '../segment/segment.ts';
import { ndarray } from '../volume/array.ts';
import { givenFragments, inFullPixels, touchingPairs } from './section-fragments.ts';

it('tells given fragments that share a side from pieces of one id that meet at a corner', () => {
  const rows = [
    [1, 1, 2, 2],
    [1, 1, 2, 2],
    [0, 0, 3, 3],
    [3, 3, 0, 4],
    [0, 0, 4, 0],
  ];
  const { labels, edges } = givenFragments(ndarray(Uint32Array.from(rows.flat()), [5, 4]));
  const id = (y: number, x: number): number => labels[4 * y + x];
  const pairs = (all: ReturnType<typeof touchingPairs>): string[] =>
    Array.from({ length: all.count }, (_, i) => `${all.a[i]} ${all.b[i]}`).sort();
  const of = (...list: [number, number][]): string[] => list.map(([a, b]) => `${a} ${b}`).sort();
  expect(pairs(edges)).toEqual(
    of(
      [id(0, 0), id(0, 2)],
      [id(0, 2), id(2, 2)],
      [id(2, 2), id(3, 0)],
      [id(2, 2), id(3, 3)],
      [id(3, 3), id(4, 2)],
      ...acrossLines(id),
    ),
  );
  expect(pairs(touchingPairs(edges, true))).toEqual(
    of([id(0, 0), id(0, 2)], [id(0, 2), id(2, 2)], [id(2, 2), id(3, 3)], ...acrossLines(id)),
  );
  expect(touchingPairs(edges, false)).toBe(edges);
});

/** Of the above, what one pixel of 0 parts. */
const acrossLines = (id: (y: number, x: number) => number): [number, number][] => [
  [id(0, 0), id(3, 0)],
  [id(3, 0), id(3, 3)],
  [id(2, 2), id(4, 2)],
];

it('lets given fragments touch across a line of 0, but not across more, and joins what has one id there', () => {
  const { labels, edges } = givenFragments(ndarray(Uint32Array.of(1, 0, 0, 2, 0, 0, 0, 1, 0, 1), [1, 10]));
  const [first, second, third, fourth] = [0, 3, 7, 9].map((x) => labels[x]);
  expect(edges.count).toBe(2);
  expect([[...edges.a], [...edges.b]]).toEqual([
    [first, third],
    [second, fourth],
  ]);
  const touching = touchingPairs(edges, true);
  expect([touching.count, touching.a[0], touching.b[0]]).toEqual([1, first, second]);
  expect(edges.probability[1]).toBeGreaterThan(0.5);
});

it('takes specks that meet another fragment at a corner for a part of it, where each piece has an id of its own', () => {
  const rows = [
    [1, 1, 1, 1, 0, 6],
    [1, 1, 1, 1, 0, 6],
    [1, 1, 1, 1, 0, 6],
    [3, 3, 3, 3, 2, 6],
    [3, 3, 3, 3, 3, 6],
    [3, 3, 3, 3, 3, 6],
  ];
  const probabilities = (ids: number[][]) => {
    const { labels, edges } = givenFragments(ndarray(Uint32Array.from(ids.flat()), [6, 6]));
    const id = (y: number, x: number) => labels[6 * y + x];
    const of = (a: number, b: number) => {
      const i = edges.a.findIndex((_, k) => edges.a[k] === Math.min(a, b) && edges.b[k] === Math.max(a, b));
      return i < 0 ? undefined : edges.probability[i];
    };
    return { corner: of(id(0, 0), id(3, 4)), line: of(id(0, 0), id(0, 5)), large: of(id(0, 0), id(3, 0)) };
  };
  const own = probabilities(rows);
  expect(own.corner).toBeGreaterThan(0.8);
  expect(own.large).toBeLessThan(0.1);
  expect(own.line).toBeUndefined(); // the one on the right is small: it may be anything
  // where one id is told of two pieces, others that meet at a corner are other cells
  const again = probabilities(rows.map((row) => row.map((id) => (id === 6 ? 1 : id))));
  expect(again.corner).toBeUndefined();
  expect(again.line).toBeGreaterThan(0.8);
  expect(again.large).toBeLessThan(0.1);
});

it('keeps the cells of a mask, and those along a line that runs askew, apart', () => {
  // two cells with a line of 0 from corner to corner between them
  const side = 12;
  const cells = Uint32Array.from({ length: side * side }, (_, p) => {
    const across = Math.floor(p / side) - (p % side);
    return across === 0 ? 0 : across > 0 ? 1 : 2;
  });
  const mask = cells.map((id) => Math.min(id, 1));
  for (const ids of [cells, mask]) {
    const { edges } = givenFragments(ndarray(ids, [side, side]));
    expect([edges.count, edges.probability[0] < 0.1]).toEqual([1, true]);
  }
  // a mask of many cells, all of one id, with lines between
  const many = Uint32Array.from({ length: 48 * 48 }, (_, p) =>
    Number((p % 48) % 6 !== 0 && Math.floor(p / 48) % 6 !== 0),
  );
  const { edges } = givenFragments(ndarray(many, [48, 48]));
  expect(edges.count).toBeGreaterThan(60);
  expect(edges.probability.every((p) => p < 0.1)).toBe(true);
});

it('keeps what repair needs where sections are enlarged for the network', () => {
  const plan = planResample([4, 4], [20, 20], [10, 10]);
  const labels = Uint32Array.from({ length: 64 }, (_, p) => (p % 8 < 4 ? 1 : 2));
  const parts = { labels, count: 2, area: Uint32Array.of(0, 32, 32), fragment: Uint32Array.of(0, 1, 2) };
  const segmentation = joinParts({ ...parts, pairs: new PairTable(4, 16) }, [8, 8]);
  const { stats, repairable } = inFullPixels(segmentation, plan, pixelSpans(plan));
  expect(Array.from(stats.area)).toEqual([0, 8, 8]);
  expect(repairable).toBe(segmentation);
});
