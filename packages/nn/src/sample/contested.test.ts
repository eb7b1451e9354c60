import { Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { connectedComponents } from './components.ts';
import { contestInPlace, contestPlaneInPlace, planeFactors } from './contested.ts';
import type { LabelPatch } from './resample.ts';
import { crossAffinity, planeAffinity } from './targets.ts';

const side = 40;
const margin = 4;
const size = side - 2 * margin;

function patchOf(idAt: (y: number, x: number) => number, known = new Uint8Array(side * side).fill(1)) {
  const ids = Uint32Array.from({ length: side * side }, (_, i) => idAt(Math.floor(i / side), i % side));
  return { ids, known, side };
}

function contested(below: LabelPatch, above: LabelPatch, most: number, displacement?: [number, number]) {
  const target = new Float32Array(size * size + 1);
  const weight = new Float32Array(size * size + 1);
  const options = { margin, ...(displacement ? { displacement } : {}) };
  crossAffinity(target, weight, 1, below, above, options);
  const [a, b] = [connectedComponents(below), connectedComponents(above)];
  contestInPlace(target, weight, 1, a, b, side, options, most);
  const at = (y: number, x: number): number => weight[1 + (y - margin) * size + x - margin];
  return { target, weight, at };
}

describe('contested pixels', () => {
  it('count more where two neurons cover much of each other, less along a border that has moved', () => {
    // 1 | 2 | 3: the border of 1 and 2 moves by a pixel, that of 2 and 3 over half of 3
    const below = patchOf((_, x) => (x < 16 ? 1 : x < 30 ? 2 : 3));
    const above = patchOf((_, x) => (x < 17 ? 1 : x < 35 ? 2 : 3));
    const { at } = contested(below, above, 4);
    expect(at(20, 32)).toBeGreaterThan(1.2 * at(20, 16));
    // the same pairs, none more contested than another: only how many pixels they share counts
    const even = contested(below, above, 0);
    expect(even.at(20, 32)).toBeLessThan(even.at(20, 16));
  });

  it('count more in small profiles, and where profiles of one neuron hardly meet', () => {
    const inside = (y: number, x: number, y0: number, x0: number, n: number) =>
      y >= y0 && y < y0 + n && x >= x0 && x < x0 + n;
    const small = (y: number, x: number) => inside(y, x, 6, 6, 5);
    const below = patchOf((y, x) => (small(y, x) ? 2 : inside(y, x, 20, 20, 8) ? 3 : 1));
    const above = patchOf((y, x) => (small(y, x) ? 2 : inside(y, x, 26, 26, 8) ? 3 : 1));
    const { at } = contested(below, above, 4);
    expect(at(8, 8)).toBeGreaterThan(3 * at(20, 8));
    expect(at(27, 27)).toBeGreaterThan(4 * at(8, 8));
  });

  it.each([undefined, [3, -2]] as const)(
    'leave each class its weight, and what is masked alone: %o',
    (by) => {
      const random = new Random(3);
      const coarse = Array.from({ length: 128 }, () => random.int(4));
      const blocks = (shift: number) =>
        patchOf(
          (y, x) => coarse[(Math.floor(y / 5) % 8) * 8 + (Math.floor((x + shift) / 5) % 8)],
          Uint8Array.from({ length: side * side }, () => (random.chance(0.9) ? 1 : 0)),
        );
      const [below, above] = [blocks(0), blocks(2)];
      const { target, weight } = contested(below, above, 4, by && [by[0], by[1]]);
      const sum = [0, 0];
      const count = [0, 0];
      let masked = 0;
      for (let y = 0, i = 1; y < size; y++) {
        for (let x = 0; x < size; x++, i++) {
          const p = (y + margin) * side + x + margin;
          const q = p + (by ? by[0] * side + by[1] : 0);
          if (!below.known[p] || !above.known[q]) {
            expect(weight[i]).toBe(0);
            masked++;
          } else {
            sum[target[i]] += weight[i];
            count[target[i]]++;
          }
        }
      }
      expect(masked).toBeGreaterThan(0);
      expect(sum[0] / count[0]).toBeCloseTo(1, 4);
      expect(sum[1] / count[1]).toBeCloseTo(1, 4);
      expect(new Set(weight).size).toBeGreaterThan(4);
      expect(weight[0]).toBe(0);
    },
  );

  it('leave a patch of one class as it is', () => {
    const { weight } = contested(
      patchOf(() => 1),
      patchOf(() => 1),
      4,
    );
    for (const each of weight.subarray(1)) expect(each).toBeCloseTo(1, 5);
  });
});

describe('moving pixels', () => {
  const inside = (y: number, x: number, y0: number, x0: number, n: number) =>
    y >= y0 && y < y0 + n && x >= x0 && x < x0 + n;
  const here = patchOf((y, x) => (inside(y, x, 6, 6, 5) ? 3 : x < 20 ? 1 : 2));
  const before = patchOf((y, x) => (inside(y, x, 6, 6, 5) ? 3 : x < 24 ? 1 : 2));
  const after = patchOf(
    (y, x) => (inside(y, x, 6, 6, 5) ? 3 : x < 20 ? 1 : 2),
    Uint8Array.from({ length: side * side }, (_, p) => (p % side < 18 ? 1 : 0)),
  );
  const profiles = connectedComponents(here);
  const factors = planeFactors(here, profiles, [before, after], 4);
  const at = (y: number, x: number) => factors[y * side + x];

  it('count more the more neighbours have another label there, as far as those are known', () => {
    expect(at(20, 22)).toBeCloseTo(5 * at(20, 30), 5);
    const both = planeFactors(here, profiles, [before, here], 4);
    expect(both[20 * side + 22]).toBeCloseTo(3 * at(20, 30), 5);
    expect(planeFactors(here, profiles, [], 4)[20 * side + 22]).toBe(at(20, 30));
  });

  it('count more in small profiles, by the root of their pixels', () => {
    expect(at(8, 8)).toBe(2);
    expect(at(20, 4)).toBeCloseTo(Math.sqrt(300 / (20 * side - 25)), 5);
  });

  it('lend their weight to pairs, and leave each class its own and what is masked alone', () => {
    const offset = [0, -3] as const;
    const known = { ...here, known: here.known.map((one, p) => (p % 7 === 0 ? 0 : one)) };
    const [target, weight] = [new Float32Array(size * size + 1), new Float32Array(size * size + 1)];
    planeAffinity(target, weight, 1, known, profiles, margin, offset);
    const plain = weight.slice();
    contestPlaneInPlace(target, weight, 1, factors, side, margin, offset);
    const total = (weights: Float32Array, is: number) =>
      weights.reduce((sum, w, i) => sum + (target[i] === is ? w : 0), 0);
    for (const is of [0, 1]) expect(total(weight, is) / total(plain, is)).toBeCloseTo(1, 4);
    for (let i = 0; i < weight.length; i++) if (plain[i] === 0) expect(weight[i]).toBe(0);
    const of = (y: number, x: number) => weight[1 + (y - margin) * size + x - margin];
    // into the small profile, whose border stays, and over the border of two large ones, which moves in the one section that is known
    const [small, border] = [2, 5 * Math.sqrt(300 / (20 * side))];
    expect(of(8, 11) / of(23, 20)).toBeCloseTo(small / border, 4);
  });
});
