import { mirrorIndex, Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { AUGMENT_DEFAULTS, AUGMENT_NONE } from './augment-options.ts';
import { coordinateField, drawWarp, halfExtent, isExact } from './coordinates.ts';
import { resampleLabels, resampleRaw } from './resample.ts';
import { evaluateLattice, randomLattice } from './spline-field.ts';
import { cellVolume } from './testing/cells.ts';
import { sectionView } from './volume.ts';

const { raw, labels } = cellVolume([2, 40, 50], 12);
const cut = { stack: 0, row: 1, column: 2 } as const;
const identity = Float32Array.from({ length: 256 }, (_, i) => i);
const still = { y: 0, x: 0 };

describe('resampling', () => {
  it('averages the pixels that a coarser pixel covers', () => {
    const field = coordinateField({ linear: [2, 0, 0, 2] }, 8, [15.5, 20.5]);
    // Moved by half a pixel the 2 × 2 points of each pixel fall on whole pixels.
    const out = resampleRaw(sectionView(raw, cut, 1), field, 0, 8, identity, { y: 0.5, x: 0.5 });
    const view = sectionView(raw, cut, 1);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) {
        const at = view.start + (field.y[y * 8 + x] | 0) * 50 + (field.x[y * 8 + x] | 0);
        const mean = (view.data[at] + view.data[at + 1] + view.data[at + 50] + view.data[at + 51]) / 4;
        expect(out[y * 8 + x]).toBeCloseTo(mean, 3);
      }
    }
  });

  it('interpolates between pixels and takes the nearest label', () => {
    const field = coordinateField({ linear: [0.5, 0, 0, 0.5] }, 9, [11.0, 21.0]);
    const out = resampleRaw(sectionView(raw, cut, 0), field, 0, 9, identity, still);
    const found = resampleLabels(sectionView(labels, cut, 0), field, {}, still);
    for (let i = 0; i < 81; i++) {
      const [y, x] = [field.y[i], field.x[i]];
      const at = (r: number, c: number) => raw.data[r * 50 + c];
      const [r, c] = [Math.floor(y), Math.floor(x)];
      const [f, g] = [y - r, x - c];
      const value =
        (1 - f) * ((1 - g) * at(r, c) + g * at(r, c + 1)) +
        f * ((1 - g) * at(r + 1, c) + g * at(r + 1, c + 1));
      expect(out[i]).toBeCloseTo(value, 3);
      expect(found.ids[i]).toBe(labels.data[Math.floor(y + 0.5) * 50 + Math.floor(x + 0.5)]);
    }
  });

  it('mirrors beyond the edge, and knows that it does not know', () => {
    const field = coordinateField({ linear: [1, 0, 0, 1] }, 60, [20, 25]);
    const found = resampleLabels(sectionView(labels, cut, 0), field, {}, still);
    const grey = resampleRaw(sectionView(raw, cut, 0), field, 0, 60, identity, still);
    for (let i = 0; i < 3600; i++) {
      const [y, x] = [field.y[i], field.x[i]];
      const inside = y >= 0 && x >= 0 && y < 40 && x < 50;
      const from = mirrorIndex(y, 40) * 50 + mirrorIndex(x, 50);
      expect(found.known[i]).toBe(inside ? 1 : 0);
      expect(found.ids[i]).toBe(labels.data[from]);
      expect(grey[i]).toBe(raw.data[from]);
    }
  });

  it('honours strides: an xz cut is the section its pixels say', () => {
    const xz = sectionView(raw, { stack: 1, row: 0, column: 2 }, 7);
    const field = coordinateField({ linear: [1, 0, 0, 1] }, 2, [0.5, 30.5]);
    const out = resampleRaw(xz, field, 0, 2, identity, still);
    const at = (z: number, x: number) => raw.data[(z * 40 + 7) * 50 + x];
    expect(Array.from(out)).toEqual([at(0, 30), at(0, 31), at(1, 30), at(1, 31)]);
  });
});

describe('warps', () => {
  it('zoom within the range and keep the pixel size', () => {
    const augment = {
      ...AUGMENT_NONE,
      scale: { ...AUGMENT_DEFAULTS.scale, probability: 1, anisotropy: 0 },
      rotate: { ...AUGMENT_DEFAULTS.rotate, probability: 1 },
    };
    const zooms = Array.from({ length: 200 }, (_, seed) => {
      const [yy, yx, xy, xx] = drawWarp(new Random(seed), augment, 64, 10, [5, 5]).linear;
      return 2 / Math.sqrt(yy * xx - yx * xy);
    });
    expect(Math.min(...zooms)).toBeGreaterThan(AUGMENT_DEFAULTS.scale.min - 1e-9);
    expect(Math.max(...zooms)).toBeLessThan(AUGMENT_DEFAULTS.scale.max + 1e-9);
    expect(Math.max(...zooms) - Math.min(...zooms)).toBeGreaterThan(0.35);
  });

  it('bend by at most the amplitude and leave no fold', () => {
    const augment = { ...AUGMENT_NONE, elastic: { ...AUGMENT_DEFAULTS.elastic, probability: 1 } };
    let most = 0;
    let folds = 0;
    for (let seed = 0; seed < 20; seed++) {
      const warp = drawWarp(new Random(seed), augment, 128, 10, [10, 10]);
      expect(isExact(warp)).toBe(false);
      const field = coordinateField(warp, 128, [63.5, 63.5]);
      for (let i = 0; i < 128 * 127; i++) {
        most = Math.max(most, Math.abs(field.y[i] - Math.floor(i / 128)));
        if (field.y[i + 128] <= field.y[i]) folds++;
      }
    }
    expect(folds).toBe(0);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(AUGMENT_DEFAULTS.elastic.amplitude);
  });

  it('say how far an unbent patch reaches', () => {
    expect(halfExtent({ linear: [0, -2, 1, 0] }, 11)).toEqual([10, 5]);
  });
});

describe('spline field', () => {
  it('is smooth and constant over a constant lattice', () => {
    const flat = { ...randomLattice(new Random(1), 30, 8, 1) };
    flat.values.fill(0.7);
    for (const value of evaluateLattice(flat, 30)) expect(value).toBeCloseTo(0.7, 6);
    const field = evaluateLattice(randomLattice(new Random(2), 64, 16, 1), 64);
    let steepest = 0;
    for (let i = 1; i < field.length; i++) {
      if (i % 64 !== 0) steepest = Math.max(steepest, Math.abs(field[i] - field[i - 1]));
    }
    expect(steepest).toBeLessThan(2 / 16);
  });
});
