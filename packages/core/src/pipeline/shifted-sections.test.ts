import { describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate/index.ts';
import { IN_PLANE } from '../graph/edge-list.ts';
import { COURSE_FEATURES } from '../link/course.ts';
import type { SectionPairs } from '../link/learned.ts';
import { GIVEN_FEATURES } from '../link/pair-features.ts';
import { runPipeline } from '../pipeline.ts';
import { ndarray } from '../volume/array.ts';
import type { LabelSection, RawSection } from '../volume/contracts.ts';
import { createMemoryStore } from './memory-store.ts';
import type { PipelineInput } from './start.ts';
import { cellStack, sourceOf } from './testing/cells.ts';
import { crudeBlockPredictor } from './testing/crude-block-predictor.ts';
import { crudePredictor } from './testing/crude-predictor.ts';
import { asSource, crudeLinker, whole } from './testing/results.ts';

describe('sections that are shifted against each other', () => {
  const SIDE = 200;
  const MARGIN = 20;
  /** Where each section lies, y and x: the third is shifted, the sixth again; the fourth is blank. */
  const PLACE = [
    [0, 6],
    [0, 6],
    [18, 2],
    [18, 2],
    [18, 2],
    [4, 14],
    [4, 14],
  ] as const;
  const BLANK = 3;
  const { sections, truth } = cellStack({
    shape: [PLACE.length, SIDE + MARGIN, SIDE + MARGIN],
    cells: 80,
  });
  const cropped = <T extends Uint8Array | Uint32Array>(data: T, z: number): T => {
    const out = data.slice(0, SIDE * SIDE) as T;
    for (let y = 0; y < SIDE; y++) {
      const from = (y + PLACE[z][0]) * (SIDE + MARGIN) + PLACE[z][1];
      out.set(data.subarray(from, from + SIDE), y * SIDE);
    }
    return z === BLANK ? (out.fill(0) as T) : out;
  };
  const images = sections.map(({ data }, z) => ndarray(cropped(data as Uint8Array, z), [SIDE, SIDE]));
  const cells = truth.map(({ data }, z) => ndarray(cropped(data, z), [SIDE, SIDE]));
  const source = sourceOf(images, [40, 10, 10]);

  it('are named', async () => {
    const report = await runPipeline({ source, predictor: crudePredictor() }, createMemoryStore());
    const warnings = report.notes.filter((note) => note.startsWith('warning'));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/section 2 is shifted against 1 by about 184 nm \(x 40, y -180\)/);
    expect(warnings[1]).toMatch(/section 5 is shifted against 4 by about 184 nm \(x -120, y 140\)/);
    expect(warnings[1]).toMatch(/compared as if in line/);
  });

  it('are named, and stay where they are, where a 3D network sees them', async () => {
    const report = await runPipeline({ source, predictor: crudeBlockPredictor() }, createMemoryStore());
    const warnings = report.notes.filter((note) => note.includes('is shifted'));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/links there are doubtful/);
  });

  const seen = (linked: boolean): Omit<PipelineInput, 'source'> =>
    linked
      ? { predictor: crudePredictor({ contextSections: 2 }, true), linker: crudeLinker }
      : { predictor: crudePredictor() };
  it.each([
    ['by overlap', seen(false)],
    ['by a linker, with repair', seen(true)],
    ['where fragments are given', { ...seen(true), fragments: asSource(cells) }],
    ['where there is no network', { fragments: asSource(cells) }],
  ] as const)('are linked as if they were not: %s', async (_, input) => {
    const store = createMemoryStore();
    await runPipeline({ source, ...input }, store);
    const scores = await evaluate({ segmentation: asSource(store.segmentation), truth: asSource(cells) });
    expect(scores.arand).toBeLessThan(0.1);
  });

  it('make no turn of a neurite that goes straight on', async () => {
    const turn = COURSE_FEATURES.indexOf('turn from the link before, nm');
    const trees = {
      features: COURSE_FEATURES.length,
      base: 0,
      depth: 1,
      leaf: [4, -4],
      threshold: [60],
      feature: [turn],
    };
    const classifier = { ...crudeLinker.cross, features: COURSE_FEATURES, trees };
    const given = {
      ...crudeLinker.cross,
      features: GIVEN_FEATURES,
      trees: { ...trees, features: GIVEN_FEATURES.length, base: 4, feature: [], threshold: [], leaf: [] },
    };
    const linker = { ...crudeLinker, given, course: classifier };
    const straight = async (images: readonly RawSection[], fragments: readonly LabelSection[]) => {
      const predictor = crudePredictor({ contextSections: 2 }, true);
      const store = createMemoryStore();
      const stack = sourceOf([...images], [40, 10, 10]);
      await runPipeline({ source: stack, predictor, linker, fragments: asSource([...fragments]) }, store);
      const { kind, area, probability } = store.graph ?? { kind: [], area: [], probability: [] };
      // of pairs that overlap by much: the same cells
      const same = [...probability].filter((_, i) => kind[i] !== IN_PLANE && area[i] > 200);
      return same.filter((p) => p > 0.5).length / same.length;
    };
    expect(await straight(sections, truth)).toBe(1);
    // cells at the border are cut; a fifth is straight where shifts are taken for turns
    expect(await straight(images, cells)).toBeGreaterThan(0.8);
  });

  it('are linked where pixels are of another size along either axis than the network’s', async () => {
    // every row twice, every column thrice
    const enlarged = images.map(({ data }) => {
      const out = new Uint8Array(2 * SIDE * 3 * SIDE);
      for (let p = 0; p < out.length; p++) {
        out[p] = data[Math.floor(p / (6 * SIDE)) * SIDE + Math.floor((p % (3 * SIDE)) / 3)];
      }
      return ndarray(out, [2 * SIDE, 3 * SIDE]);
    });
    const fine = sourceOf(enlarged, [40, 5, 10 / 3]);
    const scored = async (input: Omit<PipelineInput, 'source'>) => {
      const store = createMemoryStore();
      const report = await runPipeline({ source: fine, ...input }, store);
      expect(report.notes.join()).toMatch(/section 2 is shifted against 1 by about 184 nm/);
      const small = store.segmentation.map(({ data }) => {
        const at = (y: number, x: number) => data[(2 * y + 1) * 3 * SIDE + 3 * x + 1];
        return ndarray(
          Uint32Array.from({ length: SIDE * SIDE }, (_, p) => at(Math.floor(p / SIDE), p % SIDE)),
          [SIDE, SIDE],
        );
      });
      return (await evaluate({ segmentation: asSource(small), truth: asSource(cells) })).arand;
    };
    expect(await scored(seen(false))).toBeLessThan(0.12);
    expect(await scored(seen(true))).toBeLessThan(0.12);
  });

  it('give the same result when a run is taken up again', async () => {
    const store = createMemoryStore();
    await runPipeline({ source, ...seen(true) }, store);
    for (let done = 1; done < PLACE.length; done++) {
      const records = store.records.slice(0, done);
      const half = createMemoryStore({ fragments: store.fragments.slice(0, done), records });
      await runPipeline({ source, ...seen(true) }, half);
      expect(whole(half) === whole(store)).toBe(true);
    }
  });

  it('are told to whoever trains a linker with their labels in place', async () => {
    const found: SectionPairs[] = [];
    const onPairs = (pairs: SectionPairs) => void found.push(pairs);
    await runPipeline({ source, ...seen(true), onPairs }, createMemoryStore());
    const shifted = found.find(({ upperZ }) => upperZ === 2);
    const { data } = cells[1];
    const tally = new Map<string, number>();
    shifted?.lower.labels.forEach((id, p) => {
      tally.set(`${id} ${data[p]}`, (tally.get(`${id} ${data[p]}`) ?? 0) + 1);
    });
    const most = new Map<string, number>();
    for (const [key, count] of tally) {
      const [id] = key.split(' ');
      most.set(id, Math.max(count, most.get(id) ?? 0));
    }
    const pure = [...most.values()].reduce((sum, count) => sum + count, 0);
    expect(pure / data.length).toBeGreaterThan(0.9);
  });
});

