import { describe, expect, it } from 'vitest';
import { ndarray } from '../volume/array.ts';
import { sectionSpectra, visibleShift } from './section-shift.ts';
import { another, drawSection, one } from './testing/canvas.ts';

function section(size: [number, number], by: readonly [number, number], noiseSeed: number, canvas = one) {
  const image = drawSection(size, by, noiseSeed, canvas);
  return { image, spectra: sectionSpectra(image) };
}

const NM = [8, 8] as const;

describe('visibleShift', () => {
  const size: [number, number] = [900, 760]; // 8 pixels become one
  const lower = section(size, [0, 0], 11);

  it.each([[[0, 0]], [[2, -2]], [[4, 4]]] as [number, number][][])(
    'leaves %s alone, which the network bears',
    (by) => {
      expect(visibleShift(lower, section(size, by, 12), NM)).toBeUndefined();
    },
  );

  it.each([
    [[10, 0]], // seen in the middle alone
    [[-6, 12]],
    [[34, -22]],
    [[-120, 90]],
  ] as [number, number][][])('tells %s to two pixels', (by) => {
    const found = visibleShift(lower, section(size, by, 12), NM);
    expect(Math.abs((found?.[0] ?? Number.NaN) - by[0])).toBeLessThanOrEqual(2);
    expect(Math.abs((found?.[1] ?? Number.NaN) - by[1])).toBeLessThanOrEqual(2);
    expect(found?.every((px) => px % 2 === 0)).toBe(true);
  });

  it('tells of small sections, whose peaks are low, where they are much more alike', () => {
    // half of what each shows is its own, as where sections are thick
    const thick = (by: [number, number], seed: number) => {
      const shared = section([150, 150], by, seed).image.data;
      const own = section([150, 150], [7 * seed, -9 * seed], seed, another).image.data;
      const image = ndarray(
        shared.map((value, p) => (value + 0.8 * own[p]) / Math.hypot(1, 0.8)),
        [150, 150],
      );
      return { image, spectra: sectionSpectra(image) };
    };
    for (const by of [
      [24, -8],
      [-12, 30],
    ] as [number, number][]) {
      const found = visibleShift(thick([0, 0], 5), thick(by, 6), NM);
      expect(Math.hypot((found?.[0] ?? 99) - by[0], (found?.[1] ?? 99) - by[1])).toBeLessThanOrEqual(4);
    }
  });

  it('sees none between sections that have nothing in common', () => {
    for (let noise = 12; noise < 16; noise++) {
      expect(visibleShift(lower, section(size, [0, 5 * noise], noise, another), NM)).toBeUndefined();
    }
  });

  it.each([[[64, 64]], [[48, 48]], [[64, 120]], [[36, 128]], [[128, 128]]] as [[number, number]][])(
    'nor where they are as small as %s',
    (small) => {
      const lower = section(small, [0, 0], 1);
      for (let noise = 2; noise < 32; noise++) {
        const upper = section(small, [5 * noise, -3 * noise], noise, another);
        expect(visibleShift(lower, upper, NM)).toBeUndefined();
      }
    },
  );

  it('leaves a section alone of which the middle has moved and nothing else', () => {
    const upper = section(size, [0, 0], 12);
    const moved = section(size, [14, 0], 12);
    const [height, width] = size;
    for (let y = 0, p = 0; y < height; y++) {
      for (let x = 0; x < width; x++, p++) {
        const inside = Math.hypot(y - height / 2, x - width / 2) < 230;
        if (inside) upper.image.data[p] = moved.image.data[p];
      }
    }
    const both = { image: upper.image, spectra: sectionSpectra(upper.image) };
    expect(visibleShift(lower, both, NM)).toBeUndefined();
  });

  it('cannot tell where sections are small', () => {
    const [a, b] = [section([30, 200], [0, 0], 1), section([30, 200], [20, 0], 2)];
    expect(visibleShift(a, b, NM)).toBeUndefined();
  });
});
