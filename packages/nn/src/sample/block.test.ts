import { isKynError, ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { AUGMENT_DEFAULTS, AUGMENT_NONE } from './augment-options.ts';
import { type Batch, makeBatch } from './batch.ts';
import { sampleSheet } from './sheet.ts';
import { targetSection } from './spec.ts';
import { cellVolume, plainSpec, sameBatch } from './testing/cells.ts';

const volume = cellVolume([9, 70, 80], 40);
const [depth, size] = [6, 32];
const spec = plainSpec({ sections: depth, zReach: [1, 3], size });
const plane = size * size;

/** Target and weight of channel `c` of section `k` of sample `n`. */
function planeOf(batch: Batch, n: number, c: number, k: number) {
  const start = ((n * batch.layout.channels + c) * depth + k) * plane;
  const cut = (data: Float32Array) => data.subarray(start, start + plane);
  return { target: cut(batch.target), weight: cut(batch.weight) };
}

/** The first section of a volume, `count` times. */
function repeated(data: Uint8Array, count: number): Uint8Array {
  const first = data.subarray(0, data.length / count);
  return Uint8Array.from({ length: data.length }, (_, i) => first[i % first.length]);
}

describe('blocks of sections', () => {
  it('are pure functions of seed and step, of the shape that the layout says', () => {
    const augmented = { ...spec, augment: AUGMENT_DEFAULTS };
    const one = makeBatch([volume], augmented, 3, 8);
    expect(sameBatch(makeBatch([volume], augmented, 3, 8), one)).toBe(true);
    expect(sameBatch(makeBatch([volume], augmented, 3, 9), one)).toBe(false);
    expect(one.inputShape).toEqual([2, depth, size, size]);
    expect(one.targetShape).toEqual([2, 5, depth, size, size]);
    expect(one.layout).toEqual({ channels: 5, plane: [0, 3], cross: [3, 5], lsd: [5, 5] });
    expect(one.target).toHaveLength(2 * 5 * depth * plane);
    expect(one.input.every(Number.isFinite)).toBe(true);
    expect(one.weight.every((value) => value >= 0 && value <= 5)).toBe(true);
  });

  it('ask in every section what a stack asks in its middle one', () => {
    const { zReach: _, ...stack } = spec;
    const [block, plain] = [makeBatch([volume], spec, 1, 4), makeBatch([volume], stack, 1, 4)];
    expect(block.input).toEqual(plain.input);
    for (let n = 0; n < 2; n++) {
      for (let c = 0; c < 3; c++) {
        const start = (n * plain.layout.channels + c) * plane;
        const { target, weight } = planeOf(block, n, c, targetSection(depth));
        expect(target).toEqual(plain.target.subarray(start, start + plane));
        expect(weight.map((w) => Math.sign(w))).toEqual(
          plain.weight.subarray(start, start + plane).map((w) => Math.sign(w)),
        );
        const other = planeOf(block, n, c, 0);
        expect(other.weight.some((w) => w > 0)).toBe(true);
      }
    }
  });

  it('tell of the sections before each, and nothing where those lie before the block', () => {
    const batch = makeBatch([volume], { ...spec, batch: 3 }, 2, 0);
    const { data, stride, shape } = volume.labels;
    const half = (size - 1) / 2;
    let [compared, wrong] = [0, 0];
    batch.origins.forEach(({ section, centre, axis }, n) => {
      expect(axis).toBe('z');
      // The patch with its margin of 5 falls on whole pixels.
      const [top, left] = centre.map((at) => Math.round(at - half - 5) + 5);
      for (const [i, reach] of [1, 3].entries()) {
        for (let k = 0; k < depth; k++) {
          const { target, weight } = planeOf(batch, n, 3 + i, k);
          if (k < reach) {
            expect(weight.every((w) => w === 0)).toBe(true);
            continue;
          }
          for (let p = 0; p < plane; p++) {
            const [y, x] = [top + Math.floor(p / size), left + (p % size)];
            const inside = y >= 0 && x >= 0 && y < shape[1] && x < shape[2];
            if (weight[p] > 0 !== inside) wrong++;
            if (!inside) continue;
            const at = (section + k) * stride[0] + y * stride[1] + x;
            if (target[p] !== (data[at] === data[at - reach * stride[0]] ? 1 : 0)) wrong++;
            compared++;
          }
        }
      }
    });
    expect(wrong).toBe(0);
    expect(compared).toBeGreaterThan(8 * plane);
  });

  it('ask nothing of sections that are lost', () => {
    const missing = { ...AUGMENT_NONE, missing: { probability: 0.4 } };
    const batch = makeBatch([volume], { ...spec, augment: missing, batch: 6 }, 4, 0);
    const sound = makeBatch([volume], { ...spec, batch: 6 }, 4, 0);
    let lost = 0;
    for (let n = 0; n < 6; n++) {
      const asked = Array.from({ length: depth }, (_, k) =>
        planeOf(batch, n, 0, k).weight.some((w) => w > 0),
      );
      expect(asked[targetSection(depth)]).toBe(true);
      for (let k = 0; k < depth; k++) {
        const start = (n * depth + k) * plane;
        const [tile, whole] = [batch, sound].map(({ input }) =>
          Buffer.from(input.buffer, 4 * start, 4 * plane),
        );
        expect(tile.equals(whole)).toBe(asked[k]);
        for (const [i, reach] of [1, 3].entries()) {
          const known = planeOf(batch, n, 3 + i, k).weight.some((w) => w > 0);
          expect(known).toBe(k >= reach && asked[k] && asked[k - reach]);
        }
        lost += asked[k] ? 0 : 1;
      }
    }
    expect(lost).toBeGreaterThan(3);
  });

  it('count contested pixels more between sections, and nowhere else', () => {
    const plain = makeBatch([volume], spec, 1, 4);
    const batch = makeBatch([volume], { ...spec, contested: 4 }, 1, 4);
    expect(batch.target).toEqual(plain.target);
    for (let c = 0; c < 5; c++) {
      const [changed, before] = [batch, plain].map((b) =>
        Array.from({ length: depth }, (_, k) => [...planeOf(b, 0, c, k).weight]),
      );
      if (c < 3) expect(changed).toEqual(before);
      else expect(changed).not.toEqual(before);
      const total = (weights: number[][]) => weights.flat().reduce((sum, w) => sum + w, 0);
      expect(total(changed)).toBeCloseTo(total(before), -1);
    }
  });

  it('count moving pixels more within sections, and nowhere else, as a stack does in its middle one', () => {
    const plain = makeBatch([volume], spec, 1, 4);
    const batch = makeBatch([volume], { ...spec, moving: 2 }, 1, 4);
    const { zReach: _, ...stack } = spec;
    const middle = makeBatch([volume], { ...stack, moving: 2 }, 1, 4);
    const middlePlain = makeBatch([volume], stack, 1, 4);
    expect(batch.target).toEqual(plain.target);
    for (let c = 0; c < 5; c++) {
      const planes = (b: Batch) => Array.from({ length: depth }, (_, k) => [...planeOf(b, 0, c, k).weight]);
      if (c >= 3) {
        expect(planes(batch)).toEqual(planes(plain));
        continue;
      }
      for (let k = 0; k < depth; k++) expect(planes(batch)[k]).not.toEqual(planes(plain)[k]);
      const [changed, before] = [batch, plain].map((b) => planes(b)[targetSection(depth)]);
      // the weights of classes are those of a whole batch: what is compared is how one pixel counts beside another
      const at = (b: Batch) => [...b.weight.subarray(c * plane, (c + 1) * plane)];
      const ratios = (after: number[], first: number[]) =>
        after.map((w, i) => (first[i] > 0 ? w / first[i] : 0));
      expect(new Set(ratios(changed, before).map((r) => r.toFixed(3))).size).toBeGreaterThan(4);
      const alike = ratios(at(middle), at(middlePlain));
      for (const [i, ratio] of ratios(changed, before).entries()) expect(alike[i]).toBeCloseTo(ratio, 3);
    }
  });

  it('are shifted one section at a time, or all from one on', () => {
    const misalign = { ...AUGMENT_NONE, misalign: { probability: 1, maxShift: 9 } };
    const alike = { ...volume, raw: ndarray(repeated(volume.raw.data, 9), volume.raw.shape) };
    const { input } = makeBatch([alike], { ...spec, augment: misalign, batch: 16 }, 6, 0);
    const tile = (n: number, k: number) => Buffer.from(input.buffer, 4 * (n * depth + k) * plane, 4 * plane);
    // All sections are alike: 1 where one does not look like the first.
    const patterns = Array.from({ length: 16 }, (_, n) =>
      Array.from({ length: depth }, (_, k) => (tile(n, k).equals(tile(n, 0)) ? 0 : 1)).join(''),
    );
    expect(patterns.some((pattern) => /^00+10+$/.test(pattern))).toBe(true);
    expect(patterns.some((pattern) => /^00+11+$/.test(pattern))).toBe(true);
    for (const pattern of patterns) expect(pattern).toMatch(/^0+(1*|10+)$/);
  });

  it('are shown a row a section', () => {
    const batch = makeBatch([volume], spec, 1, 4);
    const { width, height, data } = sampleSheet(batch);
    expect([width, height]).toEqual([6 * (size + 4) + 4, 2 * depth * (size + 4) + 4]);
    // The first section's affinities with the one before are masked, hence red.
    const [red, green] = data.subarray(4 * (4 * width + 4 + 4 * (size + 4)));
    expect(red).toBeGreaterThan(green);
  });

  it('are refused where a reach leaves the block', () => {
    for (const zReach of [[6], [0], [1.5]]) {
      const error = (() => {
        try {
          makeBatch([volume], { ...spec, zReach }, 1, 0);
        } catch (reason) {
          return reason;
        }
        return undefined;
      })();
      expect(isKynError(error) && error.code).toBe('usage');
    }
  });
});