describe('sections with a fold', () => {
  const [SIDE, MARGIN, DEPTH] = [256, 16, 6];
  const FOLDED = [2, 4];
  const FAR = 10;
  const { sections, truth } = cellStack({ shape: [DEPTH, SIDE + MARGIN, SIDE + 2 * MARGIN], cells: 120 });
  /** Of folded sections, either side of a line comes from further out, which hides what is between. */
  const cropped = <T extends Uint8Array | Uint32Array>(data: T, z: number): T => {
    const out = data.slice(0, SIDE * SIDE) as T;
    for (let p = 0; p < out.length; p++) {
      const [y, x] = [Math.floor(p / SIDE), p % SIDE];
      const by = FOLDED.includes(z) ? (x < SIDE / 2 + y / 4 ? -FAR : FAR) : 0;
      out[p] = data[(y + MARGIN / 2) * (SIDE + 2 * MARGIN) + MARGIN + x + by];
    }
    return out;
  };
  const images = sections.map(({ data }, z) => ndarray(cropped(data as Uint8Array, z), [SIDE, SIDE]));
  const cells = truth.map(({ data }, z) => ndarray(cropped(data, z), [SIDE, SIDE]));
  const source = sourceOf(images, [40, 10, 10]);
  const learned = { predictor: crudePredictor({ contextSections: 2 }, true), linker: crudeLinker };

  it.each([
    ['by overlap', 0.15, { predictor: crudePredictor() }],
    ['by a linker, with repair', 0.12, learned],
    ['where fragments are given', 0.03, { ...learned, fragments: asSource(cells) }],
    ['where there is no network', 0.03, { fragments: asSource(cells) }],
  ] as const)('are linked as if either side lay in line, and named: %s', async (_, most, input) => {
    const store = createMemoryStore();
    const { notes } = await runPipeline({ source, ...input }, store);
    const scores = await evaluate({ segmentation: asSource(store.segmentation), truth: asSource(cells) });
    expect(scores.arand).toBeLessThan(most);
    const named = notes.flatMap(
      (note) => /section (\d+) is shifted .* parts of it by up to 2\d\d nm otherwise/.exec(note)?.[1] ?? [],
    );
    expect(named).toEqual(['2', '3', '4', '5']);
  });

  it('give the same result when a run is taken up again', async () => {
    const store = createMemoryStore();
    const { notes } = await runPipeline({ source, ...learned }, store);
    for (let done = 1; done < DEPTH; done++) {
      const records = store.records.slice(0, done);
      const half = createMemoryStore({ fragments: store.fragments.slice(0, done), records });
      const again = await runPipeline({ source, ...learned }, half);
      expect(whole(half) === whole(store)).toBe(true);
      expect(again.notes).toEqual(notes);
    }
  });
});
