import { describe, expect, it } from 'vitest';
import type { Vec3 } from '../volume/array.ts';
import { GEOMETRIES, type PhantomGeometry } from './geometry.ts';
import type { SectionGrid } from './noise.ts';
import { packNeuropil } from './packing.ts';
import { raggedLabels, tessellate } from './tessellation.ts';

/** Axons only, with straight lookup, in a box of 1.2 µm: quick to pack. */
const axons: PhantomGeometry = {
  ...GEOMETRIES.cortex,
  warps: [],
  stretch: 1,
  kinds: GEOMETRIES.cortex.kinds.filter((kind) => kind.name === 'axon').map((k) => ({ ...k, share: 0.8 })),
};
const period: Vec3 = [1200, 1200, 1200];
const packing = packNeuropil(axons, period, 7);
const tissue = tessellate(packing, axons, [4800, 1200, 4800], 8);
const grid: SectionGrid = { height: 60, width: 480, originY: 0, originX: 0, pixelY: 10, pixelX: 10 };

/** The ball that owns a place, by trying every ball of every repetition near the first box. */
function plainOwner(z: number, y: number, x: number): number {
  const { balls } = packing;
  let best = Number.POSITIVE_INFINITY;
  let owner = -1;
  for (let i = 0; i < balls.count; i++) {
    const d2 = [z - balls.z[i], y - balls.y[i], x - balls.x[i]]
      .map((d, axis) => d - period[axis] * Math.round(d / period[axis]))
      .reduce((sum, d) => sum + d * d, 0);
    const f = Math.sqrt(d2) - balls.radius[i];
    if (f < best) {
      best = f;
      owner = balls.owner[i];
    }
  }
  return owner;
}

describe('tessellate', () => {
  const row = (z: number) => tissue.labels(z, grid).subarray(30 * 480, 31 * 480);

  it('gives every pixel the neurite whose surface is nearest', () => {
    const labels = row(433);
    let agree = 0;
    for (let x = 0; x < 480; x++) {
      // An id is 1 + neurite + neurites × repetition.
      const expected = plainOwner(433, (30 + 0.5) * 10 - 5, x * 10);
      if ((labels[x] - 1) % packing.neurites === expected) agree++;
    }
    // Wide gaps are closed by neighbours instead, pixel by pixel.
    expect(agree).toBeGreaterThan(0.9 * 480);
  });

  it('repeats the box with other ids', () => {
    const labels = row(433);
    for (let x = 0; x + 120 < 480; x++) {
      expect((labels[x] - 1) % packing.neurites).toBe((labels[x + 120] - 1) % packing.neurites);
      expect(labels[x]).not.toBe(labels[x + 120]);
    }
    const deeper = row(433 + 1200);
    deeper.forEach((id, x) => {
      expect((id - 1) % packing.neurites).toBe((labels[x] - 1) % packing.neurites);
      expect(id).not.toBe(labels[x]);
    });
  });

  it('names ids up to maxId', () => {
    expect(Math.max(...row(4790))).toBeLessThanOrEqual(tissue.maxId);
    expect(tissue.maxId).toBeLessThan(2 ** 32);
  });

  it('changes little from one nanometre to the next', () => {
    const [a, b] = [tissue.labels(600, grid), tissue.labels(601, grid)];
    const changed = a.reduce((count, id, p) => count + (id === b[p] ? 0 : 1), 0);
    expect(changed).toBeLessThan(0.03 * a.length);
    expect(tissue.labels(600, grid)).toEqual(a);
  });
});

it('raggedLabels moves few labels, by at most three pixels', () => {
  const labels = Uint32Array.from({ length: 50 * 50 }, (_, p) => (p % 50 < 25 ? 1 : 2));
  const ragged = raggedLabels(labels, 50, 50, 0.2, 1);
  const moved = [...ragged.keys()].filter((p) => ragged[p] !== labels[p]);
  expect(moved.length).toBeGreaterThan(5);
  expect(moved.every((p) => Math.abs((p % 50) - 24.5) < 3)).toBe(true);
  expect(raggedLabels(labels, 50, 50, 0, 1)).toEqual(labels);
});
