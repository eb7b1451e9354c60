import { describe, expect, it } from 'vitest';
import { fromHalf, toHalf } from './half.ts';

const rounded = (...values: number[]): number[] => Array.from(fromHalf(toHalf(values)));

describe('numbers of 16 bit', () => {
  it('are what they were, all of them', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((i) => (i & 0x7c00) !== 0x7c00);
    expect(toHalf(fromHalf(bits))).toEqual(bits);
  });

  it('have the bits of the standard', () => {
    expect(Array.from(toHalf([1, -2, 65504, 2 ** -14, 2 ** -24, 1 / 3, 0]))).toEqual([
      0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x3555, 0,
    ]);
  });

  it('are the nearest ones, of two the even one', () => {
    expect(rounded(1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20)).toEqual([
      1,
      1 + 2 ** -9,
      1 + 2 ** -10,
    ]);
    expect(rounded(2047.5, 2 ** -25, 3 * 2 ** -25, -(2 ** -26))).toEqual([2048, 0, 2 ** -23, -0]);
    for (let i = 0; i < 2000; i++) {
      const value = Math.sin(i * 12.9898) * 2 ** ((i % 30) - 16);
      expect(Math.abs(rounded(value)[0] - Math.fround(value))).toBeLessThanOrEqual(
        Math.max(2 ** -25, Math.abs(value) * 2 ** -11),
      );
    }
  });

  it('end at the highest finite one', () => {
    expect(rounded(1e6, -1e6, 65519.9)).toEqual([65504, -65504, 65504]);
    expect(rounded(Number.NaN, Number.POSITIVE_INFINITY)).toEqual([Number.NaN, 65504]);
  });
});
