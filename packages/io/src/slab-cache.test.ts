import { describe, expect, it } from 'vitest';
import { SlabCache, squeezeToVolume } from './slab-cache.ts';

/** A volume of 10 sections of 2×3 whose pixels are 10 z + i; counts what is loaded. */
function counted(chunkDepth: number, budget?: number) {
  const loads: [number, number][] = [];
  const load = async (start: number, stop: number) => {
    loads.push([start, stop]);
    return Uint8Array.from(
      { length: (stop - start) * 6 },
      (_, i) => 10 * (start + Math.floor(i / 6)) + (i % 6),
    );
  };
  return { loads, cache: new SlabCache([10, 2, 3], 'uint8', chunkDepth, load, budget) };
}

describe('SlabCache', () => {
  it('loads a chunk once for all its sections, also when they are asked for at once', async () => {
    const { cache, loads } = counted(4);
    const planes = await Promise.all([0, 1, 2, 3].map((z) => cache.plane(z)));
    for (let z = 4; z < 10; z++) await cache.plane(z);
    expect(planes[3].data).toEqual(Uint8Array.of(30, 31, 32, 33, 34, 35));
    expect(loads).toEqual([
      [0, 4],
      [4, 8],
      [8, 10],
    ]);
  });

  it('takes thinner slabs where a chunk does not fit the budget', async () => {
    const { cache, loads } = counted(8, 13);
    for (let z = 0; z < 4; z++) await cache.plane(z);
    expect(loads).toEqual([
      [0, 2],
      [2, 4],
    ]);
  });

  it('keeps no more than the budget', async () => {
    const { cache, loads } = counted(4, 24);
    for (const z of [0, 4, 0]) await cache.plane(z);
    expect(loads).toHaveLength(3);
  });

  it('tries again after a failure', async () => {
    let failing = true;
    const cache = new SlabCache([4, 1, 1], 'uint8', 4, async () => {
      if (failing) throw new Error('passing trouble');
      return new Uint8Array(4);
    });
    await expect(cache.plane(1)).rejects.toThrow('passing trouble');
    failing = false;
    expect((await cache.plane(1)).data).toEqual(Uint8Array.of(0));
  });
});

describe('squeezeToVolume', () => {
  it('drops leading axes of extent 1 only', () => {
    expect(squeezeToVolume([4, 5], 'x')).toEqual({ shape: [1, 4, 5], leading: -1 });
    expect(squeezeToVolume([3, 4, 5], 'x')).toEqual({ shape: [3, 4, 5], leading: 0 });
    expect(squeezeToVolume([1, 1, 3, 4, 5], 'x')).toEqual({ shape: [3, 4, 5], leading: 2 });
    expect(() => squeezeToVolume([2, 3, 4, 5], 'x')).toThrow('2×3×4×5');
    expect(() => squeezeToVolume([5], 'x')).toThrow();
  });
});
