import { describe, expect, it } from 'vitest';
import { crudeBlockPredictor } from '../pipeline/testing/crude-block-predictor.ts';
import { type NdArray, ndarray, type Vec3 } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import { type BlockedSection, planBlocks, slabPredictor } from './predict-blocks.ts';

function randomStack([depth, height, width]: Vec3): NdArray<Float32Array>[] {
  const random = new Random(5);
  return Array.from({ length: depth }, () =>
    ndarray(
      Float32Array.from({ length: height * width }, () => random.normal()),
      [height, width],
    ),
  );
}

/** Every section, in order, from slab `from` on; copies. */
async function predictAll(shape: Vec3, changes: Parameters<typeof crudeBlockPredictor>[0], from = 0) {
  const predictor = crudeBlockPredictor(changes);
  const network = slabPredictor(predictor, shape);
  const images = randomStack(shape);
  const { start, side } = network;
  const out: { affinities: Float32Array; across: Float32Array }[] = [];
  const buffers = new Set<ArrayBufferLike>();
  for (let i = from; i < start.length; i++) {
    await network.predict(i, images.slice(start[i], start[i] + side));
    for (let z = start[i]; z < (start[i + 1] ?? shape[0]); z++) {
      const section: BlockedSection = network.section(z);
      buffers.add(section.affinities.data.buffer);
      out[z] = { affinities: section.affinities.data.slice(), across: section.across.data.slice() };
    }
  }
  return { out, network, buffers: buffers.size, blocks: predictor.blocks };
}

const difference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

describe('planBlocks', () => {
  const { info } = crudeBlockPredictor({ zReach: [1, 3], blockDepth: 10, haloDepth: 3 });

  it.each([1, 2, 9, 10, 11, 14, 25, 55, 200])('weighs every one of %i sections once', (depth) => {
    const { sections, across } = planBlocks([depth, 40, 40], info);
    const { start, side, weight } = sections;
    expect(side).toBeLessThanOrEqual(10);
    const total = (weights: readonly Float32Array[]) => {
      const sum = new Float64Array(depth);
      weights.forEach((w, i) => {
        w.forEach((value, k) => {
          sum[start[i] + k] += value;
        });
      });
      return sum;
    };
    expect(Math.max(...total(weight).map((sum) => Math.abs(sum - 1)))).toBeLessThan(1e-5);
    info.zReach.forEach((reach, i) => {
      const sums = total(across[i]);
      sums.forEach((sum, z) => {
        expect(sum).toBeCloseTo(z < reach ? 0 : 1, 5);
      });
      // nothing of what a block cannot know
      for (const w of across[i]) expect(w.slice(0, reach).every((value) => value === 0)).toBe(true);
    });
  });

  it.each([
    { shape: [10, 200, 200], rows: 1, columns: 2 }, // one block else
    { shape: [10, 210, 200], rows: 2, columns: 1 }, // the longer way
    { shape: [10, 200, 500], rows: 1, columns: 3 }, // more than one as it is
    { shape: [10, 90, 90], rows: 1, columns: 1 }, // too small for a cut
    { shape: [20, 200, 200], rows: 1, columns: 1 }, // slabs to go on with
  ] as const)('leaves no network idle over $shape', ({ shape, rows, columns }) => {
    const plan = planBlocks(shape, { ...info, tileSize: 224, tileMultiple: 16, halo: 24 });
    expect([plan.rows.start.length, plan.columns.start.length]).toEqual([rows, columns]);
  });
});

describe('slabPredictor', () => {
  it('gives the same in blocks as in one piece', async () => {
    const shape = [15, 72, 96] as const;
    const whole = await predictAll(shape, { tileSize: 96, blockDepth: 15, halo: 16 });
    const cut = await predictAll(shape, { tileSize: 48 });
    expect(whole.blocks).toBe(1);
    expect(cut.blocks).toBeGreaterThan(10);
    for (let z = 0; z < 15; z++) {
      expect(difference(cut.out[z].affinities, whole.out[z].affinities)).toBeLessThan(1e-5);
      expect(difference(cut.out[z].across, whole.out[z].across)).toBeLessThan(1e-5);
    }
    expect(whole.out[0].across.every((value) => value === 0)).toBe(true);
  });

  it('starts anywhere, to the same numbers', async () => {
    const shape = [20, 30, 30] as const;
    const all = await predictAll(shape, {});
    for (const z of [0, 5, 11, 19]) {
      const slab = all.network.firstSlabOf(z);
      const late = await predictAll(shape, {}, slab);
      for (let at = z; at < 20; at++) {
        expect(late.out[at].affinities).toEqual(all.out[at].affinities);
        expect(late.out[at].across).toEqual(all.out[at].across);
      }
    }
    expect(all.network.firstSlabOf(19)).toBeGreaterThan(1);
  });

  it('needs no more memory for a deeper stack', async () => {
    const { buffers, network } = await predictAll([60, 20, 20], {});
    expect(network.ahead).toBe(2);
    expect(buffers).toBe(3 * network.side + 2);
  });

  it('refuses a slab of the wrong depth, and stops when told to', async () => {
    const network = slabPredictor(crudeBlockPredictor(), [6, 20, 20]);
    const images = randomStack([6, 20, 20]);
    await expect(network.predict(0, images.slice(1))).rejects.toThrow('6 sections, not 5');
    await expect(network.predict(0, images, { signal: { aborted: true } })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});
