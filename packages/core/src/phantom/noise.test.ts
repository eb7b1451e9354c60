import { describe, expect, it } from 'vitest';
import { addNoise, blurInPlace, blurredDeviation, grain, noiseAt, type SectionGrid } from './noise.ts';

const grid: SectionGrid = { height: 13, width: 17, originY: -40, originX: 25, pixelY: 9, pixelX: 7 };

const deviation = (values: Float32Array) => {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length);
};

describe('addNoise', () => {
  it.each([20, 55, 400])('agrees with the plain reference at wavelength %i nm', (wavelength) => {
    const out = new Float32Array(13 * 17).fill(1);
    addNoise(out, grid, 123.4, wavelength, 70, 0.5, 99);
    for (let y = 0; y < 13; y++) {
      for (let x = 0; x < 17; x++) {
        const plain = noiseAt(123.4, -40 + 9 * y, 25 + 7 * x, wavelength, 70, 99);
        expect(out[y * 17 + x]).toBeCloseTo(1 + 0.5 * plain, 5);
      }
    }
  });

  it('does not depend on where the section starts', () => {
    const shifted: SectionGrid = { ...grid, originX: grid.originX + 3 * grid.pixelX };
    const a = new Float32Array(13 * 17);
    const b = new Float32Array(13 * 17);
    addNoise(a, grid, 10, 60, 60, 1, 5);
    addNoise(b, shifted, 10, 60, 60, 1, 5);
    expect(b[0]).toBeCloseTo(a[3], 5);
    expect(b[5 * 17 + 2]).toBeCloseTo(a[5 * 17 + 5], 5);
  });
});

describe('blurInPlace', () => {
  it('agrees with a plain two-dimensional sum', () => {
    const [height, width, sigma] = [9, 11, 1.3];
    const image = Float32Array.from({ length: height * width }, (_, i) => (i * 37) % 19);
    const plain = new Float32Array(image.length);
    const radius = Math.ceil(2.6 * sigma);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let [sum, weights] = [0, 0];
        for (let dy = -radius; dy <= radius; dy++) {
          for (let dx = -radius; dx <= radius; dx++) {
            const weight = Math.exp((-0.5 * (dy * dy + dx * dx)) / (sigma * sigma));
            const sy = Math.max(0, Math.min(height - 1, y + dy));
            const sx = Math.max(0, Math.min(width - 1, x + dx));
            sum += weight * image[sy * width + sx];
            weights += weight;
          }
        }
        plain[y * width + x] = sum / weights;
      }
    }
    blurInPlace(image, height, width, sigma, new Float32Array(image.length));
    image.forEach((value, i) => {
      expect(value).toBeCloseTo(plain[i], 3);
    });
  });

  it('leaves one pixel as it is', () => {
    const image = Float32Array.of(3);
    blurInPlace(image, 1, 1, 2, new Float32Array(1));
    expect(image[0]).toBeCloseTo(3, 5);
  });
});

describe('grain', () => {
  const wide: SectionGrid = { ...grid, height: 128, width: 128, originY: 0, originX: 0 };
  it.each([0, 12.5, 20])('has deviation 1 at height %f', (z) => {
    expect(deviation(grain(wide, z, 20, 25, 3, new Float32Array(128 * 128)))).toBeCloseTo(1, 1);
  });

  it('changes gradually with height', () => {
    const at = (z: number) => grain(wide, z, 20, 25, 3, new Float32Array(128 * 128));
    const change = (a: Float32Array, b: Float32Array) => deviation(a.map((v, i) => v - b[i]));
    expect(change(at(0), at(2.5))).toBeLessThan(0.3);
    expect(change(at(0), at(50))).toBeGreaterThan(1);
  });
});

it('blurredDeviation is what a blur leaves of white noise', () => {
  const wide: SectionGrid = { ...grid, height: 200, width: 200 };
  const noise = grain(wide, 0, 0, 25, 8, new Float32Array(200 * 200));
  const before = deviation(noise);
  blurInPlace(noise, 200, 200, 0.1, new Float32Array(200 * 200));
  expect(deviation(noise)).toBe(before);
  expect(blurredDeviation(0.1)).toBe(1);
  expect(blurredDeviation(2)).toBeCloseTo(1 / (2 * Math.sqrt(Math.PI) * 2), 2);
});
