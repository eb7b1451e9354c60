import { describe, expect, it } from 'vitest';
import { cellStack } from '../pipeline/testing/cells.ts';
import { ndarray } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import { noiseShare, ruinousNoise } from './noise-share.ts';
import { normaliseSection } from './normalise.ts';

describe('noiseShare', () => {
  const [section] = cellStack({ shape: [1, 128, 150] }).sections;
  const withNoise = (spread: number) => {
    const random = new Random(1);
    const clean = normaliseSection(section).image.data;
    const noisy = Float32Array.from(clean, (value) => value + spread * random.normal());
    return noiseShare(normaliseSection(ndarray(noisy, [128, 150])).image);
  };

  it('is the share of the variance that is noise', () => {
    const clean = withNoise(0);
    expect(clean).toBeLessThan(0.5);
    for (const spread of [1, 2, 5]) {
      const expected = (clean + spread ** 2) / (1 + spread ** 2);
      expect(Math.abs(withNoise(spread) - expected)).toBeLessThan(0.06);
    }
    expect(withNoise(0.3)).toBeLessThan(ruinousNoise(clean));
    expect(withNoise(3)).toBeGreaterThan(ruinousNoise(clean));
  });

  it.each([
    [1, 1],
    [2, 9],
    [3, 3],
  ])('is no number to worry about for %i×%i pixels', (height, width) => {
    expect(noiseShare(ndarray(new Float32Array(height * width), [height, width]))).toBe(0);
  });
});
