import type { Vec3 } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { reducedPair } from './volumes.ts';

const box = (z1: number | undefined, y1: number, x1: number) => ({
  min: [2, 0, 0] as const,
  max: [z1, y1, x1] as const,
});

describe('box and step on two volumes', () => {
  const full: Vec3 = [50, 100, 100];
  const cases: [string, Vec3, Vec3, Parameters<typeof reducedPair>[2], [boolean, boolean]][] = [
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
    expect(reducedPair(a, b, part)).toEqual(wanted);
  });
});
