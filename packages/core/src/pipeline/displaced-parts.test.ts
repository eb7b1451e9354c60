import { describe, expect, it } from 'vitest';
import type { Offset2 } from '../volume/contracts.ts';
import { displacedParts } from './displaced-parts.ts';
import { NOWHERE, type Places } from './move.ts';
import { another, drawSection } from './testing/canvas.ts';

const SIZE = [400, 360] as const;

/** Either side of a line from top to bottom comes from further out, as beside a fold. */
const folded =
  (far: number, at = 180): ((y: number, x: number) => Offset2) =>
  (_, x) => [0, x < at ? far : -far];

/** Of pixels at least `margin` from the line, how many lie within two pixels of `expected`. */
function right(places: Places, expected: (y: number, x: number) => Offset2, margin = 24, at = 180): number {
  const [height, width] = places.shape;
  let [count, all] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [ty, tx] = [y + expected(y, x)[0], x + expected(y, x)[1]];
      if (Math.abs(x - at) < margin || ty < 0 || tx < 0 || ty >= height || tx >= width) continue;
      const place = places.data[y * width + x];
      const [py, px] = [Math.floor(place / width), place % width];
      all++;
      if (place !== NOWHERE && Math.abs(py - ty) <= 2 && Math.abs(px - tx) <= 2) count++;
    }
  }
  return count / all;
}

describe('displacedParts', () => {
  const lower = drawSection(SIZE, [0, 0], 11);

  it.each([6, 10, 14])('tells either side of a fold that are displaced by %i px', (far) => {
    const found = displacedParts(lower, drawSection(SIZE, folded(far), 12));
    expect(found?.parts.length).toBeGreaterThanOrEqual(2);
    // the tissue of a pixel lies where the fold has taken it from
    const from = (y: number, x: number): Offset2 => [0, -folded(far)(y, x)[1]];
    expect(found && right(found.places, from)).toBeGreaterThan(0.97);
  });

  it('tells them where the lower section is folded', () => {
    const found = displacedParts(drawSection(SIZE, folded(10), 12), lower);
    // what the fold hides lies nowhere: that side is told from the other at a distance
    expect(found && right(found.places, folded(10), 36)).toBeGreaterThan(0.97);
  });

  it('tells them from the rest of a section that is shifted', () => {
    const both = (y: number, x: number): Offset2 => [30 + folded(10)(y, x)[0], -16 + folded(10)(y, x)[1]];
    const found = displacedParts(lower, drawSection(SIZE, both, 12), [30, -16]);
    const from = (y: number, x: number): Offset2 => [-both(y, x)[0], -both(y, x)[1]];
    expect(found && right(found.places, from)).toBeGreaterThan(0.97);
  });

  it('gives no place to two pixels', () => {
    const found = displacedParts(drawSection(SIZE, folded(10), 12), lower);
    const taken = [...(found?.places.data ?? [])].filter((place) => place !== NOWHERE);
    expect(taken.length).toBeGreaterThan(0.9 * SIZE[0] * SIZE[1]);
    expect(new Set(taken).size).toBe(taken.length);
  });

  it('sees none where sections lie in line, or nearly', () => {
    for (let noise = 12; noise < 20; noise++) {
      expect(displacedParts(lower, drawSection(SIZE, [0, 0], noise))).toBeUndefined();
      expect(displacedParts(lower, drawSection(SIZE, [1, -1], noise))).toBeUndefined();
    }
  });

  it('nor where they have nothing in common, or are small', () => {
    for (let noise = 12; noise < 20; noise++) {
      const other = drawSection(SIZE, [3 * noise, -5 * noise], noise, another);
      expect(displacedParts(lower, other)).toBeUndefined();
    }
    const small = [60, 300] as const;
    expect(
      displacedParts(drawSection(small, [0, 0], 1), drawSection(small, folded(10, 150), 2)),
    ).toBeUndefined();
  });
});
