import { describe, expect, it } from 'vitest';
import { CROSS, EdgeList, IN_PLANE } from '../graph/edge-list.ts';
import { Random } from '../volume/random.ts';
import { optionsIn, PARTITION_DEFAULTS, type PartitionMethod, partition } from './partition.ts';

const methods: PartitionMethod[] = ['components', 'gaec', 'mean', 'mutex'];

function edges(...rows: [a: number, b: number, kind: number, area: number, probability: number][]) {
  const list = new EdgeList();
  for (const row of rows) list.push(...row);
  return list.columns();
}

/** Of fragments 1..count. */
function voxels(count: number): Float64Array {
  return new Float64Array(count + 1).fill(9);
}

/** Merges demand nothing. */
const FREE = { ...PARTITION_DEFAULTS, threshold: 0.5, demand: undefined } as const;

describe.each(methods)('partition, %s', (method) => {
  const options = { ...FREE, method };

  it('takes no fragments, and fragments without edges', () => {
    expect(partition(edges(), voxels(0), options)).toEqual(Uint32Array.of(0));
    expect(partition(edges(), voxels(3), options)).toEqual(Uint32Array.of(0, 1, 2, 3));
  });

  it('joins what attracts, numbers neurons by first fragment, keeps 0', () => {
    const graph = edges([2, 4, CROSS, 9, 0.9], [1, 3, CROSS, 9, 0.2], [3, 5, CROSS, 9, 0.8]);
    expect(partition(graph, voxels(5), options)).toEqual(Uint32Array.of(0, 1, 2, 3, 2, 3));
  });

  it('moves its threshold', () => {
    const graph = edges([1, 2, CROSS, 9, 0.6]);
    expect(partition(graph, voxels(2), { ...options, threshold: 0.7 })).toEqual(Uint32Array.of(0, 1, 2));
    expect(partition(graph, voxels(2), { ...options, threshold: 0.3 })).toEqual(Uint32Array.of(0, 1, 1));
  });

  it('takes in-plane edges only where they have weight', () => {
    const graph = edges([1, 2, IN_PLANE, 9, 0.9]);
    expect(partition(graph, voxels(2), { ...options, inPlaneWeight: 0 })).toEqual(Uint32Array.of(0, 1, 2));
    expect(partition(graph, voxels(2), { ...options, inPlaneWeight: 1 })).toEqual(Uint32Array.of(0, 1, 1));
  });

  it('repeats itself and does not mind the order of edges where no two are equal', () => {
    const random = new Random(3);
    const rows = Array.from({ length: 4000 }, () => {
      const a = 1 + Math.floor(random.float() * 1000);
      return [a, 1 + (a % 1000) + Math.floor(random.float() * 3), CROSS, 5, random.float() * 0.998] as const;
    }).filter(([, b]) => b <= 1000);
    const forth = partition(
      edges(...rows.map((r) => [...r] as [number, number, number, number, number])),
      voxels(1000),
      options,
    );
    const back = partition(
      edges(...rows.reverse().map((r) => [...r] as [number, number, number, number, number])),
      voxels(1000),
      options,
    );
    expect(back).toEqual(forth);
    expect(Math.max(...forth)).toBe(new Set(forth).size - 1);
  });

  it('refuses edges that name no fragment', () => {
    expect(() => partition(edges([0, 1, CROSS, 1, 1]), voxels(2), options)).toThrow(/joins 0 and 1/);
    expect(() => partition(edges([1, 3, CROSS, 1, 1]), voxels(2), options)).toThrow(/2 fragments/);
    expect(() => partition(edges(), voxels(2), options, { signal: { aborted: true } })).toThrow(/stopped/);
  });
});

describe('partition', () => {
  it('a membrane in the plane keeps apart what one weak link would merge', () => {
    // fragments 1 and 2 touch along a clear membrane; 3 overlaps both
    const graph = edges([1, 2, IN_PLANE, 40, 0.05], [1, 3, CROSS, 90, 0.9], [2, 3, CROSS, 20, 0.6]);
    expect(partition(graph, voxels(3), { ...FREE, inPlaneWeight: 0 })).toEqual(Uint32Array.of(0, 1, 1, 1));
    expect(partition(graph, voxels(3), { ...FREE, inPlaneWeight: 0.3 })).toEqual(Uint32Array.of(0, 1, 2, 1));
  });

  it('refines what contraction leaves where it is asked to', () => {
    // contraction joins 1-2 first, and together they repel 4, though 2 would rather be with 3 and 4
    const graph = edges(
      [1, 2, CROSS, 1, 0.95],
      [2, 3, CROSS, 1, 0.9],
      [1, 3, CROSS, 1, 0.2],
      [3, 4, CROSS, 1, 0.85],
      [2, 4, CROSS, 1, 0.85],
      [1, 4, CROSS, 1, 0.004],
    );
    const plain = partition(graph, voxels(4), { ...FREE, refine: 0 });
    expect(plain).toEqual(Uint32Array.of(0, 1, 1, 2, 2));
    expect(partition(graph, voxels(4), { ...FREE, refine: 5 })).toEqual(Uint32Array.of(0, 1, 2, 2, 2));
  });

  it('area power lets large contacts outvote small ones', () => {
    const graph = edges([1, 2, CROSS, 100, 0.7], [1, 2, CROSS, 1, 0.1]);
    expect(partition(graph, voxels(2), { ...FREE, areaPower: 0 })).toEqual(Uint32Array.of(0, 1, 2));
    expect(partition(graph, voxels(2), { ...FREE, areaPower: 0.5 })).toEqual(Uint32Array.of(0, 1, 1));
  });

  it('demands more evidence for a merge of two large sides than of a small one', () => {
    const graph = edges([1, 2, CROSS, 9, 0.8], [2, 3, CROSS, 9, 0.8]);
    const large = Float64Array.of(0, 50_000, 20, 50_000);
    const options = { ...FREE, demand: { most: 20, half: 5000 } };
    expect(partition(graph, large, FREE)).toEqual(Uint32Array.of(0, 1, 1, 1));
    expect(partition(graph, large, options)).toEqual(Uint32Array.of(0, 1, 1, 2));
    const small = Float64Array.of(0, 50_000, 20, 30);
    expect(partition(graph, small, options)).toEqual(Uint32Array.of(0, 1, 1, 1));
  });

  it('cuts alike whatever pixels areas are counted in', () => {
    const random = new Random(9);
    const rows = Array.from({ length: 400 }, () => {
      const a = 1 + Math.floor(random.float() * 150);
      return [
        a,
        a + 1 + Math.floor(random.float() * 20),
        random.float() < 0.7 ? CROSS : IN_PLANE,
        1 + Math.floor(random.float() * 900),
        random.float(),
      ];
    }) as Parameters<typeof edges>;
    const sizes = Float64Array.from({ length: 200 }, () => Math.floor(random.float() * 40_000));
    const coarse = partition(edges(...rows), sizes, PARTITION_DEFAULTS);
    // pixels half as long: overlaps of four times as many, contacts of twice as many
    const finer = edges(
      ...(rows.map(([a, b, kind, area, p]) => [
        a,
        b,
        kind,
        (kind === CROSS ? 4 : 2) * area,
        p,
      ]) as typeof rows),
    );
    const sizesFiner = sizes.map((voxels) => 4 * voxels);
    expect(partition(finer, sizesFiner, optionsIn(4, PARTITION_DEFAULTS))).toEqual(coarse);
    expect(partition(finer, sizesFiner, PARTITION_DEFAULTS)).not.toEqual(coarse);
  });
});
