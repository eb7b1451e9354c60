import { Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { connectedComponents } from './components.ts';
import type { LabelPatch } from './resample.ts';

/** Flood fill in raster order: slow and plain. */
function reference(ids: Uint32Array, side: number): Int32Array {
  const out = new Int32Array(ids.length);
  let count = 0;
  for (let seed = 0; seed < ids.length; seed++) {
    if (ids[seed] === 0 || out[seed] !== 0) continue;
    out[seed] = ++count;
    const stack = [seed];
    while (stack.length > 0) {
      const i = stack.pop() as number;
      const x = i % side;
      const around = [x > 0 ? i - 1 : -1, x < side - 1 ? i + 1 : -1, i - side, i + side];
      for (const j of around) {
        if (j < 0 || j >= ids.length || ids[j] !== ids[i] || out[j] !== 0) continue;
        out[j] = count;
        stack.push(j);
      }
    }
  }
  return out;
}

function patch(ids: Uint32Array, side: number): LabelPatch {
  return { ids, known: new Uint8Array(ids.length).fill(1), side };
}

describe('connectedComponents', () => {
  it.each([1, 2, 7, 40])('agrees with a flood fill, side %i', (side) => {
    for (const kinds of [1, 2, 3, 6]) {
      const random = new Random(side, kinds);
      const ids = Uint32Array.from({ length: side * side }, () => random.int(kinds));
      const found = connectedComponents(patch(ids, side));
      expect(found.ids).toEqual(reference(ids, side));
      expect(found.count).toBe(found.ids.reduce((most, id) => Math.max(most, id), 0));
      const sizes = Array.from(
        { length: found.count + 1 },
        (_, id) => found.ids.filter((each) => each === id).length,
      );
      expect([...found.area]).toEqual(sizes);
    }
  });

  it('calls components open that reach the edge or pixels that are not known', () => {
    // A ring (1) at the edge, a closed square (2), and a square (3) beside an unknown pixel.
    const side = 9;
    const ids = new Uint32Array(side * side).fill(1);
    for (const y of [2, 3]) for (const x of [2, 3]) ids[y * side + x] = 2;
    for (const y of [5, 6]) for (const x of [5, 6]) ids[y * side + x] = 3;
    const labels = patch(ids, side);
    labels.known[7 * side + 6] = 0;
    const { ids: found, open } = connectedComponents(labels);
    expect(open[found[0]]).toBe(1);
    expect(open[found[2 * side + 2]]).toBe(0);
    expect(open[found[5 * side + 5]]).toBe(1);
  });
});
