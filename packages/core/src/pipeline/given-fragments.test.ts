/** Fragments that are given instead of predicted: taken as they are, linked by classifiers of their own. */
import { describe, expect, it } from 'vitest';
import { evaluatePerSlice } from '../evaluate/index.ts';
import { CROSS, SKIP } from '../graph/edge-list.ts';
import { COURSE_FEATURES } from '../link/course.ts';
import { GIVEN_FEATURES } from '../link/pair-features.ts';
import { runPipeline } from '../pipeline.ts';
import { ndarray } from '../volume/array.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';
import type { PipelineInput } from './start.ts';
import { cellStack, sourceOf } from './testing/cells.ts';
import { crudePredictor } from './testing/crude-predictor.ts';
import { asSource, crudeLinker } from './testing/results.ts';

describe('given fragments', () => {
  it('mends given fragments only where that is asked for', async () => {
    const { source, truth } = cellStack({ shape: [5, 90, 110] });
    // in one section somebody took two cells that touch for one
    const own = truth[2].data;
    const a = own[45 * 110 + 55];
    const b = own.find((id, p) => id !== a && own[p - 1] === a);
    const drawn = truth.map((section, z) =>
      z === 2 ? { ...section, data: section.data.map((id) => (id === b ? a : id)) } : section,
    );
    const wrong = (store: MemoryStore): number => {
      const seen = new Map<number, Set<number>>();
      store.fragments[2].data.forEach((id, p) => {
        const cells = seen.get(id) ?? new Set();
        seen.set(id, cells.add(truth[2].data[p]));
      });
      return Math.max(...[...seen.values()].map((cells) => cells.size));
    };
    const runWith = async (mendFragments: boolean) => {
      const store = createMemoryStore();
      const predictor = crudePredictor({ contextSections: 1 }, true);
      const input = { source, predictor, linker: crudeLinker, fragments: asSource(drawn), mendFragments };
      return { store, report: await runPipeline(input, store) };
    };
    const kept = await runWith(false);
    expect(kept.report.repaired).toEqual({ split: 0, merged: 0 });
    expect(wrong(kept.store)).toBe(2);
    const mended = await runWith(true);
    expect(mended.report.repaired.split).toBe(1);
    const halves = new Map<number, Set<number>>();
    mended.store.fragments[2].data.forEach((id, p) => {
      const cell = truth[2].data[p];
      if (cell !== a && cell !== b) return;
      halves.set(id, (halves.get(id) ?? new Set()).add(cell));
    });
    expect(halves.size).toBeGreaterThan(1);
  });

  it('takes given fragments instead of predicting', async () => {
    const { source, truth } = cellStack({ shape: [4, 64, 64] });
    const store = createMemoryStore();
    const report = await runPipeline({ source, fragments: asSource(truth) }, store);
    // those that touch repel each other
    expect(report.edges.inPlane).toBeGreaterThan(0);
    const score = await evaluatePerSlice({
      segmentation: asSource(store.segmentation),
      truth: asSource(truth),
    });
    expect(score.mean.arand).toBe(0);
    const wrong = cellStack({ shape: [4, 64, 63] });
    const refused = runPipeline({ source: wrong.source, fragments: asSource(truth) }, createMemoryStore());
    await expect(refused).rejects.toThrow(/do not fit/);
  });

  it('asks the classifier of given fragments of them, and tells it how large they are', async () => {
    const { source, truth } = cellStack({ shape: [4, 64, 64] });
    const neuronsBy = async (feature: number) => {
      const { trees, ...rest } = crudeLinker.cross;
      const given = {
        ...rest,
        features: GIVEN_FEATURES,
        trees: { ...trees, features: GIVEN_FEATURES.length, feature: [feature], threshold: [1] },
      };
      const predictor = crudePredictor({ contextSections: 1 }, true);
      const input = { source, predictor, linker: { ...crudeLinker, given }, fragments: asSource(truth) };
      return (await runPipeline(input, createMemoryStore())).neurons;
    };
    const cells = new Set(truth.flatMap(({ data }) => [...data])).size;
    // profiles have more than two pixels in the mean, so that all pairs are likely; nothing overlaps by more than all
    expect(await neuronsBy(GIVEN_FEATURES.length - 1)).toBeLessThanOrEqual(cells);
    expect(await neuronsBy(GIVEN_FEATURES.indexOf('overlap over union'))).toBeGreaterThan(2 * cells);
  });

  it('judges links that the network has judged, of given fragments that stay as they are, by their course when all are known', async () => {
    const { sections, truth } = cellStack({ shape: [4, 64, 64] });
    const constant = (features: readonly string[], base: number) => ({
      ...crudeLinker.cross,
      features,
      trees: { features: features.length, base, depth: 1, feature: [], threshold: [], leaf: [] },
    });
    // between the second and the third lie two that are missing
    const source = sourceOf(sections, [40, 10, 10]);
    const gapped = { ...source, info: { ...source.info, sectionPositions: [0, 1, 4, 5] } };
    const run = async (input: Partial<PipelineInput>, course: number) => {
      const linker = {
        ...crudeLinker,
        given: constant(GIVEN_FEATURES, 3),
        course: constant(COURSE_FEATURES, course),
      };
      const store = createMemoryStore();
      const predictor = crudePredictor({ contextSections: 1 }, true);
      await runPipeline({ source, predictor, linker, ...input }, store);
      const { kind, probability } = store.graph ?? { kind: [], probability: [] };
      const of = (wanted: number) => [...probability].filter((_, i) => kind[i] === wanted);
      return { cross: of(CROSS), skip: of(SKIP) };
    };
    const given = { fragments: asSource(truth) };
    const isJudged = (p: number) => Math.abs(p - 1 / (1 + Math.exp(2))) < 1e-6;
    const judged = await run(given, -2);
    expect(judged.cross.length).toBeGreaterThan(0);
    expect(judged.cross.every(isJudged)).toBe(true);
    const withGap = await run({ ...given, source: gapped }, -2);
    expect(withGap.cross.length).toBeGreaterThan(0);
    expect(withGap.cross.every(isJudged)).toBe(true);
    expect(withGap.skip.length).toBeGreaterThan(0);
    expect(withGap.skip.some(isJudged)).toBe(false);
    for (const others of [{}, { ...given, mendFragments: true }]) {
      const own = await run(others, -2);
      expect(own.cross.length).toBeGreaterThan(0);
      expect(own).toEqual(await run(others, 2));
      // nor by the classifier of given ones
      expect(own.cross.some((p) => Math.abs(p - 1 / (1 + Math.exp(-3))) > 1e-3)).toBe(true);
    }
  });

  it('links across a section of which no fragments are given', async () => {
    const { source, truth } = cellStack({ shape: [5, 64, 64] });
    const drawn = truth.map((section, z) =>
      z === 2 ? { ...section, data: section.data.map(() => 0) } : section,
    );
    const store = createMemoryStore();
    const report = await runPipeline({ source, fragments: asSource(drawn) }, store);
    expect(report.notes.join()).toMatch(/no fragments are given in section 2: passed over/);
    expect(report).toMatchObject({ emptySections: [2] });
    expect(report.edges.skip).toBeGreaterThan(0);
    const ids = (z: number) => new Set(store.segmentation[z].data);
    expect([...ids(3)].some((id) => ids(1).has(id))).toBe(true);
    const nothing = asSource(truth.map((section) => ({ ...section, data: section.data.map(() => 0) })));
    await expect(runPipeline({ source, fragments: nothing }, createMemoryStore())).rejects.toThrow(
      /given fragments are 0 wherever there is tissue/,
    );
  });

  it('passes given fragments over where the section is blank', async () => {
    const { sections, truth } = cellStack({ shape: [5, 64, 64] });
    sections[2] = ndarray(new Uint8Array(64 * 64).fill(90), [64, 64]);
    const store = createMemoryStore();
    const report = await runPipeline(
      { source: sourceOf(sections, [40, 10, 10]), fragments: asSource(truth) },
      store,
    );
    expect(report.notes.join()).toMatch(/section 2 constant or blank: passed over, 0 in the output/);
    expect(store.segmentation[2].data.every((id) => id === 0)).toBe(true);
    const ids = (z: number) => new Set(store.segmentation[z].data);
    expect([...ids(3)].some((id) => ids(1).has(id))).toBe(true);
  });
});
