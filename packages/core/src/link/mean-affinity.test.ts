import { describe, expect, it } from 'vitest';
import { CROSS, SKIP } from '../graph/edge-list.ts';
import { Random } from '../volume/random.ts';
import { linkByAffinity } from './mean-affinity.ts';

const options = { kind: 'cross', evenAffinity: 0.5, pixelArea: 1 } as const;
const section = (labels: number[], idOffset = 0) => ({ labels: Uint32Array.from(labels), idOffset });

describe('linkByAffinity', () => {
  it('gives the mean over the pixels that two fragments share, background aside', () => {
    const lower = section([1, 1, 2, 2, 0, 3], 10);
    const upper = section([1, 1, 1, 2, 2, 0], 20);
    const affinity = Float32Array.of(0.75, 0.25, 0.125, 0.5, 1, 1);
    const { count, a, b, kind, area, probability } = linkByAffinity(
      lower,
      upper,
      affinity,
      options,
    ).columns();
    expect(count).toBe(3);
    expect([...a]).toEqual([11, 12, 12]);
    expect([...b]).toEqual([21, 21, 22]);
    expect([...kind]).toEqual([CROSS, CROSS, CROSS]);
    expect([...area]).toEqual([2, 1, 1]);
    expect([...probability]).toEqual([0.5, 0.125, 0.5]);
  });

  it('measures the mean against the even one, and areas in pixels of the volume', () => {
    const columns = linkByAffinity(section([1]), section([1], 1), Float32Array.of(0.8), {
      kind: 'skip',
      evenAffinity: 0.8,
      pixelArea: 4,
    }).columns();
    expect(columns.probability[0]).toBeCloseTo(0.5, 6);
    expect(columns.area[0]).toBe(4);
    expect(columns.kind[0]).toBe(SKIP);
  });

  it('agrees with counting pixel by pixel', () => {
    const random = new Random(9);
    const draw = () => Array.from({ length: 500 }, () => (random.chance(0.2) ? 0 : 1 + random.int(6)));
    const [first, second] = [draw(), draw()];
    const affinity = Float32Array.from({ length: 500 }, () => random.float());
    const expected = new Map<string, number[]>();
    first.forEach((a, p) => {
      const key = `${a} ${second[p]}`;
      if (a > 0 && second[p] > 0) expected.set(key, [...(expected.get(key) ?? []), affinity[p]]);
    });
    const edges = linkByAffinity(section(first), section(second, 6), affinity, options).columns();
    expect(edges.count).toBe(expected.size);
    for (let i = 0; i < edges.count; i++) {
      const values = expected.get(`${edges.a[i]} ${edges.b[i] - 6}`) ?? [];
      expect(edges.area[i]).toBe(values.length);
      expect(edges.probability[i]).toBeCloseTo(values.reduce((sum, v) => sum + v, 0) / values.length, 5);
    }
  });
});
