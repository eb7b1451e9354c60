import { describe, expect, it } from 'vitest';
import { AUGMENT_DEFAULTS, AUGMENT_NONE } from './augment-options.ts';
import { makeBatch } from './batch.ts';
import { PAIR_SECTIONS, type PairSpec, type SampleSpec } from './spec.ts';
import { cellVolume } from './testing/cells.ts';

const displacements = [
  [0, 0],
  [0, 4],
] as const;

function pairSpec(pair: Partial<PairSpec> = {}, changes: Partial<SampleSpec> = {}): SampleSpec {
  return {
    size: 32,
    batch: 4,
    sections: PAIR_SECTIONS,
    offsets: [],
    lsdSigma: 0,
    pixelNm: 10,
    augment: AUGMENT_NONE,
    pair: { displacements, stride: 2, skip: 0, ...pair },
    ...changes,
  };
}

const volume = cellVolume([12, 80, 80], 40);
const plane = 32 * 32;
const section = (input: Float32Array, n: number, k: number) =>
  input.subarray((n * 6 + k) * plane, (n * 6 + k + 1) * plane);

describe('samples of two sections', () => {
  it('show each of the two between its neighbours, and ask which pixels are one neuron', () => {
    const batch = makeBatch([volume], pairSpec(), 3, 0);
    expect(batch.inputShape).toEqual([4, 6, 32, 32]);
    expect(batch.targetShape).toEqual([4, 2, 16, 16]);
    for (let n = 0; n < 4; n++) {
      expect(section(batch.input, n, 2)).toEqual(section(batch.input, n, 4));
      expect(section(batch.input, n, 3)).toEqual(section(batch.input, n, 1));
      const { section: first, centre } = batch.origins[n];
      const [top, left] = centre.map((middle) => Math.round(middle - 15.5));
      for (const [channel, [dy, dx]] of displacements.entries()) {
        for (let i = 0; i < 16 * 16; i++) {
          const at = (n * 2 + channel) * 256 + i;
          if (batch.weight[at] === 0) continue;
          const [y, x] = [top + 2 * Math.floor(i / 16), left + 2 * (i % 16)];
          const id = (z: number, r: number, c: number) => volume.labels.data[(z * 80 + r) * 80 + c];
          const [a, b] = [id(first + 1, y, x), id(first + 2, y + dy, x + dx)];
          expect(batch.target[at]).toBe(a !== 0 && a === b ? 1 : 0);
        }
      }
    }
  });

  it('leave the section between out where it is missing', () => {
    const whole = makeBatch([volume], pairSpec(), 3, 0);
    const gapped = makeBatch([volume], pairSpec({ skip: 1 }), 3, 0);
    for (let n = 0; n < 4; n++) {
      expect(section(gapped.input, n, 1)).toEqual(section(whole.input, n, 1));
      expect(section(gapped.input, n, 2)).toEqual(section(gapped.input, n, 1));
      expect(section(gapped.input, n, 3)).toEqual(section(gapped.input, n, 4));
      expect(section(gapped.input, n, 4)).not.toEqual(section(whole.input, n, 4));
    }
  });

  it('meet the same patches again, in other looks, where they are few', () => {
    const spec = pairSpec({ patches: 6 }, { augment: AUGMENT_DEFAULTS });
    const places = new Set<string>();
    const inputs = new Set<number>();
    for (let step = 0; step < 8; step++) {
      const batch = makeBatch([volume], spec, 5, step);
      for (const { section: z, axis } of batch.origins) places.add(`${axis} ${z}`);
      inputs.add(batch.input[0]);
    }
    expect(places.size).toBeLessThanOrEqual(6);
    expect(inputs.size).toBe(8);
  });

  it('are refused where sections or stride do not fit', () => {
    expect(() => makeBatch([volume], pairSpec({}, { sections: 3 }), 1, 0)).toThrow(/5 sections/);
    expect(() => makeBatch([volume], pairSpec({ stride: 3 }), 1, 0)).toThrow(/stride/);
  });
});
