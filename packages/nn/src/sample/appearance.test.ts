import { Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { addNoiseInPlace, blurInPlace, changeLooksInPlace, drawGreyCurve } from './appearance.ts';
import { AUGMENT_DEFAULTS, AUGMENT_NONE, type AugmentOptions } from './augment-options.ts';
import { damageInPlace, drawLoss, loseInPlace } from './defects.ts';

const size = 48;

function texture(seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: size * size }, () => random.normal());
}

function statistics(tile: Float32Array): { mean: number; spread: number } {
  const mean = tile.reduce((sum, value) => sum + value, 0) / tile.length;
  return { mean, spread: Math.sqrt(tile.reduce((sum, value) => sum + (value - mean) ** 2, 0) / tile.length) };
}

function only(name: keyof AugmentOptions): AugmentOptions {
  return { ...AUGMENT_NONE, [name]: { ...AUGMENT_DEFAULTS[name], probability: 1 } };
}

describe('grey curves', () => {
  it('rise from 0 to 1', () => {
    const options = {
      ...AUGMENT_NONE,
      ...only('gamma'),
      curve: { ...AUGMENT_DEFAULTS.curve, probability: 1 },
    };
    for (let seed = 0; seed < 30; seed++) {
      const curve = drawGreyCurve(new Random(seed), options);
      const values = Array.from({ length: 101 }, (_, i) => curve?.(i / 100) ?? Number.NaN);
      expect(values[0]).toBeCloseTo(0, 6);
      expect(values[100]).toBeCloseTo(1, 6);
      expect(values.every((value, i) => i === 0 || value > values[i - 1])).toBe(true);
    }
    expect(drawGreyCurve(new Random(1), AUGMENT_NONE)).toBeUndefined();
  });
});

describe('blurInPlace', () => {
  it('is the convolution with a Gaussian', () => {
    const tile = texture(1);
    const sigma = 1.2;
    const radius = Math.ceil(3 * sigma);
    const at = (y: number, x: number) =>
      tile[Math.min(size - 1, Math.max(0, y)) * size + Math.min(size - 1, Math.max(0, x))];
    const blurred = tile.slice();
    blurInPlace(blurred, size, sigma);
    for (const [y, x] of [
      [0, 0],
      [20, 31],
      [47, 3],
    ]) {
      let sum = 0;
      let total = 0;
      for (let dy = -radius; dy <= radius; dy++) {
        for (let dx = -radius; dx <= radius; dx++) {
          const w = Math.exp(-(dy * dy + dx * dx) / (2 * sigma * sigma));
          sum += w * at(y + dy, x + dx);
          total += w;
        }
      }
      expect(blurred[y * size + x]).toBeCloseTo(sum / total, 4);
    }
  });
});

describe('noise', () => {
  it('has the spread asked for, shot noise where it is bright', () => {
    const tile = new Float32Array(size * size).fill(-1).fill(1, size * 24);
    addNoiseInPlace(tile, size, new Random(2), { gaussian: 0.2, shot: 0.5 });
    expect(statistics(tile.slice(0, size * 24)).spread).toBeCloseTo(0.2, 1);
    expect(statistics(tile.slice(size * 24)).spread).toBeCloseTo(Math.hypot(0.2, 0.5), 1);
    expect(statistics(tile.slice(size * 24)).mean).toBeCloseTo(1, 1);
  });

  it('has it as well where it is coarse, and then neighbours have it in common', () => {
    const inCommon = (grain: number) => {
      const tile = new Float32Array(size * size);
      addNoiseInPlace(tile, size, new Random(2), { gaussian: 0.4, grain });
      expect(statistics(tile).spread).toBeCloseTo(0.4, 1);
      const products = tile.map((value, i) => (i % size > 0 ? value * tile[i - 1] : 0));
      return statistics(products).mean / 0.4 ** 2;
    };
    expect(Math.abs(inCommon(0))).toBeLessThan(0.05);
    // of what a Gaussian has smoothed: exp(-1 / 4 sigma²)
    expect(inCommon(1)).toBeCloseTo(Math.exp(-0.25), 1);
  });
});

describe('changeLooksInPlace', () => {
  it.each(['noise', 'blur', 'illumination'] as const)('leaves a section normalised after %s', (name) => {
    for (let seed = 0; seed < 8; seed++) {
      const tile = texture(seed);
      // Texture that survives a blur.
      blurInPlace(tile, size, 2);
      const { mean, spread } = statistics(tile);
      for (let i = 0; i < tile.length; i++) tile[i] = (tile[i] - mean) / spread;
      const before = tile.slice();
      changeLooksInPlace(tile, size, new Random(seed, 1), only(name));
      expect(tile.some((value, i) => Math.abs(value - before[i]) > 1e-3)).toBe(true);
      const after = statistics(tile);
      expect(Math.abs(after.mean)).toBeLessThan(0.1);
      expect(Math.abs(after.spread - 1)).toBeLessThan(0.15);
    }
  });

  it('does nothing when all is off', () => {
    const tile = texture(3);
    changeLooksInPlace(tile, size, new Random(1), AUGMENT_NONE);
    damageInPlace(tile, size, new Random(1), AUGMENT_NONE, false);
    expect(tile).toEqual(texture(3));
  });
});

describe('damageInPlace', () => {
  it('gives a copy of the section asked about, blank or noise for one that is lost', () => {
    const kinds = Array.from({ length: 200 }, (_, seed) => drawLoss(new Random(seed), only('missing')));
    const share = (kind: string) => kinds.filter((each) => each === kind).length / kinds.length;
    expect(share('copied')).toBeGreaterThan(0.6);
    expect(share('blank')).toBeGreaterThan(0.08);
    expect(share('noise')).toBeGreaterThan(0.08);
    expect(drawLoss(new Random(1), AUGMENT_NONE)).toBeUndefined();
    const asked = texture(2);
    const lost = (kind: 'copied' | 'blank' | 'noise') => {
      const tile = texture(1);
      loseInPlace(tile, new Random(1), kind, asked);
      return tile;
    };
    expect(lost('copied')).toEqual(asked);
    expect(new Set(lost('blank')).size).toBe(1);
    const { mean, spread } = statistics(lost('noise'));
    expect(Math.abs(mean)).toBeLessThan(0.1);
    expect(Math.abs(spread - 1)).toBeLessThan(0.1);
  });

  it.each(['band', 'fold'] as const)('a %s is local, and half transparent in a lone section', (name) => {
    for (let seed = 0; seed < 10; seed++) {
      const whole = new Float32Array(size * size).fill(10);
      const alone = whole.slice();
      damageInPlace(whole, size, new Random(seed), only(name), false);
      damageInPlace(alone, size, new Random(seed), only(name), true);
      const touched = whole.filter((value) => value < 9.9).length;
      expect(touched).toBeGreaterThan(0);
      expect(touched).toBeLessThan(0.8 * whole.length);
      expect(Math.min(...alone)).toBeGreaterThan(10 - 0.51 * (10 - Math.min(...whole)) - 0.01);
    }
  });
});
