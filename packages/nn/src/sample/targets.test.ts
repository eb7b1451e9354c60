import { Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { connectedComponents } from './components.ts';
import type { LabelPatch } from './resample.ts';
import { balanceInPlace, classWeights, crossAffinity, planeAffinity, shrinkBorders } from './targets.ts';

const side = 21;
const margin = 4;
const size = side - 2 * margin;

function blocks(seed: number): LabelPatch {
  const random = new Random(seed);
  const coarse = Array.from({ length: 64 }, () => random.int(4));
  const ids = Uint32Array.from(
    { length: side * side },
    (_, i) => coarse[(Math.floor(i / side / 3) % 8) * 8 + (Math.floor((i % side) / 3) % 8)],
  );
  return { ids, known: Uint8Array.from({ length: side * side }, () => (random.chance(0.97) ? 1 : 0)), side };
}

describe('affinities', () => {
  it.each([
    [-1, 0],
    [0, 4],
    [3, -2],
  ] as const)('in the plane agree with the definition at offset %i, %i', (dy, dx) => {
    const patch = blocks(3);
    const components = connectedComponents(patch);
    const target = new Float32Array(size * size + 1);
    const weight = new Float32Array(size * size + 1);
    const counted = planeAffinity(target, weight, 1, patch, components, margin, [dy, dx]);
    let known = 0;
    let positive = 0;
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const p = (y + margin) * side + x + margin;
        const q = (y + dy + margin) * side + x + dx + margin;
        const same = patch.ids[p] !== 0 && components.ids[p] === components.ids[q];
        const profilesOfOne = !same && patch.ids[p] !== 0 && patch.ids[p] === patch.ids[q];
        const doubtful =
          profilesOfOne && components.open[components.ids[p]] * components.open[components.ids[q]] === 1;
        const seen = patch.known[p] === 1 && patch.known[q] === 1 && !doubtful;
        expect(target[1 + y * size + x]).toBe(same ? 1 : 0);
        expect(weight[1 + y * size + x]).toBe(seen ? 1 : 0);
        if (seen) known++;
        if (seen && same) positive++;
      }
    }
    expect(counted).toEqual({ known, positive });
    expect(weight[0] + target[0]).toBe(0);
  });

  it('does not ask for a link between closed profiles of one label, and masks the open ones', () => {
    const patch = {
      ids: new Uint32Array(side * side).fill(9),
      known: new Uint8Array(side * side).fill(1),
      side,
    };
    const paint = (x: number, y0: number, y1: number) => {
      for (let y = y0; y <= y1; y++) patch.ids[y * side + x] = 5;
    };
    paint(8, 8, 10);
    paint(11, 8, 10);
    const one = (): [number, number] => {
      const target = new Float32Array(size * size);
      const weight = new Float32Array(size * size);
      planeAffinity(target, weight, 0, patch, connectedComponents(patch), margin, [0, 3]);
      const at = (9 - margin) * size + 8 - margin;
      return [target[at], weight[at]];
    };
    expect(one()).toEqual([0, 1]);
    paint(8, 0, 8);
    expect(one()).toEqual([0, 1]);
    paint(11, 0, 8);
    expect(one()).toEqual([0, 0]);
  });

  it('across sections follow the 3D ids', () => {
    const patch = blocks(1);
    const next = blocks(2);
    const target = new Float32Array(size * size);
    const weight = new Float32Array(size * size);
    const { known, positive } = crossAffinity(target, weight, 0, patch, next, { margin });
    let sum = 0;
    for (let i = 0; i < target.length; i++) {
      const p = (Math.floor(i / size) + margin) * side + (i % size) + margin;
      expect(target[i]).toBe(patch.ids[p] !== 0 && patch.ids[p] === next.ids[p] ? 1 : 0);
      expect(weight[i]).toBe(patch.known[p] * next.known[p]);
      sum += weight[i];
    }
    expect(known).toBe(sum);
    expect(positive).toBeGreaterThan(0);
  });
});

describe('shrinkBorders', () => {
  it('empties pixels near another segment, not near label 0', () => {
    const ids = Int32Array.from({ length: 81 }, (_, i) => [1, 1, 1, 1, 2, 2, 2, 0, 0][i % 9]);
    const shrunk = (radius: number) =>
      Array.from(
        shrinkBorders(
          { ids, count: 2, area: Int32Array.of(18, 36, 27), open: new Uint8Array(3) },
          9,
          radius,
        ).ids.slice(36, 45),
      );
    expect(shrunk(1)).toEqual([1, 1, 1, 0, 0, 2, 2, 0, 0]);
    expect(shrunk(2)).toEqual([1, 1, 0, 0, 0, 0, 2, 0, 0]);
  });
});

describe('class weights', () => {
  it('give both classes equal say within the range', () => {
    expect(classWeights({ known: 100, positive: 80 }, [0.2, 5])).toEqual({
      positive: 100 / 160,
      negative: 2.5,
    });
    expect(classWeights({ known: 1000, positive: 999 }, [0.2, 5]).negative).toBe(5);
    expect(classWeights({ known: 1000, positive: 10 }, [0.6, 5]).negative).toBe(0.6);
    expect(classWeights({ known: 10, positive: 10 }, [0.2, 5])).toEqual({ positive: 1, negative: 1 });
    expect(classWeights({ known: 0, positive: 0 }, [0.2, 5])).toEqual({ positive: 1, negative: 1 });
  });

  it('are written where the mask is 1', () => {
    const weight = Float32Array.of(1, 1, 0, 1);
    balanceInPlace(Float32Array.of(0, 1, 1, 1), weight, 1, 3, { positive: 0.5, negative: 3 });
    expect(Array.from(weight)).toEqual([1, 0.5, 0, 0.5]);
  });
});
