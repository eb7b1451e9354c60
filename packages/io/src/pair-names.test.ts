import { describe, expect, it } from 'vitest';
import { pairNames } from './pair-names.ts';

const numbered = Array.from({ length: 20 }, (_, i) => `${String(i).padStart(2, '0')}.tif`);

describe('pairing files with sections by name', () => {
  it.each([
    ['the same name', ['03.png', '17.PNG'], numbered, [3, 17]],
    ['the name within a longer one', ['labels00000011.png', '7-painted.tif'], numbered, [11, 7]],
    ['the longer of two names that fit', ['a_12_x.png'], ['a.tif', 'a_12.tif'], [1]],
    ['the name it begins with, of two', ['3_v2.png'], numbered, [3]],
    ['zeros within a number count', ['s10.png'], ['1', '10'], [1]],
    ['capitals do not', ['Slice-A.png'], ['slice-b.tif', 'SLICE-a.tif'], [1]],
    ['whole numbers only', ['117.png', 'none.png'], numbered, [undefined, undefined]],
    ['section 0', ['z0000.png'], ['0', '1'], [0]],
  ])('takes %s', (_, files, sections, expected) => {
    expect(pairNames(files, sections)).toEqual(expected);
  });

  it('refuses two files for a section, and a file that fits two sections', () => {
    expect(() => pairNames(['000.png', 'z0.png'], ['0', '1'])).toThrow(
      /000\.png and z0\.png both fit section 0/,
    );
    expect(() => pairNames(['x3-4.png'], numbered)).toThrow(/x3-4\.png fits several sections/);
  });
});
