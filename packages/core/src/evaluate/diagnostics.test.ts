import { describe, expect, it } from 'vitest';
import { ndarray } from '../volume/array.ts';
import type { LabelSource } from '../volume/contracts.ts';
import { ContingencyTable } from './contingency.ts';
import { countCorrections } from './corrections.ts';
import { costliestErrors } from './costly-errors.ts';
import { countPairs } from './evaluate.ts';
import { scoreLinks } from './link-scores.ts';
import { majorityOf, scorePerfectFragments, scorePerfectLinks } from './oracles.ts';
import { scoreTable } from './scores.ts';

/** Sections written as rows of digits. */
function volume(...sections: string[][]): LabelSource {
  const [height, width] = [sections[0].length, sections[0][0].length];
  return {
    info: {
      shape: [sections.length, height, width],
      voxelSizeNm: undefined,
      dtype: 'uint32',
      format: 'memory',
      location: 'memory',
      notes: [],
    },
    read: async (z) => ndarray(Uint32Array.from(sections[z].join(''), Number), [height, width]),
    close: async () => {},
  };
}

const truth = volume(['1122', '1122'], ['1122', '1122']);

describe('perfect links', () => {
  it('mends fragments that were never linked', async () => {
    const fragments = volume(['1122', '1122'], ['3344', '3344']);
    expect(scorePerfectLinks(await countPairs({ segmentation: fragments, truth })).voi).toBeCloseTo(0, 12);
  });

  it('cannot mend a fragment that reaches over a boundary', async () => {
    const fragments = volume(['1112', '1122'], ['3344', '3344']);
    const scores = scorePerfectLinks(await countPairs({ segmentation: fragments, truth }));
    // Truth 1: 8 voxels as object 1; truth 2: 7 as object 2 and 1 as object 1.
    const entropy = (...parts: number[]) => -parts.reduce((sum, p) => sum + p * Math.log2(p), 0);
    expect(scores.voi_split).toBeCloseTo(0.5 * entropy(1 / 8, 7 / 8), 12);
    expect(scores.voi_merge).toBeCloseTo((9 / 16) * entropy(1 / 9, 8 / 9), 12);
  });

  it('leaves background as it is', async () => {
    const fragments = volume(['1102', '1102'], ['3304', '3304']);
    const scores = scorePerfectLinks(await countPairs({ segmentation: fragments, truth }));
    expect(scores.segments).toBe(3);
    expect(scores.voi_split).toBeCloseTo(0.5, 12);
  });

  it('takes the lower id on a tie, in both directions', () => {
    const table = new ContingencyTable();
    table.addPair(1, 9, 5);
    table.addPair(1, 4, 5);
    table.addPair(2, 4, 5);
    expect(majorityOf(table)).toEqual(
      new Map([
        [1, 4],
        [2, 4],
      ]),
    );
    expect(majorityOf(table, 'truth')).toEqual(
      new Map([
        [9, 1],
        [4, 1],
      ]),
    );
  });
});

describe('perfect fragments', () => {
  it('mends 2D boundaries and keeps wrong links', async () => {
    const ragged = volume(['1112', '1122'], ['1122', '1122']);
    expect((await scorePerfectFragments({ segmentation: ragged, truth })).voi).toBeCloseTo(0, 12);
    const crossed = volume(['1112', '1122'], ['2211', '2211']);
    expect((await scorePerfectFragments({ segmentation: crossed, truth })).voi).toBeCloseTo(2, 12);
  });

  it('counts a profile that is mostly background as background', async () => {
    const holes = volume(['0022', '0022'], ['1122', '1122']);
    expect((await scorePerfectFragments({ segmentation: holes, truth })).segments).toBe(3);
  });
});

