import { describe, expect, it } from 'vitest';
import { isKynError } from '../errors.ts';
import { ndarray } from '../volume/array.ts';
import type { LabelSection, LabelSource } from '../volume/contracts.ts';
import { labelProfiles } from '../volume/profiles.ts';
import { labelProfilesPlainly } from '../volume/profiles-reference.ts';
import { ContingencyTable } from './contingency.ts';
import { type CountMap, countPairsInPlace } from './contingency-reference.ts';
import { countPairs, evaluate, evaluatePerSlice } from './evaluate.ts';
import fixtures from './fixtures/scores.json' with { type: 'json' };
import { meanScores, scoreTable } from './scores.ts';

/** The volume that fixtures/make-scores.py calls `grid`. */
function grid(depth: number, height: number, width: number): LabelSection[] {
  return Array.from({ length: depth }, (_, z) => {
    const data = new Uint32Array(height * width);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const stripe = Math.floor((x + z) / 7) + 13 * Math.floor((y + 2 * z) / 5) + 29 * Math.floor(z / 4);
        data[y * width + x] = stripe % 61;
      }
    }
    return ndarray(data, [height, width]);
  });
}

const recipes: Record<string, (id: number, z: number, y: number, x: number, row: Uint32Array) => number> = {
  shift: (_id, _z, _y, x, row) => (x < 3 ? 0 : row[x - 3]),
  merge: (id) => (id === 0 ? 0 : Math.floor(id / 3) + 1),
  cut: (id, z, y, x) =>
    (x + y + z) % 17 === 0 ? 0 : (id * 64 + Math.floor(z / 8)) * 16 + (Math.floor(y / 64) % 16) + 1,
};

function changed(sections: readonly LabelSection[], recipe: string): LabelSection[] {
  return sections.map((section, z) => {
    const [height, width] = section.shape;
    const out = new Uint32Array(height * width);
    for (let y = 0; y < height; y++) {
      const row = section.data.subarray(y * width, (y + 1) * width);
      for (let x = 0; x < width; x++) out[y * width + x] = recipes[recipe](row[x], z, y, x, row);
    }
    return ndarray(out, [height, width]);
  });
}

function inMemory(sections: readonly LabelSection[], location = 'memory'): LabelSource {
  const [height, width] = sections[0].shape;
  return {
    info: {
      shape: [sections.length, height, width],
      voxelSizeNm: undefined,
      dtype: 'uint32',
      format: 'memory',
      location,
      notes: [],
    },
    read: async (z) => sections[z],
    close: async () => {},
  };
}

function randomSections(
  depth: number,
  height: number,
  width: number,
  ids: number,
  seed: number,
): LabelSection[] {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: depth }, () => {
    const data = new Uint32Array(height * width);
    for (let i = 0; i < data.length; i++)
      data[i] = next() < 0.6 && i > 0 ? data[i - 1] : Math.floor(next() * ids);
    return ndarray(data, [height, width]);
  });
}

describe('scores against the independent scorer', () => {
  for (const { volume, shape, recipe, scores, per_slice } of fixtures) {
    if (!volume.startsWith('grid-')) continue;
    it(`${volume} ${recipe}`, async () => {
      const truth = grid(shape[0], shape[1], shape[2]);
      const input = { segmentation: inMemory(changed(truth, recipe)), truth: inMemory(truth) };
      expectClose(await evaluate(input), scores);
      expectClose((await evaluatePerSlice(input)).mean, per_slice);
    });
  }
  it('has cases', () => expect(fixtures.filter((each) => each.volume.startsWith('grid-')).length).toBe(9));
});

function expectClose(actual: object, wanted: object): void {
  expect(Object.keys(actual)).toEqual(Object.keys(wanted));
  for (const [key, value] of Object.entries(wanted)) {
    const found = (actual as Record<string, number>)[key];
    expect(Math.abs(found - value), key).toBeLessThanOrEqual(1e-9);
  }
}

const shapes: [number, number][] = [
  [1, 1],
  [1, 17],
  [17, 1],
  [7, 5],
  [40, 33],
];

describe('contingency table', () => {
  it.each(shapes)('counts like the plain reference on %i×%i', (height, width) => {
    for (const ids of [1, 2, 5, 4000]) {
      const seg = randomSections(3, height, width, ids, 1 + ids);
      const gt = randomSections(3, height, width, ids, 99 + ids);
      const table = new ContingencyTable();
      const counts: CountMap = new Map();
      for (let z = 0; z < 3; z++) {
        table.add(seg[z], gt[z]);
        countPairsInPlace(counts, seg[z], gt[z]);
      }
      const found: CountMap = new Map();
      let voxels = 0;
      table.forEach((s, t, count) => {
        found.set(s, (found.get(s) ?? new Map()).set(t, count));
        voxels += count;
      });
      expect(found).toEqual(counts);
      expect(table.voxels).toBe(voxels);
    }
  });

  it('honours strides and mutates nothing', () => {
    const data = Uint32Array.from([1, 9, 2, 9, 3, 9, 4, 9]);
    const strided = { data, shape: [2, 2], stride: [4, 2] };
    const table = new ContingencyTable();
    table.add(strided, ndarray(Uint32Array.from([5, 5, 6, 6]), [2, 2]));
    const seen: number[][] = [];
    table.forEach((...triple) => {
      seen.push(triple);
    });
    expect(seen).toEqual([
      [1, 5, 1],
      [2, 5, 1],
      [3, 6, 1],
      [4, 6, 1],
    ]);
    expect([...data]).toEqual([1, 9, 2, 9, 3, 9, 4, 9]);
  });

  it('refuses sections of different size', () => {
    const table = new ContingencyTable();
    const add = () => table.add(ndarray(new Uint32Array(4), [2, 2]), ndarray(new Uint32Array(4), [1, 4]));
    expect(add).toThrow('section of 2×2 against truth of 1×4');
  });

  it('takes the highest id and the background of the segmentation as ids', () => {
    const table = new ContingencyTable();
    table.add(
      ndarray(Uint32Array.of(0, 2 ** 32 - 1), [1, 2]),
      ndarray(Uint32Array.of(2 ** 32 - 1, 1), [1, 2]),
    );
    expect(scoreTable(table)).toMatchObject({ segments: 2, truth: 2, voi: 0, arand: 0 });
  });
});

