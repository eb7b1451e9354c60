import { describe, expect, it } from 'vitest';
import { cellStack } from '../pipeline/testing/cells.ts';
import { ndarray } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import { gaussianBlur } from './blur.ts';
import { normaliseSection } from './normalise.ts';
import { eulerNumber, membranesAreBright, polarityEvidence } from './polarity.ts';

describe('membranesAreBright', () => {
  const { sections } = cellStack({ shape: [3, 250, 250], cells: 60 });
  const evidence = (invert: boolean) =>
    sections.map((section) => polarityEvidence(normaliseSection(section, { invert }).image, 10));

  it('tells dark from bright membranes, and inverting turns the evidence round', () => {
    expect(membranesAreBright(evidence(false))).toBe(false);
    expect(membranesAreBright(evidence(true))).toBe(true);
    evidence(true).forEach((each, i) => {
      const upright = evidence(false)[i];
      expect(each.difference).toBeCloseTo(-upright.difference, 5);
    });
  });

  it('leaves alone what says nothing: no section, noise, a tiny image', () => {
    expect(membranesAreBright([])).toBe(false);
    const random = new Random(2);
    for (const side of [4, 60, 300]) {
      const image = ndarray(
        Float32Array.from({ length: side * side }, () => random.normal()),
        [side, side],
      );
      const { difference, magnitude } = polarityEvidence(image, 10);
      expect(Math.abs(difference)).toBeLessThan(0.3 * magnitude + 5);
    }
  });
});

describe('eulerNumber', () => {
  it('counts blobs minus holes', () => {
    const picture = ['........', '.###..#.', '.#.#....', '.###.##.', '.....##.'].join('');
    const image = Float32Array.from(picture, (c) => (c === '#' ? 1 : 0));
    expect(eulerNumber(image, 5, 8, 0.5, 1)).toBe(3 - 1);
    expect(
      eulerNumber(
        image.map((v) => -v),
        5,
        8,
        -0.5,
        -1,
      ),
    ).toBe(3 - 1);
    expect(eulerNumber(new Float32Array(1).fill(1), 1, 1, 0.5, 1)).toBe(1);
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