describe('link scores', () => {
  it('counts right, wrong and missed pairs of overlapping profiles', async () => {
    expect(await scoreLinks({ segmentation: truth, truth })).toEqual({
      precision: 1,
      recall: 1,
      f1: 1,
      right: 2,
      wrong: 0,
      missed: 0,
    });
    // Crossed: the true pairs (1-1, 2-2) get different neurons and, not overlapping, the same ids don't count.
    const crossed = volume(['1122', '1122'], ['2211', '2211']);
    expect(await scoreLinks({ segmentation: crossed, truth })).toMatchObject({
      right: 0,
      wrong: 0,
      missed: 2,
    });
  });

  it('charges a link over a boundary', async () => {
    const shifted = volume(['1122', '1122'], ['1222', '1222']);
    // Pairs: 1-1 right, 1-2 not predicted and not true, 2-2 right. Truth by majority.
    expect(await scoreLinks({ segmentation: shifted, truth })).toMatchObject({
      right: 2,
      wrong: 0,
      missed: 0,
    });
    const merged = volume(['1111', '1111'], ['1122', '1122']);
    const scores = await scoreLinks({
      segmentation: merged,
      truth: volume(['1112', '1112'], ['1112', '1122']),
    });
    expect(scores).toMatchObject({ right: 1, wrong: 0, missed: 0 });
  });

  it('uses given fragments, so that one neuron with two profiles makes two pairs', async () => {
    const neurons = volume(['1111', '1111'], ['1111', '1111']);
    const fragments = volume(['1122', '1122'], ['3344', '3344']);
    const scores = await scoreLinks({ segmentation: neurons, truth, fragments });
    expect(scores).toMatchObject({ right: 2, wrong: 0, missed: 0 });
    const sheared = volume(['1122', '1122'], ['3444', '3444']);
    const wrong = await scoreLinks({ segmentation: neurons, truth, fragments: sheared });
    expect(wrong).toMatchObject({ right: 2, wrong: 1, missed: 0 });
    expect(wrong.precision).toBeCloseTo(2 / 3, 12);
    expect(wrong.f1).toBeCloseTo(0.8, 12);
  });

  it('leaves out profiles without truth', async () => {
    const partly = volume(['1100', '1100'], ['1122', '1122']);
    expect(await scoreLinks({ segmentation: truth, truth: partly })).toMatchObject({ right: 1, missed: 0 });
  });
});

describe('costliest errors', () => {
  it('shares VOI out over the objects, costliest first', async () => {
    const seg = volume(['1111', '1122'], ['3311', '3322']);
    const table = await countPairs({ segmentation: seg, truth });
    const { merges, splits } = costliestErrors(table);
    const total = (errors: readonly { bits: number }[]) => errors.reduce((sum, error) => sum + error.bits, 0);
    const scores = scoreTable(table);
    expect(total(merges)).toBeCloseTo(scores.voi_merge, 12);
    expect(total(splits)).toBeCloseTo(scores.voi_split, 12);
    expect(merges.map((error) => error.id)).toEqual([1]);
    expect(merges[0].parts).toEqual([
      { id: 1, voxels: 4 },
      { id: 2, voxels: 4 },
    ]);
    expect(splits.length).toBe(2);
    expect(costliestErrors(table, 1).splits.length).toBe(1);
  });

  it('is empty for a perfect segmentation', async () => {
    expect(costliestErrors(await countPairs({ segmentation: truth, truth }))).toEqual({
      merges: [],
      splits: [],
    });
  });
});

describe('corrections', () => {
  it('counts cuts and joins, crumbs and background aside', () => {
    const table = new ContingencyTable();
    // segment 1 holds three neurons; neuron 7 lies in three segments, in a crumb, and in the background
    for (const [segment, neuron, voxels] of [
      [1, 7, 100],
      [1, 8, 10],
      [1, 9, 10],
      [2, 7, 10],
      [3, 7, 50],
      [4, 7, 9],
      [4, 8, 9],
      [0, 7, 500],
      [0, 8, 500],
    ]) {
      table.addPair(segment, neuron, voxels);
    }
    const found = { merges: 2, splits: 2, mergingSegments: 1, splitNeurons: 1 };
    expect(countCorrections(table, 10)).toEqual({ ...found, leastSharedVoxels: 10 });
    expect(countCorrections(table, 9)).toMatchObject({ merges: 3, splits: 4, splitNeurons: 2 });
    expect(countCorrections(table)).toMatchObject({ merges: 0, splits: 0, leastSharedVoxels: 1000 });
  });
});
