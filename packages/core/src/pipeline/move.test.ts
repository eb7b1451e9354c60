import { describe, expect, it } from 'vitest';
import { profileTable } from '../link/section-view.ts';
import { ndarray } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import {
  follow,
  inPixels,
  moreAlike,
  moveImage,
  moveLabels,
  moveView,
  NOWHERE,
  placesOf,
  reversed,
  shiftedBy,
} from './move.ts';
import { nextDoor } from './repair-sections.ts';
import { joinCross } from './seen-sections.ts';

/** 0, 1, 2, ... */
const counted = (length: number) => Float32Array.from({ length }, (_, i) => i);

describe('sections moved to lie as their neighbour does', () => {
  it('lose what leaves the frame, and have nothing where they had nothing', () => {
    const labels = Uint32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12); // 3 × 4
    const moved = (by: readonly [number, number]) => [...moveLabels(labels, shiftedBy([3, 4], by))];
    expect(moved([0, 0])).toEqual([...labels]);
    expect(moved([1, -1])).toEqual([0, 0, 0, 0, 2, 3, 4, 0, 6, 7, 8, 0]);
    expect(moved([-2, 3])).toEqual([0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
    for (const far of [
      [3, 0],
      [-3, 0],
      [0, 4],
      [0, -9],
    ] as const) {
      expect(Math.max(...moved(far))).toBe(0);
    }
  });

  it('show the section in the middle where they have nothing', () => {
    const [middle, other] = [ndarray(counted(6), [2, 3]), ndarray(counted(6).fill(9), [2, 3])];
    expect([...moveImage(other, shiftedBy([2, 3], [0, 2]), middle).data]).toEqual([0, 1, 9, 3, 4, 9]);
    expect([...middle.data]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('are measured where they lie', () => {
    const labels = Uint32Array.of(1, 1, 2, 1, 1, 2, 3, 3, 2); // 3 × 3
    const edges = { count: 0, a: new Uint32Array(0), b: new Uint32Array(0) };
    const profiles = profileTable(labels, 3, 3, 3);
    const view = { labels, height: 3, width: 3, idOffset: 7, profiles, touching: edges, pixelSide: 1 };
    const moved = moveView(view, shiftedBy([3, 3], [1, 1]));
    expect([...moved.labels]).toEqual([0, 0, 0, 0, 1, 1, 0, 1, 1]);
    expect([...moved.profiles.area]).toEqual([0, 4, 0, 0]);
    expect(moved.profiles.centroidY[1]).toBe(1.5);
    expect(view.profiles.area[2]).toBe(3);
  });

  it('are asked about their neighbour in its place', () => {
    const info = { displacements: [[0, 8]] as const, stride: 2 };
    const channels = (first: number) => {
      const data = new Float32Array(3 * 12); // before, after, displaced; 3 × 4 answers
      for (let c = 0; c < 3; c++) data.set(counted(12), c * 12);
      return ndarray(
        data.map((value, i) => value + first + 100 * Math.floor(i / 12)),
        [3, 3, 4],
      );
    };
    const both = joinCross(channels(0), channels(0), info, shiftedBy([6, 8], [2, -4]));
    // an answer moved by a row down and two columns left: that of one row up and two columns right
    const at = (c: number, row: number, column: number) => both.values.data[(c * 3 + row) * 4 + column];
    expect(at(0, 1, 0)).toBe((100 + 2 + 4) / 2);
    expect(at(0, 2, 1)).toBe((100 + 7 + 9) / 2);
    expect(at(1, 1, 0)).toBe(200 + 2);
    const still = joinCross(channels(0), channels(0), info);
    expect(still.values.data[4]).toBe((100 + 4 + 4) / 2);
  });

  it('are next door in the place of the section that is mended', () => {
    const labels = ndarray(
      Uint32Array.from({ length: 24 }, (_, i) => i + 1),
      [4, 6],
    );
    const edges = {
      count: 0,
      a: new Uint32Array(0),
      b: new Uint32Array(0),
      probability: new Float32Array(0),
    };
    const cross = { values: ndarray(counted(6), [1, 2, 3]), displacements: [[0, 0]] as const, stride: 2 };
    const step = { cross, places: shiftedBy([4, 6], [2, 0]) };
    const below = nextDoor(step, labels, edges, 'below');
    // moved to the section that is mended, whose place the answers are in
    expect([...(below?.labels ?? [])]).toEqual([...Array(12).fill(0), ...labels.data.slice(0, 12)]);
    expect([...(below?.affinity ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
    const above = nextDoor(step, labels, edges, 'above');
    // moved back, and the answers, which are in the place of the upper, with it
    expect([...(above?.labels ?? [])]).toEqual([...labels.data.slice(12), ...Array(12).fill(0)]);
    expect([...(above?.affinity ?? [])]).toEqual([3, 4, 5, 0, 0, 0]);
    expect(nextDoor({ cross: undefined, places: undefined }, labels, edges, 'above')).toBeUndefined();
  });
});

describe('places', () => {
  const shape = [4, 6];
  const [down, left] = [shiftedBy(shape, [1, 0]), shiftedBy(shape, [0, -2])];

  it('lead on', () => {
    expect(follow(down, left)?.data).toEqual(shiftedBy(shape, [1, -2]).data);
    expect(follow(down, shiftedBy(shape, [-1, 0]))?.data.filter((at) => at === NOWHERE)).toHaveLength(6);
  });

  it('lead on where one is in line', () => {
    expect(follow(undefined, left)).toBe(left);
    expect(follow(down, undefined)).toBe(down);
    expect(follow(undefined, undefined)).toBeUndefined();
  });

  it('lead back', () => {
    expect(reversed(down).data).toEqual(shiftedBy(shape, [-1, 0]).data);
    // two parts that overlap: what is hidden between them lies nowhere
    const folded = placesOf(shape, (y, x) => [y, x + (x < 3 ? -1 : 1)]);
    expect([...reversed(folded).data.slice(0, 6)]).toEqual([1, 2, NOWHERE, NOWHERE, 3, 4]);
  });

  it('are the same in larger and in smaller pixels', () => {
    expect(inPixels(shiftedBy([8, 12], [2, -4]), shape, [2, 2]).data).toEqual(shiftedBy(shape, [1, -2]).data);
    expect(inPixels(down, [8, 18], [1 / 2, 1 / 3]).data).toEqual(shiftedBy([8, 18], [2, 0]).data);
  });
});

describe('moreAlike', () => {
  it('heeds only what both sections show', () => {
    const [SIDE, BY] = [64, 4];
    const random = new Random(1);
    const lower = Float32Array.from({ length: SIDE * SIDE }, () => (random.float() < 0.5 ? -1 : 1));
    // moved by four columns; the left half shows nothing
    const upper = lower.map((_, p) => (p % SIDE < SIDE / 2 ? 0 : lower[p - BY]));
    const images = [lower, upper].map((data) => ndarray(data, [SIDE, SIDE]));
    expect(moreAlike(images[0], images[1], shiftedBy(images[1].shape, [0, BY]), 0.8)).toBe(true);
    expect(moreAlike(images[0], images[1], shiftedBy(images[1].shape, [0, -BY]), 0.1)).toBe(false);
  });
});
