import { describe, expect, it } from 'vitest';
import type { SectionState } from '../predict/normalise.ts';
import { ndarray } from '../volume/array.ts';
import { shiftedBy } from './move.ts';
import { withNeighbours } from './neighbourhood.ts';
import { sectionsInSight } from './sight.ts';

/** Sections whose image is their number; `x` is one without tissue. */
async function* stack(states: string, first = 0) {
  for (let z = first; z < states.length; z++) {
    const state: SectionState = states[z] === 'x' ? 'constant' : 'tissue';
    yield { z, state, image: ndarray(Float32Array.of(z), [1, 1]) };
  }
}

async function seen(states: string, contextSections: number, position = (z: number) => z) {
  const all: number[][] = [];
  for await (const each of withNeighbours(stack(states), contextSections, position)) {
    expect(each.section.z).toBe(all.length);
    all.push(each.seen.map(({ data }) => data[0]));
  }
  return all;
}

describe('withNeighbours', () => {
  it('gives each section alone where no context is wanted', async () => {
    expect(await seen('..x.', 0)).toEqual([[0], [1], [2], [3]]);
  });

  it('repeats the section where a neighbour is not there', async () => {
    expect(await seen('', 1)).toEqual([]);
    expect(await seen('.', 1)).toEqual([[0, 0, 0]]);
    expect(await seen('....', 1)).toEqual([
      [0, 0, 1],
      [0, 1, 2],
      [1, 2, 3],
      [2, 3, 3],
    ]);
  });

  it('gives two on either side, each within sight of the one nearer', async () => {
    expect(await seen('.....', 2)).toEqual([
      [0, 0, 0, 1, 2],
      [0, 0, 1, 2, 3],
      [0, 1, 2, 3, 4],
      [1, 2, 3, 4, 4],
      [2, 3, 4, 4, 4],
    ]);
    expect(await seen('..x..', 2)).toEqual([
      [0, 0, 0, 1, 3],
      [0, 0, 1, 3, 4],
      [2, 2, 2, 2, 2],
      [0, 1, 3, 4, 4],
      [1, 3, 4, 4, 4],
    ]);
    expect(await seen('...xx.', 2)).toEqual([
      [0, 0, 0, 1, 2],
      [0, 0, 1, 2, 2],
      [0, 1, 2, 2, 2],
      [3, 3, 3, 3, 3],
      [4, 4, 4, 4, 4],
      [5, 5, 5, 5, 5],
    ]);
    expect(await seen('....', 2, (z) => (z < 3 ? z : z + 3))).toEqual([
      [0, 0, 0, 1, 2],
      [0, 0, 1, 2, 2],
      [0, 1, 2, 2, 2],
      [3, 3, 3, 3, 3],
    ]);
  });

  it('is the same from any section on that has enough before it', async () => {
    for (const states of ['........', '..x.x.x..', '.x..xx...']) {
      const whole = await seen(states, 2);
      for (let z = 0; z < states.length; z++) {
        const first = Math.max(0, z - sectionsInSight(2));
        for await (const each of withNeighbours(stack(states, first), 2, (at) => at)) {
          if (each.section.z < z) continue;
          expect(each.seen.map(({ data }) => data[0])).toEqual(whole[each.section.z]);
        }
      }
    }
  });

  it('looks past one section without tissue, or one that is missing, and no further', async () => {
    expect(await seen('.x.', 1)).toEqual([
      [0, 0, 2],
      [1, 1, 1],
      [0, 2, 2],
    ]);
    expect(await seen('..xx.', 1)).toEqual([
      [0, 0, 1],
      [0, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
      [4, 4, 4],
    ]);
    expect(await seen('x.xxxx', 1)).toEqual([0, 1, 2, 3, 4, 5].map((z) => [z, z, z]));
    expect(await seen('...', 1, (z) => (z < 2 ? z : z + 1))).toEqual([
      [0, 0, 1],
      [0, 1, 2],
      [1, 2, 2],
    ]);
    expect(await seen('..', 1, (z) => 3 * z)).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });

  it('moves neighbours to where the section lies, step by step', async () => {
    // a mark at 2, 4, 4, 1 of ten pixels: shifted by 2, not, and by -3
    const marks = [2, 4, 4, 1];
    async function* shifted() {
      for (const [z, mark] of marks.entries()) {
        const image = ndarray(new Float32Array(10), [1, 10]);
        image.data[mark] = z + 1;
        const by = z > 0 ? mark - marks[z - 1] : 0;
        const places = by === 0 ? undefined : shiftedBy([1, 10], [0, by]);
        yield { z, state: 'tissue' as const, image, places };
      }
    }
    let z = 0;
    for await (const each of withNeighbours(shifted(), 2, (at) => at)) {
      const shown = each.seen.map(({ data }) => data[marks[z]]);
      const expected = [-2, -1, 0, 1, 2].map((d) => Math.min(4, Math.max(1, z + d + 1)));
      expect(shown).toEqual(expected);
      z++;
    }
    expect(z).toBe(4);
  });
});
