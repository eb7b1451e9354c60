import { isKynError, ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { AUGMENT_DEFAULTS, AUGMENT_NONE } from './augment-options.ts';
import { type Batch, makeBatch } from './batch.ts';
import { connectedComponents } from './components.ts';
import { normalisingTable, sectionHistogram } from './normalise.ts';
import { cellVolume, plainSpec, sameBatch } from './testing/cells.ts';
import { sectionView, type TrainingVolume } from './volume.ts';

const large = cellVolume([4, 120, 130], 60);

const Z_CUT = { stack: 0, row: 1, column: 2 } as const;

/** What a section looks like once normalised, row by row. */
function normalised(volume: TrainingVolume, z: number): Float32Array {
  const view = sectionView(volume.raw, Z_CUT, z);
  const table = normalisingTable(sectionHistogram(view));
  return Float32Array.from(
    volume.raw.data.subarray(view.start, view.start + view.height * view.width),
    (v) => table[v],
  );
}

/** Top left corner of an exact patch. */
function corner(batch: Batch, n: number, size: number): [number, number] {
  const { centre } = batch.origins[n];
  const half = (size - 1) / 2;
  return [Math.round(centre[0] - half), Math.round(centre[1] - half)];
}

describe('makeBatch', () => {
  it('is a pure function of seed and step', () => {
    const spec = plainSpec({ augment: AUGMENT_DEFAULTS, sections: 3, lsdSigma: 4 });
    const one = makeBatch([large], spec, 5, 17);
    makeBatch([large], spec, 6, 1);
    const again = makeBatch([large], spec, 5, 17);
    expect(sameBatch(again, one)).toBe(true);
    const others = [makeBatch([large], spec, 5, 18), makeBatch([large], spec, 6, 17)];
    for (const other of others) expect(other.input.every((value, i) => value === one.input[i])).toBe(false);
    expect(one.input.every(Number.isFinite)).toBe(true);
    expect(one.target.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(one.inputShape).toEqual([2, 3, 32, 32]);
    expect(one.targetShape).toEqual([2, 3 + 2 + 6, 32, 32]);
    expect(one.layout).toEqual({ channels: 11, plane: [0, 3], cross: [3, 5], lsd: [5, 11] });
  });

  it('copies pixels exactly where nothing is resampled', () => {
    const size = 32;
    const batch = makeBatch([large], plainSpec({ batch: 4 }), 1, 0);
    for (let n = 0; n < 4; n++) {
      const image = normalised(large, batch.origins[n].section);
      const [top, left] = corner(batch, n, size + 2 * 5);
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const [sy, sx] = [top + 5 + y, left + 5 + x];
          if (sy < 0 || sx < 0 || sy >= 120 || sx >= 130) continue;
          expect(batch.input[(n * size + y) * size + x]).toBe(image[sy * 130 + sx]);
        }
      }
    }
  });

  it('flips and turns exactly, image and targets alike', () => {
    const size = 32;
    const augment = { ...AUGMENT_NONE, flip: { probability: 0.5 }, turn: { probability: 1 } };
    const offsets = [[1, 0]] as const;
    const batch = makeBatch([large], plainSpec({ batch: 24, augment, offsets }), 3, 0);
    const seen = new Set<string>();
    for (let n = 0; n < 24; n++) {
      const { section, centre } = batch.origins[n];
      const image = normalised(large, section);
      // Any of the eight: find it by the values, then check the affinities by the labels it implies.
      const fits: string[] = [];
      for (const [a, b, c, d] of [
        [1, 0, 0, 1],
        [-1, 0, 0, 1],
        [1, 0, 0, -1],
        [-1, 0, 0, -1],
        [0, 1, 1, 0],
        [0, -1, 1, 0],
        [0, 1, -1, 0],
        [0, -1, -1, 0],
      ]) {
        const half = (size - 1) / 2 + 1;
        const y0 = Math.round(centre[0] - half * (a + b)) + a + b;
        const x0 = Math.round(centre[1] - half * (c + d)) + c + d;
        let same = true;
        for (let y = 0; same && y < size - 1; y++) {
          for (let x = 0; same && x < size; x++) {
            const at = (r: number, k: number) => [y0 + a * r + b * k, x0 + c * r + d * k] as const;
            const [sy, sx] = at(y, x);
            const [ty, tx] = at(y + 1, x);
            if (Math.min(sy, sx, ty, tx) < 0 || Math.max(sy, ty) >= 120 || Math.max(sx, tx) >= 130) continue;
            const i = (n * size + y) * size + x;
            const label = (r: number, k: number) => large.labels.data[(section * 120 + r) * 130 + k];
            same =
              batch.input[i] === image[sy * 130 + sx] &&
              batch.target[i] === (label(sy, sx) === label(ty, tx) ? 1 : 0);
          }
        }
        if (same) fits.push([a, b, c, d].join());
      }
      expect(fits).toHaveLength(1);
      seen.add(fits[0]);
    }
    expect(seen.size).toBeGreaterThanOrEqual(6);
  });

  it('resamples to the network’s pixel size: averages finer volumes, interpolates coarser ones', () => {
    const fine = cellVolume([1, 120, 120], 20, { voxelSizeNm: [40, 5, 5] });
    const size = 16;
    const batch = makeBatch([fine], plainSpec({ size, batch: 1, offsets: [[0, 1]] }), 2, 0);
    const image = normalised(fine, 0);
    const { centre } = batch.origins[0];
    let errors = 0;
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const sy = Math.round(centre[0] + 2 * (y - (size - 1) / 2) - 0.5);
        const sx = Math.round(centre[1] + 2 * (x - (size - 1) / 2) - 0.5);
        if (sy < 1 || sx < 1 || sy > 117 || sx > 117) continue;
        let mean = 0;
        for (const i of [0, 1]) for (const j of [0, 1]) mean += image[(sy + i) * 120 + sx + j] / 4;
        if (Math.abs(batch.input[y * size + x] - mean) > 0.8) errors++;
      }
    }
    // Not the very same four pixels, but their neighbourhood; only cell borders may differ by much.
    expect(errors).toBeLessThan(0.1 * size * size);

    const coarse = cellVolume([1, 60, 60], 20, { voxelSizeNm: [40, 20, 20] });
    const enlarged = makeBatch([coarse], plainSpec({ batch: 1, offsets: [[0, 1]] }), 2, 0);
    const borders = enlarged.target.filter((value) => value === 0).length;
    const plain = makeBatch(
      [{ ...coarse, voxelSizeNm: [40, 10, 10] }],
      plainSpec({ batch: 1, offsets: [[0, 1]] }),
      2,
      0,
    );
    expect(borders).toBeLessThan(0.8 * plain.target.filter((value) => value === 0).length);
  });

  it('masks what lies outside and what is not painted, and takes label 0 as the volume says', () => {
    const small = cellVolume([1, 20, 20], 6);
    const weightOf = (volume: TrainingVolume) => makeBatch([volume], plainSpec({ batch: 1 }), 1, 0).weight;
    const known = (volume: TrainingVolume) =>
      weightOf(volume)
        .subarray(0, 32 * 32)
        .filter((w) => w > 0).length;
    expect(known(small)).toBe(20 * 19);
    const labels = small.labels.data.slice();
    labels.fill(0, 0, 100);
    const painted = { ...small, labels: ndarray(labels, [1, 20, 20]) };
    expect(known(painted)).toBe(15 * 20 - 20);
    expect(known({ ...painted, boundaryLabel: 0 })).toBe(20 * 19);
    labels.fill(999, 0, 100);
    expect(known({ ...painted, maskAt: 999 })).toBe(15 * 20 - 20);
  });

  it('finds the painted corner of a sparsely painted stack', () => {
    const sparse = cellVolume([6, 200, 200], 40, { maskAt: 7 });
    const labels = sparse.labels.data.fill(7);
    for (let y = 100; y < 160; y++) labels.fill(3, (4 * 200 + y) * 200 + 100, (4 * 200 + y) * 200 + 160);
    let painted = 0;
    for (let step = 0; step < 20; step++) {
      if (makeBatch([sparse], plainSpec({ batch: 1 }), 1, step).weight.some((w) => w > 0)) painted++;
    }
    expect(painted).toBeGreaterThan(5);
  });

  it('asks for links with the next section by 3D id, at the steps the volume names', () => {
    const stack = cellVolume([9, 64, 64], 20, { zSteps: [4] });
    const size = 24;
    const spec = plainSpec({ sections: 3, size, batch: 3, offsets: [[0, -1]] });
    const batch = makeBatch([stack], spec, 4, 2);
    for (let n = 0; n < 3; n++) {
      const { section, step } = batch.origins[n];
      expect([section, step]).toEqual([0, 4]);
      const [top, left] = corner(batch, n, size + 2);
      for (let k = 0; k < 2; k++) {
        for (let i = 0; i < size * size; i++) {
          const y = top + 1 + Math.floor(i / size);
          const x = left + 1 + (i % size);
          const at = (n * 3 + 1 + k) * size * size + i;
          if (y < 0 || x < 0 || y >= 64 || x >= 64) {
            expect(batch.weight[at]).toBe(0);
            continue;
          }
          const id = (z: number) => stack.labels.data[(z * 64 + y) * 64 + x];
          expect(batch.target[at]).toBe(id(4 * k) === id(4 * (k + 1)) ? 1 : 0);
        }
      }
    }
  });

  it('gives positives and negatives of a batch equal say', () => {
    const batch = makeBatch([large], plainSpec({ batch: 3, classWeightRange: [0, 1e6] }), 1, 0);
    const plane = 32 * 32;
    for (let c = 0; c < 3; c++) {
      let balance = 0;
      for (let n = 0; n < 3; n++) {
        for (let i = (n * 3 + c) * plane; i < (n * 3 + c + 1) * plane; i++) {
          balance += batch.weight[i] * (batch.target[i] - 0.5);
        }
      }
      expect(Math.abs(balance)).toBeLessThan(0.01 * plane);
    }
  });

  it('cuts isotropic volumes along all axes, others along z only', () => {
    const cube = cellVolume([40, 40, 40], 10, { isotropic: true });
    const axes = (volume: TrainingVolume, sections: number) =>
      [
        ...new Set(
          makeBatch([volume], plainSpec({ batch: 16, sections, size: 16 }), 1, 0).origins.map((o) => o.axis),
        ),
      ].sort();
    expect(axes(cube, 1)).toEqual(['x', 'y', 'z']);
    expect(axes({ ...cube, zSteps: [1, 4] }, 2)).toEqual(['x', 'y', 'z']);
    expect(axes({ ...cube, isotropic: false }, 1)).toEqual(['z']);
  });

  it('relabels to profiles: one id twice in a section is not one thing', () => {
    // Columns of two ids in turn: equal ids ten pixels apart never touch.
    const labels = Uint32Array.from({ length: 100 * 100 }, (_, i) => 1 + (Math.floor((i % 100) / 5) % 2));
    const stripes: TrainingVolume = {
      ...large,
      raw: ndarray(new Uint8Array(10_000), [1, 100, 100]),
      labels: ndarray(labels, [1, 100, 100]),
    };
    const batch = makeBatch([stripes], plainSpec({ batch: 1, offsets: [[0, 10]] }), 1, 0);
    expect(batch.target.every((value) => value === 0)).toBe(true);
    const profiles = connectedComponents({ ids: labels, known: new Uint8Array(10_000).fill(1), side: 100 });
    expect(profiles.count).toBe(20);
  });

  it('works on one pixel and refuses what cannot be sampled', () => {
    const dot = cellVolume([1, 1, 1], 1);
    expect(
      makeBatch([dot], plainSpec({ augment: AUGMENT_DEFAULTS, lsdSigma: 3 }), 1, 1).input.every(
        Number.isFinite,
      ),
    ).toBe(true);
    const refused = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        if (isKynError(error)) return error.code;
      }
      return 'not refused';
    };
    expect(refused(() => makeBatch([], plainSpec(), 1, 1))).toBe('usage');
    expect(refused(() => makeBatch([dot], plainSpec({ sections: 2 }), 1, 1))).toBe('shape');
    expect(refused(() => makeBatch([{ ...large, labels: dot.labels }], plainSpec(), 1, 1))).toBe('shape');
    expect(refused(() => makeBatch([{ ...large, weight: 0 }], plainSpec(), 1, 1))).toBe('usage');
    expect(refused(() => makeBatch([large], plainSpec({ offsets: [[0, 0]] }), 1, 1))).toBe('usage');
    expect(refused(() => makeBatch([{ ...large, voxelSizeNm: [1, 0, 1] }], plainSpec(), 1, 1))).toBe('usage');
  });
});
