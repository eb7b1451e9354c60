import { describe, expect, it } from 'vitest';
import { isKynError } from '../errors.ts';
import { evaluatePerSlice } from '../evaluate/index.ts';
import { CROSS, type EdgeColumns, SKIP } from '../graph/edge-list.ts';
import { runPipeline } from '../pipeline.ts';
import { REPAIR_DEFAULTS } from '../repair/repair.ts';
import { ndarray } from '../volume/array.ts';
import type { Predictor, RawSection } from '../volume/contracts.ts';
import { Random } from '../volume/random.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';
import { OVERLAP_DEFAULTS, PIPELINE_DEFAULTS } from './start.ts';
import { type CellOptions, cellStack, sourceOf } from './testing/cells.ts';
import { crudePredictor } from './testing/crude-predictor.ts';
import { asSource, crudeLinker, whole } from './testing/results.ts';

async function run(options: CellOptions, store = createMemoryStore()) {
  const cells = cellStack(options);
  const report = await runPipeline({ source: cells.source, predictor: crudePredictor() }, store);
  return { ...cells, store, report };
}

describe('runPipeline', () => {
  it('finds the cells of a small stack, and the same ones in every section', async () => {
    const { truth, store, report } = await run({ shape: [5, 120, 150] });
    const score = await evaluatePerSlice({
      segmentation: asSource(store.segmentation),
      truth: asSource(truth),
    });
    expect(score.mean.arand).toBeLessThan(0.08);
    expect(report.neurons).toBeLessThan(truth.length * 12);
    expect(report.edges.cross).toBeGreaterThan(report.neurons);
    // dense: every pixel belongs to a neuron
    expect(store.segmentation.every(({ data }) => data.every((id) => id > 0))).toBe(true);
    expect(store.neurons).toHaveLength(report.neurons);
    expect(store.preview).toHaveLength(3);
    expect(store.doubts?.length).toBeGreaterThan(0);
    expect(store.report).toBe(report);
  });

  it('numbers fragments uniquely over the volume, and assigns every one', async () => {
    const { store, report } = await run({ shape: [4, 60, 70] });
    const seen = new Set<number>();
    for (const { data } of store.fragments) {
      const ids = new Set(data);
      for (const id of ids) expect(seen.has(id)).toBe(false);
      for (const id of ids) seen.add(id);
    }
    expect(seen.size).toBe(report.fragments);
    expect(store.assignment).toHaveLength(report.fragments + 1);
    store.segmentation.forEach(({ data }, z) => {
      const expected = store.fragments[z].data.map((id) => store.assignment?.[id] ?? 0);
      expect(data.every((id, p) => id === expected[p])).toBe(true);
    });
  });

  it.each([
    [0, false, false],
    [1, false, false],
    [1, true, false],
    [1, true, true],
    [2, true, true],
  ])(
    'is deterministic and goes on where it stopped: %i neighbours, linker %s, repair %s',
    async (contextSections, linked, repaired) => {
      const depth = contextSections > 1 ? 9 : 5;
      const options = { shape: [depth, 60, 80] as const };
      const { source } = cellStack(options);
      const store = createMemoryStore();
      const linker = linked ? crudeLinker : undefined;
      const defaults = linked ? PIPELINE_DEFAULTS : OVERLAP_DEFAULTS;
      // as much as there is of it
      const eager = {
        ...REPAIR_DEFAULTS,
        minimumPixels: 1,
        leastAffinity: 0,
        leastShare: 0.3,
        mergeAbove: 0.1,
      };
      const chosen = { ...defaults, ...(repaired ? { repair: eager } : { repair: undefined }) };
      const runTo = (to: MemoryStore, predictor = crudePredictor({ contextSections }, linked)) =>
        runPipeline({ source, predictor, linker }, to, chosen);
      const report = await runTo(store);
      expect(report.repaired.split + report.repaired.merged > 0).toBe(repaired);
      const first = whole(store);
      const again = createMemoryStore();
      await runTo(again);
      expect(whole(again) === first).toBe(true);
      expect(whole((await run(options)).store) === first).toBe(contextSections === 0);
      for (const done of [1, 3, 5, depth]) {
        const records = store.records.slice(0, done);
        const half = createMemoryStore({ fragments: store.fragments.slice(0, done), records });
        const predictor = crudePredictor({ contextSections }, linked);
        await runTo(half, predictor);
        expect(whole(half) === first).toBe(true);
        if (done === depth) expect(predictor.tiles).toBe(0);
      }
    },
  );

  it('shows a network that asks for it some of the tissue first, wherever it begins', async () => {
    const { source } = cellStack({ shape: [7, 90, 110] });
    const shown: number[][] = [];
    const predictor: Predictor = {
      ...crudePredictor(),
      async prepare(tiles) {
        shown.push(...tiles.map(({ data, shape }) => [...shape, data.reduce((sum, v) => sum + v, 0)]));
      },
    };
    const store = createMemoryStore();
    await runPipeline({ source, predictor }, store);
    expect(shown.map((tile) => tile.slice(0, 4))).toEqual(Array(3).fill([1, 1, 64, 56]));
    const [records, fragments] = [store.records.slice(0, 5), store.fragments.slice(0, 5)];
    await runPipeline({ source, predictor }, createMemoryStore({ fragments, records }));
    expect(shown.slice(3)).toEqual(shown.slice(0, 3));
  });

  it('links by what the neighbour head and the linker say, and says the same across tiles', async () => {
    const { source, truth } = cellStack({ shape: [6, 90, 110] });
    const runWith = async (tileSize: number) => {
      const store = createMemoryStore();
      const predictor = crudePredictor({ tileSize, halo: 16, contextSections: 1 }, true);
      await runPipeline({ source, predictor, linker: crudeLinker }, store);
      return store;
    };
    const [whole, tiled] = [await runWith(112), await runWith(64)];
    expect(tiled.graph?.count).toBe(whole.graph?.count);
    const cross = (store: MemoryStore) => {
      const { kind, probability } = store.graph as EdgeColumns;
      return new Set([...probability].filter((_, i) => kind[i] === CROSS).map((p) => p.toFixed(4)));
    };
    const odds = (logit: number) => (1 / (1 + Math.exp(-logit))).toFixed(4);
    expect(cross(whole)).toEqual(new Set([odds(2), odds(-2)]));
    expect(cross(tiled)).toEqual(cross(whole));
    const scores = await evaluatePerSlice({
      segmentation: asSource(whole.segmentation),
      truth: asSource(truth),
    });
    expect(scores.mean.arand).toBeLessThan(0.3);
  });

  it.each([[[1, 64, 64]], [[3, 1, 1]], [[2, 1, 50]], [[2, 7, 3]], [[1, 1, 1]]] as const)(
    'takes a volume of %s',
    async (shape) => {
      const { store, report } = await run({ shape, cells: 3 });
      expect(store.segmentation).toHaveLength(shape[0]);
      expect(store.segmentation[0].shape).toEqual(shape.slice(1));
      expect(report.neurons).toBeGreaterThan(0);
      expect(store.segmentation[0].data.every((id) => id > 0)).toBe(true);
    },
  );

  it('finds a section that is noise, names it, and links across', async () => {
    const { sections } = cellStack({ shape: [7, 64, 80] });
    const random = new Random(1);
    sections[3] = ndarray(
      Uint8Array.from({ length: 64 * 80 }, () => random.int(256)),
      [64, 80],
    );
    const store = createMemoryStore();
    const source = sourceOf(sections, [40, 10, 10]);
    const report = await runPipeline({ source, predictor: crudePredictor({ contextSections: 1 }) }, store);
    expect(report.emptySections).toEqual([3]);
    expect(report.notes.join('\n')).toMatch(/section 3 hardly more than noise/);
    expect(report.edges.skip).toBeGreaterThan(0);
  });

  it('passes empty sections over, names them, and links across', async () => {
    const { sections } = cellStack({ shape: [6, 64, 80] });
    sections[2] = ndarray(new Uint8Array(64 * 80).fill(128), [64, 80]);
    sections[5] = ndarray(new Float32Array(64 * 80).fill(Number.NaN), [64, 80]) as RawSection;
    const store = createMemoryStore();
    const source = sourceOf(sections, [40, 10, 10]);
    const report = await runPipeline({ source, predictor: crudePredictor() }, store);
    expect(report.emptySections).toEqual([2, 5]);
    expect(report.notes.join('\n')).toMatch(/section 2 constant/);
    expect(report.notes.join('\n')).toMatch(/section 5 without any value/);
    expect(store.segmentation[2].data.every((id) => id === 0)).toBe(true);
    expect(report.edges.skip).toBeGreaterThan(0);
    const kinds = store.records.map(({ edges }) => new Set(edges.kind));
    expect(kinds[3].has(SKIP)).toBe(true);
    expect(kinds[3].has(CROSS)).toBe(false);
    expect(kinds[4].has(CROSS)).toBe(true);
  });

  it('links across sections whose numbers are missing, and says so', async () => {
    const { store, report } = await run({ shape: [3, 64, 64], info: { sectionPositions: [0, 1, 3] } });
    expect(store.records.map(({ edges }) => edges.kind.includes(SKIP))).toEqual([false, false, true]);
    expect(report.notes.join()).toMatch(/missing sections before section 2/);
  });

  it('refuses a volume of empty sections only', async () => {
    const sections = [ndarray(new Uint8Array(400).fill(9), [20, 20])];
    const done = runPipeline(
      { source: sourceOf(sections, undefined), predictor: crudePredictor() },
      createMemoryStore(),
    );
    await expect(done).rejects.toSatisfy((error) => isKynError(error) && error.code === 'content');
  });

  it('turns inverted contrast, and gives the same neurons', async () => {
    const shape = [3, 200, 200] as const;
    const upright = await run({ shape, cells: 40 });
    const sections = upright.sections.map(({ data, shape }) =>
      ndarray(
        (data as Uint8Array).map((grey) => 255 - grey),
        shape,
      ),
    );
    const store = createMemoryStore();
    const source = sourceOf(sections, [40, 10, 10]);
    const predictor = crudePredictor();
    const report = await runPipeline({ source, predictor }, store);
    expect(upright.report.contrastTurned).toBe(false);
    expect(report.contrastTurned).toBe(true);
    expect(report.notes.join()).toMatch(/contrast turned/);
    expect(report.neurons).toBe(upright.report.neurons);

    // what is said counts more than what is seen
    const said = (membranes: 'dark' | 'bright') =>
      runPipeline({ source, predictor }, createMemoryStore(), { ...OVERLAP_DEFAULTS, membranes });
    const [dark, bright] = [await said('dark'), await said('bright')];
    expect(dark.contrastTurned).toBe(false);
    expect(dark.notes.join()).toMatch(/look bright here, but are said to be dark/);
    expect([bright.contrastTurned, bright.neurons]).toEqual([true, report.neurons]);
    expect(bright.notes).toEqual(report.notes);
  });

  it('gives labels at full size where the pixels are finer than the network wants', async () => {
    const { store, report, truth } = await run({
      shape: [3, 131, 160],
      voxelSizeNm: [40, 5, 5],
      membrane: 5,
      cells: 15,
    });
    expect(report.resampledBy).toEqual([2, 2]);
    expect(store.segmentation[0].shape).toEqual([131, 160]);
    const score = await evaluatePerSlice({
      segmentation: asSource(store.segmentation),
      truth: asSource(truth),
    });
    expect(score.mean.arand).toBeLessThan(0.15);
    const areas = store.records[0].stats.area.reduce((sum, area) => sum + area, 0);
    expect(areas).toBe(131 * 160);
  });

  it('gives labels at full size where the pixels are coarser, without empty fragments', async () => {
    const { store, report } = await run({ shape: [2, 60, 61], voxelSizeNm: [40, 25, 25], membrane: 1.5 });
    expect(report.resampledBy?.[0]).toBeCloseTo(0.4);
    for (const { stats } of store.records) expect(stats.area.slice(1).every((area) => area > 0)).toBe(true);
  });

  it('assumes the model’s voxel size where none is known, in a note', async () => {
    const { sections } = cellStack({ shape: [2, 40, 40] });
    const source = sourceOf(sections, undefined);
    const report = await runPipeline({ source, predictor: crudePredictor() }, createMemoryStore());
    expect(report.voxelSizeNm).toEqual([40, 10, 10]);
    expect(report.notes.join()).toMatch(/voxel size not known.*10×10×40 nm/);
  });

  it('says where there is nothing to link', async () => {
    const { sections } = cellStack({ shape: [3, 64, 64] });
    const one = sections.slice(1, 2);
    const blank = sections.map((section, z) =>
      z === 1 ? section : ndarray(new Uint8Array(64 * 64).fill(90), [64, 64]),
    );
    for (const [stack, note] of [
      [one, /one section only: there is nothing to link/],
      [blank, /only section 1 has tissue: there is nothing to link/],
    ] as const) {
      const source = sourceOf(stack, [40, 10, 10]);
      const report = await runPipeline({ source, predictor: crudePredictor() }, createMemoryStore());
      expect(report.links).toBe('none');
      expect(report.notes.join()).toMatch(note);
      expect(report.edges.cross + report.edges.skip).toBe(0);
    }
    const source = sourceOf(sections, [40, 10, 10]);
    const report = await runPipeline({ source, predictor: crudePredictor() }, createMemoryStore());
    expect(report.links).toBe('overlap');
  });

  it('does not keep the sections of a long gap in memory', async () => {
    const depth = 24;
    const { sections } = cellStack({ shape: [depth, 60, 60] });
    for (let z = 3; z < depth; z++) sections[z] = ndarray(new Uint8Array(3600).fill(90), [60, 60]);
    const plain = sourceOf(sections, [40, 10, 10]);
    const store = createMemoryStore();
    let done = 0;
    const source = {
      ...plain,
      read(z: number) {
        if (z === depth - 1) done = store.records.length;
        return plain.read(z);
      },
    };
    const predictor = crudePredictor({ contextSections: 1 }, true);
    await runPipeline({ source, predictor, linker: crudeLinker }, store);
    expect(store.records).toHaveLength(depth);
    expect(done).toBeGreaterThan(depth - 12);
  });

  it('stops when told to, with no work left under way', async () => {
    const { source } = cellStack({ shape: [6, 40, 40] });
    const signal = { aborted: false };
    const store = createMemoryStore();
    const onProgress = () => {
      signal.aborted = true;
    };
    const done = runPipeline({ source, predictor: crudePredictor() }, store, undefined, {
      signal,
      onProgress,
    });
    await expect(done).rejects.toSatisfy((error) => isKynError(error) && error.code === 'cancelled');
    expect(store.report).toBeUndefined();
    expect(store.records.length).toBeLessThan(6);
  });
});
