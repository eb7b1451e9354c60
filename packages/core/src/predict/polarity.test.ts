import { describe, expect, it } from 'vitest';
import { cellStack } from '../pipeline/testing/cells.ts';
import { ndarray } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import { gaussianBlur } from './blur.ts';
import { normaliseSection } from './normalise.ts';
import { membranesAreBright, polarityEvidence } from './polarity.ts';

describe('membranesAreBright', () => {
  const { sections } = cellStack({ shape: [3, 250, 250], cells: 60 });
  const evidence = (invert: boolean) =>
    sections.map((section) => polarityEvidence(normaliseSection(section, { invert }).image, 10));

  it('tells dark from bright membranes, and inverting turns the evidence round', () => {
    expect(membranesAreBright(evidence(false))).toBe(false);
    expect(membranesAreBright(evidence(true))).toBe(true);
    evidence(true).forEach((each, i) => {
      const upright = evidence(false)[i];
      expect(each.dark / upright.bright).toBeCloseTo(1, 4);
      expect(each.bright / upright.dark).toBeCloseTo(1, 4);
    });
  });

  it('sees through noise', () => {
    const noisy = (invert: boolean) =>
      sections.map((section, z) => {
        const random = new Random(z);
        const { data, shape } = normaliseSection(section, { invert }).image;
        const image = ndarray(
          data.map((value) => value + 1.5 * random.normal()),
          shape,
        );
        return polarityEvidence(image, 10);
      });
    expect(membranesAreBright(noisy(false))).toBe(false);
    expect(membranesAreBright(noisy(true))).toBe(true);
  });

  it('leaves alone what says nothing: no section, noise, spots, a tiny image', () => {
    expect(membranesAreBright([])).toBe(false);
    const random = new Random(2);
    for (const side of [4, 60, 300]) {
      const noise = Float32Array.from({ length: side * side }, () => random.normal());
      const spots = noise.map((value) => (value > 2 ? 4 : 0)); // granules of a cell body, on bright and on dark
      for (const image of [noise, spots, spots.map((value) => -value)]) {
        const shape = [side, side];
        expect(
          membranesAreBright([polarityEvidence(normaliseSection(ndarray(image, shape)).image, 10)]),
        ).toBe(false);
      }
    }
  });
});

describe('gaussianBlur', () => {
  it('keeps a constant, and spreads a point as a Gaussian does', () => {
    const flat = gaussianBlur(new Float32Array(35).fill(3), 5, 7, 2);
    for (const value of flat) expect(value).toBeCloseTo(3, 5);
    const point = new Float32Array(41 * 41);
    point[20 * 41 + 20] = 1;
    const out = gaussianBlur(point, 41, 41, 2);
    expect(out.reduce((sum, v) => sum + v, 0)).toBeCloseTo(1, 4);
    expect(out[20 * 41 + 22] / out[20 * 41 + 20]).toBeCloseTo(Math.exp(-0.5), 3);
    expect(out[22 * 41 + 22] / out[20 * 41 + 20]).toBeCloseTo(Math.exp(-1), 3);
  });
});