describe('profiles', () => {
  it.each(shapes)('number like the plain reference on %i×%i', (height, width) => {
    for (let seed = 1; seed <= 20; seed++) {
      const [section] = randomSections(1, height, width, 3, seed);
      expect(labelProfiles(section)).toEqual(labelProfilesPlainly(section));
    }
  });

  it('joins a spiral and keeps diagonal neighbours apart', () => {
    const spiral = Uint32Array.from('1111110000101110101010111110'.split('').map(Number));
    const section = ndarray(spiral, [4, 7]);
    expect(labelProfiles(section)).toEqual(labelProfilesPlainly(section));
    const diagonal = ndarray(Uint32Array.of(1, 0, 0, 1), [2, 2]);
    expect(labelProfiles(diagonal).count).toBe(2);
  });
});

describe('evaluate', () => {
  it('is 0 for a segmentation with other names and 1 bit for one cut in half', async () => {
    const truth = inMemory([ndarray(Uint32Array.of(7, 7, 7, 7), [2, 2])]);
    const same = inMemory([ndarray(Uint32Array.of(3, 3, 3, 3), [2, 2])]);
    const halves = inMemory([ndarray(Uint32Array.of(1, 1, 2, 2), [2, 2])]);
    expect(await evaluate({ segmentation: same, truth })).toMatchObject({ voi: 0, arand: 0, cremi: 0 });
    expect(await evaluate({ segmentation: halves, truth })).toMatchObject({ voi_split: 1, voi_merge: 0 });
    expect(await evaluate({ segmentation: truth, truth: halves })).toMatchObject({
      voi_split: 0,
      voi_merge: 1,
    });
  });

  it('does not charge a wrong link per slice', async () => {
    const truth = inMemory([ndarray(Uint32Array.of(1, 2), [1, 2]), ndarray(Uint32Array.of(1, 2), [1, 2])]);
    const crossed = inMemory([ndarray(Uint32Array.of(1, 2), [1, 2]), ndarray(Uint32Array.of(2, 1), [1, 2])]);
    expect((await evaluate({ segmentation: crossed, truth })).voi).toBe(2);
    expect((await evaluatePerSlice({ segmentation: crossed, truth })).mean.voi).toBe(0);
  });

  it('passes over sections without truth, and refuses a volume without any', async () => {
    const seg = inMemory([ndarray(Uint32Array.of(1, 2), [1, 2]), ndarray(Uint32Array.of(1, 2), [1, 2])]);
    const half = inMemory([ndarray(new Uint32Array(2), [1, 2]), ndarray(Uint32Array.of(1, 1), [1, 2])]);
    const { slices } = await evaluatePerSlice({ segmentation: seg, truth: half });
    expect(slices.map((slice) => slice.z)).toEqual([1]);
    const none = inMemory([ndarray(new Uint32Array(2), [1, 2]), ndarray(new Uint32Array(2), [1, 2])]);
    await expect(evaluate({ segmentation: seg, truth: none })).rejects.toSatisfy(isKynError);
    await expect(evaluatePerSlice({ segmentation: seg, truth: none })).rejects.toSatisfy(isKynError);
  });

  it('refuses volumes of different shape and stops when told to', async () => {
    const one = inMemory([ndarray(new Uint32Array(2), [1, 2])], 'one');
    const two = inMemory([ndarray(new Uint32Array(2), [1, 2]), ndarray(new Uint32Array(2), [1, 2])], 'two');
    await expect(evaluate({ segmentation: one, truth: two })).rejects.toMatchObject({
      code: 'shape',
      where: 'two',
    });
    const stopped = countPairs({ segmentation: two, truth: two }, { signal: { aborted: true } });
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    // what the first read says by then is not left unheard
    const failing = { ...two, read: () => Promise.reject(new Error('stopped')) };
    const early = countPairs({ segmentation: failing, truth: two }, { signal: { aborted: true } });
    await expect(early).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('averages every key', () => {
    const row = {
      voi_split: 1,
      voi_merge: 2,
      voi: 3,
      arand: 0.5,
      cremi: 1,
      voxels: 4,
      segments: 2,
      truth: 2,
    };
    const mean = meanScores([row, { ...row, voi: 5, voxels: 8 }]);
    expect(mean).toEqual({ ...row, voi: 4, voxels: 6 });
  });
});
