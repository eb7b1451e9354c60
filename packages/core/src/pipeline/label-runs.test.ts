import { describe, expect, it } from 'vitest';
import { Random } from '../volume/random.ts';
import { decodeRuns, encodeRuns } from './label-runs.ts';

describe('label runs', () => {
  it.each([0, 1, 2, 17, 1000])('come back as they were, %i pixels', (pixels) => {
    const random = new Random(pixels);
    for (const change of [0, 0.1, 1]) {
      let label = 5;
      const labels = Uint32Array.from({ length: pixels }, () => {
        if (random.float() < change) label = random.int(4) * 1_500_000_000;
        return label >>> 0;
      });
      const runs = encodeRuns(labels);
      expect(runs.length).toBeLessThanOrEqual(2 * pixels);
      expect(decodeRuns(runs, new Uint32Array(pixels).fill(9))).toEqual(labels);
    }
  });

  it('must fill the image', () => {
    const runs = encodeRuns(Uint32Array.of(1, 1, 2));
    expect(runs).toEqual(Uint32Array.of(1, 2, 2, 1));
    expect(() => decodeRuns(runs, new Uint32Array(2))).toThrow(RangeError);
    expect(() => decodeRuns(runs, new Uint32Array(4))).toThrow(RangeError);
  });
});
