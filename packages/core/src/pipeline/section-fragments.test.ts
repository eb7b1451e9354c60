import { expect, it } from 'vitest';
import { ndarray } from '../volume/array.ts';
import { givenFragments, touchingPairs } from './section-fragments.ts';

it('tells given fragments that share a side from those that meet at a corner', () => {
  const rows = [
    [1, 1, 2, 2],
    [1, 1, 2, 2],
    [0, 0, 3, 3],
    [4, 4, 0, 0],
  ];
  const { labels, edges } = givenFragments(ndarray(Uint32Array.from(rows.flat()), [4, 4]));
  const id = (y: number, x: number): number => labels[4 * y + x];
  const pairs = (all: ReturnType<typeof touchingPairs>): string[] =>
    Array.from({ length: all.count }, (_, i) => `${all.a[i]} ${all.b[i]}`).sort();
  const of = (...list: [number, number][]): string[] => list.map(([a, b]) => `${a} ${b}`).sort();
  expect(pairs(edges)).toEqual(
    of([id(0, 0), id(0, 2)], [id(0, 2), id(2, 2)], [id(0, 0), id(2, 2)], [id(2, 2), id(3, 0)]),
  );
  expect(pairs(touchingPairs(edges, true))).toEqual(of([id(0, 0), id(0, 2)], [id(0, 2), id(2, 2)]));
  expect(touchingPairs(edges, false)).toBe(edges);
});
