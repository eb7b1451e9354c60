import { describe, expect, it } from 'vitest';
import { EdgeList, IN_PLANE } from '../graph/edge-list.ts';
import { SEGMENT_DEFAULTS, type Segmentation, segment } from '../segment/segment.ts';
import { ndarray } from '../volume/array.ts';
import type { NextDoor } from './partners.ts';
import { REPAIR_DEFAULTS, repair } from './repair.ts';

const [HEIGHT, WIDTH] = [40, 60];
const OFFSETS = [
  [0, 1],
  [1, 0],
  [0, 3],
  [3, 0],
] as const;

/** One section whose cells are `cellOf`, with membranes between them of the given affinity (and 0.95 within cells). */
function section(
  cellOf: (y: number, x: number) => number,
  across: (m: number, n: number) => number,
): Segmentation {
  const data = new Float32Array(OFFSETS.length * HEIGHT * WIDTH);
  OFFSETS.forEach(([dy, dx], c) => {
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const [m, n] = [cellOf(y, x), cellOf(Math.min(HEIGHT - 1, y + dy), Math.min(WIDTH - 1, x + dx))];
        data[(c * HEIGHT + y) * WIDTH + x] = m === n ? 0.95 : across(Math.min(m, n), Math.max(m, n));
      }
    }
  });
  return segment(ndarray(data, [OFFSETS.length, HEIGHT, WIDTH]), {
    ...SEGMENT_DEFAULTS,
    bias: 0.6,
    offsets: OFFSETS,
    parts: true,
  });
}

/** Three columns of 20 px. */
const column = (_y: number, x: number): number => 1 + Math.floor(x / 20);

function nextDoor(
  labels: Uint32Array,
  pairs: [a: number, b: number, probability: number][],
  affinity = 0.9,
): NextDoor {
  const edges = new EdgeList();
  for (const [a, b, probability] of pairs) edges.push(a, b, IN_PLANE, HEIGHT, probability);
  const samples = (HEIGHT / 2) * (WIDTH / 2);
  return { labels, edges: edges.columns(), affinity: new Float32Array(samples).fill(affinity), stride: 2 };
}

const plane = (cellOf: (y: number, x: number) => number): Uint32Array =>
  Uint32Array.from({ length: HEIGHT * WIDTH }, (_, p) => cellOf(Math.floor(p / WIDTH), p % WIDTH));

const apart = nextDoor(plane(column), [
  [1, 2, 0.05],
  [2, 3, 0.05],
]);

const at = ({ labels }: Segmentation, y: number, x: number): number => labels.data[y * WIDTH + x];

describe('repair', () => {
  // the membrane between the first two columns is faint: they are one fragment, of two parts
  const faint = section(column, (_, n) => (n === 2 ? 0.65 : 0.05));

  it('cuts a fragment that goes on in two neurons on both sides, where they meet', () => {
    expect(faint.count).toBe(2);
    const { segmentation, split, merged } = repair(faint, apart, apart);
    expect([split, merged]).toEqual([1, 0]);
    expect(segmentation.count).toBe(3);
    expect([5, 18, 22, 35, 45].map((x) => at(segmentation, 20, x))).toEqual([1, 1, 2, 2, 3]);
    expect(Array.from(segmentation.stats.area)).toEqual([0, 800, 800, 800]);
    // the two halves are not put together again by the membrane that is hardly there
    const { edges } = segmentation;
    expect([edges.a[0], edges.b[0]]).toEqual([1, 2]);
    expect(edges.probability[0]).toBeCloseTo(0.3);
    expect(faint.count).toBe(2);
  });

  it('does not put two fragments together through one between them that it cuts', () => {
    const [p, q, n] = [14, 38, 46]; // the middle one is two parts, the first of which goes on where both others do
    const middle = section(
      (_y, x) => (x < p ? 1 : x < q ? 2 : x < n ? 3 : 4),
      (a, b) => (a === 2 && b === 3 ? 0.65 : 0.5),
    );
    expect(middle.count).toBe(3);
    const beside = nextDoor(
      plane((_y, x) => (x >= q && x < n ? 2 : 1)),
      [[1, 2, 0.05]],
    );
    const { segmentation, split, merged } = repair(middle, beside, beside);
    expect([split, merged]).toEqual([1, 0]);
    expect(at(segmentation, 20, 5)).not.toBe(at(segmentation, 20, 55));
  });

  it('leaves it where one side shows one neuron, none, or nothing clear', () => {
    const one = nextDoor(
      plane((_y, x) => (x < 40 ? 1 : 2)),
      [[1, 2, 0.05]],
    );
    const alike = nextDoor(plane(column), [
      [1, 2, 0.6],
      [2, 3, 0.05],
    ]);
    const unclear = { ...apart, affinity: apart.affinity.map(() => 0.2) };
    for (const above of [one, alike, unclear, undefined]) {
      const found = repair(faint, apart, above);
      expect([found.split, found.merged]).toEqual([0, 0]);
      expect(found.segmentation).toBe(faint);
    }
  });

  it('does not cut through clear cytoplasm', () => {
    const clear = section(
      (_y, x) => (x < 40 ? 1 : 2),
      () => 0.05,
    );
    expect(clear.parts?.count).toBe(2);
    expect(repair(clear, apart, apart).segmentation).toBe(clear);
  });

  it('puts fragments together that go on in one, where the section allows it', () => {
    // the membrane between the first two columns is half there
    const spurious = section(column, (_, n) => (n === 2 ? 0.5 : 0.05));
    expect(spurious.count).toBe(3);
    const one = nextDoor(
      plane((_y, x) => (x < 40 ? 1 : 2)),
      [[1, 2, 0.05]],
    );
    const { segmentation, split, merged } = repair(spurious, one, one);
    expect([split, merged]).toEqual([0, 1]);
    expect(segmentation.count).toBe(2);
    expect([5, 35, 45].map((x) => at(segmentation, 20, x))).toEqual([1, 1, 2]);
    // at the end of a stack one side is enough
    expect(repair(spurious, one, undefined).merged).toBe(1);
    // two that go on in different neurons stay apart, and so do two with a clear membrane
    expect(repair(spurious, one, apart).merged).toBe(0);
    const clear = section(column, () => 0.05);
    expect(repair(clear, one, one).segmentation).toBe(clear);
  });

  it('takes sections without fragments, and asks for parts', () => {
    const nothing = nextDoor(new Uint32Array(HEIGHT * WIDTH), []);
    expect(repair(faint, nothing, nothing).segmentation).toBe(faint);
    expect(repair(faint, undefined, undefined, REPAIR_DEFAULTS).segmentation).toBe(faint);
    expect(() => repair({ ...faint, parts: undefined }, apart, apart)).toThrow(RangeError);
  });
});
