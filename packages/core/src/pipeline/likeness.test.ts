import { describe, expect, it } from 'vitest';
import { ndarray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';
import { bestShift, detail, shrunk, surroundingsAlike } from './likeness.ts';
import { finerShift } from './section-shift.ts';
import { another, drawSection } from './testing/canvas.ts';

const SIZE = [320, 360] as const;
const lower = drawSection(SIZE, [0, 0], 11);
const plane = (by: Offset2, noise: number) => detail(shrunk(drawSection(SIZE, by, noise), 4));

describe('bestShift', () => {
  it.each([[[0, 0]], [[2, -3]], [[-5, 1]], [[9, 6]]] as [Offset2][])('tells %s to a pixel', (by) => {
    const found = bestShift(detail(shrunk(lower, 4)), plane(by, 12));
    expect(Math.abs(4 * found.by[0] - by[0])).toBeLessThan(1);
    expect(Math.abs(4 * found.by[1] - by[1])).toBeLessThan(1);
    expect(found.alike).toBeGreaterThan(0.5);
  });

  it('finds other tissue unlike', () => {
    const other = detail(shrunk(drawSection(SIZE, [0, 0], 3, another), 4));
    expect(bestShift(detail(shrunk(lower, 4)), other).alike).toBeLessThan(0.2);
  });
});

describe('finerShift', () => {
  it('tells shifts of a few pixels, none, and what is left of one that was told', () => {
    expect(finerShift(lower, drawSection(SIZE, [3, -2], 12), undefined)).toEqual([3, -2]);
    expect(finerShift(lower, drawSection(SIZE, [1, 0], 12), undefined)).toBeUndefined();
    expect(finerShift(lower, drawSection(SIZE, [33, -14], 12), [30, -14])).toEqual([33, -14]);
    expect(finerShift(lower, drawSection(SIZE, [30, -14], 12), [30, -14])).toEqual([30, -14]);
    expect(finerShift(lower, drawSection(SIZE, [3, -2], 12, another), undefined)).toBeUndefined();
  });

  it('tells none by chance of sections that are small or narrow', () => {
    for (const size of [
      [1, 1],
      [16, 16],
      [48, 48],
      [12, 500],
      [104, 104],
    ] as const) {
      for (let noise = 2; noise < 12; noise++) {
        const [a, b] = [
          drawSection(size, [0, 0], 1),
          drawSection(size, [5 * noise, -3 * noise], noise, another),
        ];
        expect(finerShift(a, b, undefined)).toBeUndefined();
      }
    }
  });
});

describe('surroundingsAlike', () => {
  it('is one where sections are the same, and nothing where one shows nothing', () => {
    const half = ndarray(
      lower.data.map((value, p) => (p % SIZE[1] < 180 ? 0 : value)),
      [...SIZE],
    );
    const [a, b] = [lower, half].map((section) => detail(shrunk(section, 4)));
    const alike = surroundingsAlike(a, b);
    expect(alike[20 * a.columns + 80]).toBeCloseTo(1, 5);
    expect(alike[20 * a.columns + 10]).toBe(0);
  });
});
