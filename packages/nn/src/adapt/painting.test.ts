import { isKynError, type LabelSection, ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { maskPainting, paintedSection, UNPAINTED } from './painting.ts';

const U = 255;
const rule = 'as it should be';

/** One character a pixel: `.` membrane, `?` not painted, a digit a cell. */
function drawn(...rows: string[]): LabelSection {
  const values = [...rows.join('')].map((c) => (c === '.' ? 0 : c === '?' ? U : Number(c)));
  return ndarray(Uint32Array.from(values), [rows.length, rows[0].length]);
}

function profilesOf(...rows: string[]): string[] {
  const { profiles } = paintedSection(0, 'x', { labels: drawn(...rows), unpainted: U, rule });
  const names = new Map<number, string>([
    [0, '.'],
    [UNPAINTED, '?'],
  ]);
  const letters = Array.from(profiles.data, (id) => {
    if (!names.has(id)) names.set(id, String.fromCharCode(95 + names.size));
    return names.get(id);
  });
  const width = rows[0].length;
  return rows.map((_, y) => letters.slice(y * width, (y + 1) * width).join(''));
}

describe('a painted section', () => {
  it('has a profile for every piece between membranes, whatever the values', () => {
    expect(profilesOf('11.11', '11.11', '22.33')).toEqual(['aa.bb', 'aa.bb', 'cc.dd']);
  });

  it('keeps corners apart: pieces are 4-connected', () => {
    expect(profilesOf('1.', '.1')).toEqual(['a.', '.b']);
  });

  it('takes pieces of one value that leave what is painted as perhaps one', () => {
    expect(profilesOf('11.11?', '......', '11.11?')).toEqual(['aa.bb?', '......', 'cc.bb?']);
    expect(profilesOf('11.11?', '......', '11.22?')).toEqual(['aa.bb?', '......', 'cc.dd?']);
  });

  it('counts cells and painted pixels', () => {
    const { count, pixels } = paintedSection(4, 'x', {
      labels: drawn('1.2?', '1.2?'),
      unpainted: U,
      rule,
    });
    expect({ count, pixels }).toEqual({ count: 2, pixels: 6 });
  });

  it('comes from a mask, all of it painted', () => {
    const painting = maskPainting([0, 255, 0, 0, 200, 0], 127, [2, 3]);
    const { profiles } = paintedSection(0, 'm', { ...painting, rule });
    expect([...profiles.data]).toEqual([1, 0, 2, 1, 0, 2]);
  });

  it.each([
    ['nothing painted', drawn('??', '??'), /07\.png: nothing is painted; as it should be/],
    ['only membrane', drawn('..', '??'), /only membrane is painted, no cell/],
    ['black and white mixed up', drawn('....', '...1'), /88 % of what is painted is membrane/],
    ['no membrane', drawn('11', '1?'), /one cell fills all that is painted/],
    [
      'the grey values of an image',
      ndarray(
        Uint32Array.from({ length: 400 }, (_, p) => 90 + ((p * 37) % 61)),
        [20, 20],
      ),
      /400 cells in 400 painted pixels: it looks like an image/,
    ],
  ])('is refused with %s', (_, labels, says) => {
    try {
      paintedSection(0, '07.png', { labels, unpainted: U, rule });
      expect.unreachable();
    } catch (error) {
      if (!isKynError(error)) throw error;
      expect(error.code).toBe('content');
      expect(error.oneLine()).toMatch(says);
    }
  });
});
