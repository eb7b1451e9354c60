import { describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate/index.ts';
import { SKIP } from '../graph/edge-list.ts';
import { profileTable } from '../link/section-view.ts';
import { runPipeline } from '../pipeline.ts';
import { ndarray } from '../volume/array.ts';
import { holeBetween, seenThroughHoles, viewWithin } from './holes.ts';
import { createMemoryStore } from './memory-store.ts';
import { shiftedBy } from './move.ts';
import { cellStack, sourceOf } from './testing/cells.ts';
import { crudePredictor } from './testing/crude-predictor.ts';
import { asSource, crudeLinker, whole } from './testing/results.ts';

describe('seenThroughHoles', () => {
  /** Squares of `SIDE` pixels of one value each, beside each other; `tissue` by squares. */
  const SIDE = 32;
  const section = (values: number[], tissue?: number[], side = SIDE) => {
    const pixels = (of: number[]) =>
      Array.from({ length: side * side * of.length }, (_, p) => of[Math.floor(p / side) % of.length]);
    return {
      image: ndarray(Float32Array.from(pixels(values)), [side, side * values.length]),
      tissue: tissue && Uint8Array.from(pixels(tissue)),
    };
  };
  const always = () => true;
  const seen = (sections: ReturnType<typeof section>[], near: (i: number, j: number) => boolean = always) =>
    seenThroughHoles(sections, near).map(({ data, shape }) => {
      const row = [...data.subarray(0, shape[1])];
      expect([...data]).toEqual(Array.from({ length: SIDE }, () => row).flat());
      return row.filter((_, x) => x % SIDE === 0);
    });

  it('shows pixel by pixel the sections that show something, as if the others were missing', () => {
    const first = section([1, 0, 0, 0], [1, 0, 0, 0]);
    const second = section([11, 12, 0, 0], [1, 1, 0, 0]);
    const third = section([21, 22, 23, 0], [1, 1, 1, 0]);
    expect(seen([first, second, third])).toEqual([
      [1, 12, 23, 0],
      [11, 22, 23, 0],
      [21, 22, 23, 0],
    ]);
    expect(seen([first, section([11, 12, 13, 14])])).toEqual([
      [1, 12, 13, 14],
      [11, 12, 13, 14],
    ]);
    expect(first.image).toEqual(section([1, 0, 0, 0]).image);
    expect(third.image).toEqual(section([21, 22, 23, 0]).image);
  });

  it('shows none together that are too far apart', () => {
    const near = (i: number, j: number) => j - i < 2;
    expect(seen([section([0, 2], [0, 1]), section([11, 12]), section([21, 22])], near)).toEqual([
      [0, 2],
      [11, 12],
      [21, 22],
    ]);
  });

  it('leaves the images themselves where no part is missing in some alone, or a strip', () => {
    const sections = [section([1, 0], [1, 0]), section([11, 0], [1, 0])];
    expect(seenThroughHoles(sections, always)[0]).toBe(sections[0].image);
    const narrow = [section([1, 0], [1, 0], 7), section([11, 12], undefined, 7)];
    expect(seenThroughHoles(narrow, always)[0]).toBe(narrow[0].image);
    expect(seenThroughHoles([section([1])], always)).toHaveLength(1);
    expect(seenThroughHoles([], always)).toEqual([]);
  });
});

describe('holeBetween', () => {
  const SIDE = 64;
  /** 1 but where `hole` says so. */
  const tissue = (hole: (x: number, y: number) => boolean): Uint8Array =>
    Uint8Array.from({ length: SIDE * SIDE }, (_, p) => (hole(p % SIDE, Math.floor(p / SIDE)) ? 0 : 1));
  const left = { tissue: tissue((x) => x < 48) };

  it('is where one of three sections shows nothing and the others do', () => {
    const lower = { tissue: tissue((_, y) => y >= 32) };
    const both = tissue((x, y) => x >= 48 || y >= 32);
    expect(holeBetween(lower, left, {}, SIDE)).toEqual({ part: both });
    expect(holeBetween({}, left, lower, SIDE)).toEqual({ part: both });
    expect(holeBetween(lower, {}, {}, SIDE)).toBeUndefined();
  });

  it('is told in the place of the upper section', () => {
    const shape = [SIDE, SIDE];
    const places = shiftedBy(shape, [0, 4]); // the upper one against the one between, and that one against the lower
    const found = holeBetween({}, { ...left, places }, { places }, SIDE);
    // what comes from outside the section between is no hole of it
    expect(found?.part).toEqual(tissue((x) => x >= 52 || x < 4));
    expect(found?.places?.data).toEqual(shiftedBy(shape, [0, 8]).data);
  });

  it('is nothing where that is a strip, or single pixels', () => {
    expect(holeBetween({}, { tissue: tissue((x) => x < 7) }, {}, SIDE)).toBeUndefined();
    expect(
      holeBetween({}, { tissue: tissue((x, y) => x < 50 && (x + y) % 2 === 0) }, {}, SIDE),
    ).toBeUndefined();
    expect(holeBetween({}, { tissue: tissue((x) => x < 16) }, {}, SIDE)).toBeDefined();
  });
});

describe('viewWithin', () => {
  it('keeps what lies in the part, and tells what it cut', () => {
    const labels = Uint32Array.of(0, 0, 0, 0, 0, 0, 1, 2, 2, 0, 0, 0, 0, 0, 0);
    const profiles = profileTable(labels, 3, 5, 2);
    const none = { count: 0, a: new Uint32Array(0), b: new Uint32Array(0) };
    const view = { labels, height: 3, width: 5, idOffset: 7, profiles, touching: none, pixelSide: 1 };
    const part = new Uint8Array(15).fill(1);
    part[8] = 0;
    const within = viewWithin(view, part);
    expect([...within.labels.subarray(5, 10)]).toEqual([0, 1, 2, 0, 0]);
    expect([...within.profiles.area]).toEqual([0, 1, 1]);
    expect([...within.profiles.cut]).toEqual([0, 0, 1]);
    expect([...view.labels]).toEqual([...labels]);
    expect([...profiles.cut]).toEqual([0, 0, 0]);
  });
});

describe('a section that shows nothing in one half', () => {
  const [DEPTH, SIDE] = [7, 160];
  const { sections, truth } = cellStack({ shape: [DEPTH, SIDE, SIDE], cells: 60 });
  const bad = new Map([
    [2, (x: number) => x < SIDE / 2],
    [4, (x: number) => x >= SIDE / 2],
  ]);
  const spoilt = <T extends Uint8Array | Uint32Array>(data: T, z: number): T =>
    data.map((value, p) => (bad.get(z)?.(p % SIDE) ? 0 : value)) as T;
  const images = sections.map(({ data }, z) => ndarray(spoilt(data as Uint8Array, z), [SIDE, SIDE]));
  const cells = truth.map(({ data }, z) => ndarray(spoilt(data, z), [SIDE, SIDE]));
  const source = sourceOf(images, [40, 10, 10]);
  const input = { source, predictor: crudePredictor({ contextSections: 2 }, true) };
  const linked = { ...input, linker: crudeLinker };

  it('is linked across there, and says so', async () => {
    const store = createMemoryStore();
    const { notes, edges } = await runPipeline(linked, store);
    expect(notes.join()).toMatch(/fill at the border of sections 2 and 4: .* linked across/);
    expect(edges.skip).toBeGreaterThan(20);
    const { kind = [], a = [], b = [] } = store.graph ?? {};
    const sectionOf = (id: number) => store.records.findLastIndex(({ idOffset }) => idOffset < id);
    const skipped = [...kind.keys()].filter((i) => kind[i] === SKIP);
    expect(new Set(skipped.map((i) => `${sectionOf(a[i])} ${sectionOf(b[i])}`))).toEqual(
      new Set(['1 3', '3 5']),
    );
    expect(store.segmentation[2].data[SIDE / 4]).toBe(0);
    const score = (segmentation: typeof cells) =>
      evaluate({ segmentation: asSource(segmentation), truth: asSource(cells) });
    const { arand } = await score(store.segmentation);
    expect(arand).toBeLessThan(0.1);
    const plain = createMemoryStore();
    const report = await runPipeline(input, plain);
    expect(report.notes.join()).toMatch(/nothing is linked across it/);
    expect((await score(plain.segmentation)).arand).toBeGreaterThan(2 * arand);
  });

  it('is linked across where sections lie beside each other', async () => {
    const MARGIN = 12;
    const wide = cellStack({ shape: [DEPTH, SIDE + MARGIN, SIDE + MARGIN], cells: 70 });
    const cropped = <T extends Uint8Array | Uint32Array>(data: T, z: number): T => {
      const [top, left] = [(7 * z) % MARGIN, (4 * z) % MARGIN];
      const out = data.slice(0, SIDE * SIDE) as T;
      for (let y = 0; y < SIDE; y++) {
        const from = (top + y) * (SIDE + MARGIN) + left;
        out.set(data.subarray(from, from + SIDE), y * SIDE);
      }
      return spoilt(out, z);
    };
    const place = ({ data }: { data: Uint8Array | Uint32Array }, z: number) => cropped(data, z);
    const crops = wide.sections.map((section, z) => ndarray(place(section as never, z), [SIDE, SIDE]));
    const labels = wide.truth.map((section, z) => ndarray(cropped(section.data, z), [SIDE, SIDE]));
    const aside = sourceOf(crops as typeof images, [40, 10, 10]);
    const scored = async (how: typeof input) => {
      const store = createMemoryStore();
      const { edges } = await runPipeline({ ...how, source: aside }, store);
      const { arand } = await evaluate({
        segmentation: asSource(store.segmentation),
        truth: asSource(labels),
      });
      return { skip: edges.skip, arand };
    };
    const [across, plain] = [await scored(linked), await scored(input)];
    expect(across.skip).toBeGreaterThan(20);
    expect(plain.skip).toBe(0);
    expect(across.arand).toBeLessThan(0.15);
    expect(plain.arand).toBeGreaterThan(1.5 * across.arand);
  });

  it.each([
    [
      'one section in sight',
      { ...linked, predictor: crudePredictor({ contextSections: 1 }, true) },
      /nothing is linked/,
    ],
    ['given fragments', { ...linked, fragments: asSource(cells) }, /given fragments stay as they are/],
  ])('is not linked across there, and says so: %s', async (_, changed, note) => {
    const { notes, edges } = await runPipeline(changed, createMemoryStore());
    expect(edges.skip).toBe(0);
    expect(notes.join()).toMatch(note);
  });

  it('gives the same result when a run is taken up again', async () => {
    const store = createMemoryStore();
    await runPipeline(linked, store);
    for (let done = 1; done < DEPTH; done++) {
      const records = store.records.slice(0, done);
      const half = createMemoryStore({ fragments: store.fragments.slice(0, done), records });
      await runPipeline(linked, half);
      expect(whole(half) === whole(store)).toBe(true);
    }
  });
});
