import { describe, expect, it } from 'vitest';
import { chamferDistance } from './boundary-distance.ts';
import { addWalls, fractionWithin } from './membranes.ts';
import type { Slice } from './sub-sections.ts';

const [height, width] = [40, 64];
const profile = { widthNm: 24, cleftNm: 0, cleftLight: 0 };

/** Two cells that meet at column `edge`. */
function slice(edge: number): Slice {
  const labels = Uint32Array.from({ length: height * width }, (_, p) => (p % width < edge ? 1 : 2));
  return { labels, distance: chamferDistance(labels, height, width) };
}

/** Darkness along the middle row of a section whose wall moves from one column to another. */
function drawn(from: number, middle: number, to: number): number[] {
  const out = new Float32Array(height * width);
  addWalls(out, slice(from), slice(middle), 8, 20, profile);
  addWalls(out, slice(middle), slice(to), 8, 20, profile);
  return [...out.subarray(20 * width, 21 * width)];
}

describe('fractionWithin', () => {
  it.each([
    [0, 0, 5, 1],
    [9, 9, 5, 0],
    [-10, 10, 5, 0.5],
    [0, 10, 5, 0.5],
    [6, 20, 5, 0],
  ])('from %f to %f within %f is %f', (from, to, half, expected) => {
    expect(fractionWithin(from, to, half)).toBeCloseTo(expected, 6);
    expect(fractionWithin(to, from, half)).toBeCloseTo(expected, 6);
  });
});

describe('addWalls', () => {
  it('draws an upright wall as a black line of its width', () => {
    const row = drawn(32, 32, 32);
    expect(row[31]).toBe(1);
    expect(row[32]).toBe(1);
    expect(row[29]).toBe(0);
    expect(row[34]).toBe(0);
  });

  it('draws an oblique wall as a broader, greyer band', () => {
    const row = drawn(26, 32, 38);
    expect(Math.max(...row)).toBeLessThan(0.75);
    expect(row.filter((dark) => dark > 0.05).length).toBeGreaterThan(10);
    // The slab holds more membrane the more the wall leans.
    const total = (values: number[]) => values.reduce((sum, dark) => sum + dark, 0);
    expect(total(row)).toBeGreaterThan(total(drawn(32, 32, 32)));
    expect(total(drawn(20, 32, 44))).toBeGreaterThan(total(row));
  });

  it('draws nothing inside one cell', () => {
    expect(Math.max(...drawn(width, width, width))).toBe(0);
  });
});
