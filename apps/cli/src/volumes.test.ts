import type { Vec3 } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { comparedParts } from './volumes.ts';

const box = (z1: number | undefined, y1: number, x1: number) => ({
  min: [2, 0, 0] as const,
  max: [z1, y1, x1] as const,
});

describe('box and step on two volumes', () => {
  const full: Vec3 = [50, 100, 100];
  const cases: [string, Vec3, Vec3, Parameters<typeof comparedParts>[2], [boolean, boolean]][] = [
    ['nothing to cut', full, full, { zStep: 1 }, [false, false]],
    ['both whole', full, full, { zStep: 4 }, [true, true]],
    ['the first is the part already', [13, 100, 100], full, { zStep: 4 }, [false, true]],
    ['the second is the part already', full, [13, 100, 100], { zStep: 4 }, [true, false]],
    ['with a box', [12, 30, 40], full, { bbox: box(50, 30, 40), zStep: 4 }, [false, true]],
    ['both are the part', [12, 30, 40], [12, 30, 40], { bbox: box(50, 30, 40), zStep: 4 }, [false, false]],
    ['both whole, the box reaches out', full, full, { bbox: box(60, 30, 40) }, [true, true]],
    ['of different shape', [7, 9, 9], full, { zStep: 4 }, [true, true]],
  ];
  it.each(cases)('%s', (_, a, b, part, wanted) => {
    expect(comparedParts(a, b, part).map((cut) => cut !== undefined)).toEqual(wanted);
  });

  // what was made of the same 50 sections: every 2nd from the 10th on, of a piece
  const made = { box: { min: [10, 20, 30], max: [40, 60, null] }, zStep: 2 } as const;
  const result: Vec3 = [15, 40, 70];
  const corner = (z0: number, z1?: number) => ({ min: [z0, 20, 40], max: [z1, 50, 90] }) as const;

  it('finds a part of the input in what was made of another part', () => {
    const part = { bbox: corner(14, 31), zStep: 4 };
    const own = { bbox: { min: [2, 0, 10], max: [11, 30, 60] }, zStep: 2 };
    expect(comparedParts(result, full, part, made)).toEqual([own, part]);
    expect(comparedParts(result, [5, 30, 50], part, made)).toEqual([own, undefined]);
    // the same step is of what is there already
    expect(comparedParts(result, [30, 40, 70], { zStep: 2 }, made)[0]).toMatchObject({ zStep: 1 });
  });

  it('takes the part that the first was made of where none is asked for', () => {
    const part = { bbox: { min: made.box.min, max: [40, 60, undefined] }, zStep: 2 };
    expect(comparedParts(result, full, {}, made)).toEqual([undefined, part]);
    expect(comparedParts(result, result, {}, made)).toEqual([undefined, undefined]);
    expect(comparedParts(result, [full[0], full[1], full[2] + 1], {}, made)).toEqual([undefined, undefined]);
  });

  it('refuses a part that was not made', () => {
    for (const part of [
      { bbox: corner(10, 30), zStep: 3 },
      { bbox: corner(11, 30), zStep: 2 },
      { bbox: corner(8, 30), zStep: 2 },
      { bbox: corner(10, 42), zStep: 2 },
      { bbox: corner(10, 30) },
    ]) {
      expect(() => comparedParts(result, full, part, made, 'out')).toThrow(
        /it was made with --bbox 30:,20:60,10:40 --z-step 2/,
      );
    }
  });
});
