import { describe, expect, it } from 'vitest';
import { ndarray } from '../volume/array.ts';
import type { RawSection } from '../volume/contracts.ts';
import { Random } from '../volume/random.ts';
import { normaliseInPlace, normaliseSection } from './normalise.ts';

/** Noise about 120 with spread 20. */
function noise(height: number, width: number, seed = 1): Uint8Array {
  const random = new Random(seed);
  return Uint8Array.from({ length: height * width }, () =>
    Math.min(255, Math.max(0, Math.round(120 + 20 * random.normal()))),
  );
}

function moments(data: Float32Array, keep?: Uint8Array) {
  const values = data.filter((_, p) => !keep || keep[p] === 1);
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const square = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  return { mean, spread: Math.sqrt(square) };
}

describe('normaliseSection', () => {
  it.each(['uint8', 'uint16', 'float32'] as const)('gives %s zero mean and unit spread', (dtype) => {
    const grey = noise(60, 70);
    const data =
      dtype === 'uint8'
        ? grey
        : dtype === 'uint16'
          ? Uint16Array.from(grey, (v) => v * 211)
          : Float32Array.from(grey, (v) => v / 255 - 3);
    const before = data.slice();
    const { image, state, tissue } = normaliseSection(ndarray(data, [60, 70]) as RawSection);
    const { mean, spread } = moments(image.data);
    expect(state).toBe('tissue');
    expect(tissue).toBeUndefined();
    expect(mean).toBeCloseTo(0, 2);
    expect(spread).toBeCloseTo(1, 2);
    expect(data).toEqual(before);
  });

  it('gives the same image whatever the dtype, gain and offset', () => {
    const grey = noise(40, 50);
    const plain = normaliseSection(ndarray(grey, [40, 50])).image.data;
    const other = normaliseSection(
      ndarray(
        Float32Array.from(grey, (v) => 4 * v - 1000),
        [40, 50],
      ),
    ).image.data;
    for (let p = 0; p < plain.length; p++) expect(other[p]).toBeCloseTo(plain[p], 4);
  });

  it('clips half a percent at either end, against a plain sort', () => {
    const grey = noise(100, 100);
    const sorted = grey.slice().sort();
    const { image, mean, spread } = normaliseSection(ndarray(grey, [100, 100]));
    const low = sorted[50];
    const high = sorted[10000 - 51];
    expect(Math.min(...image.data)).toBeCloseTo((low - mean) / spread, 4);
    expect(Math.max(...image.data)).toBeCloseTo((high - mean) / spread, 4);
    const clipped = Float32Array.from(grey, (v) => Math.min(high, Math.max(low, v)));
    expect(mean).toBeCloseTo(moments(clipped).mean, 3);
    expect(spread).toBeCloseTo(moments(clipped).spread, 3);
  });

  it('is not thrown off by a value far out', () => {
    const grey = Float32Array.from(noise(80, 80));
    const plain = normaliseSection(ndarray(grey, [80, 80]));
    grey[17] = 3e12;
    grey[18] = -5e9;
    const { mean, spread } = normaliseSection(ndarray(grey, [80, 80]));
    expect(mean).toBeCloseTo(plain.mean, 0);
    expect(spread).toBeCloseTo(plain.spread, 0);
  });

  it('leaves NaN and infinite pixels out, as 0', () => {
    const data = Float32Array.from(noise(30, 30));
    for (let p = 100; p < 200; p++) data[p] = p % 2 ? Number.NaN : Number.POSITIVE_INFINITY;
    const { image, tissue, invalidPixels } = normaliseSection(ndarray(data, [30, 30]));
    expect(invalidPixels).toBe(100);
    expect(tissue?.reduce((sum, t) => sum + t, 0)).toBe(800);
    expect(image.data.subarray(100, 200).every((v) => v === 0)).toBe(true);
    expect(moments(image.data, tissue).spread).toBeCloseTo(1, 2);
  });

  it('counts a border of infinite pixels once, as pixels without a value', () => {
    const data = Float32Array.from(noise(40, 50));
    for (let p = 0; p < data.length; p++) if (p % 50 < 20) data[p] = Number.NEGATIVE_INFINITY;
    const { invalidPixels, fillPixels, tissue, image } = normaliseSection(ndarray(data, [40, 50]));
    expect([invalidPixels, fillPixels]).toEqual([800, 0]);
    expect(moments(image.data, tissue).spread).toBeCloseTo(1, 2);
  });

  it('leaves constant fill out that reaches the border, but not saturated spots or thin lines', () => {
    const [height, width] = [90, 100];
    const data = noise(height, width);
    let fill = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (x + y < 50) {
          data[y * width + x] = 0;
          fill++;
        }
        if (Math.hypot(y - 60, x - 60) < 4) data[y * width + x] = 0; // a spot inside
        if (y === 80 || y === 81) data[y * width + x] = 0; // a line to the border
      }
    }
    const { tissue, fillPixels, image } = normaliseSection(ndarray(data, [height, width]));
    expect(fillPixels).toBeGreaterThan(fill * 0.95);
    expect(fillPixels).toBeLessThanOrEqual(fill);
    expect(tissue?.[60 * width + 60]).toBe(1);
    expect(tissue?.[80 * width + 50]).toBe(1);
    expect(tissue?.[0]).toBe(0);
    expect(image.data[0]).toBe(0);
  });

  it('knows constant sections and such without a value', () => {
    const flat = (value: number) => ndarray(new Float32Array(400).fill(value), [20, 20]);
    expect(normaliseSection(flat(7)).state).toBe('constant');
    expect(normaliseSection(flat(Number.NaN)).state).toBe('no-data');
    expect(normaliseSection(ndarray(new Uint8Array(400), [20, 20])).state).toBe('constant');
    const faint = ndarray(
      Uint8Array.from({ length: 400 }, (_, p) => 100 + (p % 2)),
      [20, 20],
    );
    expect(normaliseSection(faint).state).toBe('tissue');
    expect(normaliseSection(faint, { minSpread: 1 }).state).toBe('constant');
  });

  it('takes one pixel as it is', () => {
    const { state, image } = normaliseSection(ndarray(Uint8Array.of(9), [1, 1]));
    expect(state).toBe('tissue');
    expect(image.data[0]).toBe(0);
  });

  it('inverts, honours strides, and works in place', () => {
    const data = noise(20, 30);
    const plain = normaliseSection(ndarray(data, [20, 30]));
    const inverted = normaliseSection(ndarray(data, [20, 30]), { invert: true });
    expect(inverted.image.data).toEqual(plain.image.data.map((v) => -v));
    const wide = new Uint8Array(20 * 33);
    for (let y = 0; y < 20; y++) wide.set(data.subarray(y * 30, y * 30 + 30), y * 33);
    const strided = { data: wide, shape: [20, 30], stride: [33, 1] };
    expect(normaliseSection(strided).image.data).toEqual(plain.image.data);
    const own = ndarray(Float32Array.from(data), [20, 30]);
    expect(normaliseInPlace(own).image.data).toBe(own.data);
    expect(own.data).toEqual(plain.image.data);
  });
});
