import {
  createMemoryStore,
  elementCount,
  isKynError,
  ndarray,
  PIPELINE_DEFAULTS,
  runPipeline,
  type SectionPairs,
  type SectionSource,
} from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, type KynModel } from '../model/kyn-model.ts';
import { createPredictor } from '../model/predictor.ts';
import { segmenterLayout, segmenterShape } from '../nets/segmenter.ts';
import { widenContext } from '../nets/transfer-weights.ts';
import { nodeRuntime } from '../runtime/node.ts';
import { AUGMENT_NONE } from '../sample/augment-options.ts';
import { cellVolume } from '../sample/testing/cells.ts';
import { LINKER_DEFAULTS, type LinkerOptions, trainLinker } from './linker.ts';
import { SEGMENTER_DEFAULTS, trainSegmenter } from './segmenter.ts';
import { SCHEDULE_DEFAULTS } from './trainer.ts';

const schedule = { ...SCHEDULE_DEFAULTS, steps: 4, warmup: 1 };
const card = { description: 'test', licence: 'none', data: [], command: 'none' };
const volumes = [cellVolume([14, 64, 64], 30)];
const runtime = await nodeRuntime({ threads: 1 });
const quiet = { queue: { workers: 0 }, checkpointEvery: 100, recordEvery: 1 };

const options: LinkerOptions = { ...LINKER_DEFAULTS, size: 32, batch: 2, augment: AUGMENT_NONE, schedule };

const { model: base } = await trainSegmenter(
  runtime,
  volumes,
  { ...SEGMENTER_DEFAULTS, widths: [4, 6, 8], size: 32, batch: 2, augment: AUGMENT_NONE, schedule },
  'tiny',
  card,
  quiet,
);

const predictorOf = (model: KynModel) => createPredictor(runtime, encodeModel(model), 'tiny');

const image = ndarray(
  new Float32Array(3 * 32 * 48).map((_, i) => Math.sin(i)),
  [1, 3, 32, 48],
);

async function answers(model: KynModel) {
  const predictor = await predictorOf(model);
  const out = await predictor.predict(image);
  await predictor.close();
  return out;
}

const trained = (changes: Partial<LinkerOptions> = {}) =>
  trainLinker(runtime, volumes, base, { ...options, ...changes }, card, quiet);

describe('a segmenter that is trained to link', () => {
  it('says as much of its neighbours, a block at a time, as was asked', async () => {
    const { model, history } = await trained();
    expect(history).toHaveLength(4);
    const { affinities, cross } = await answers(model);
    expect(affinities.shape).toEqual([1, 8, 32, 48]);
    expect(cross?.shape).toEqual([1, 6, 16, 24]);
    expect(cross?.data.every((p) => p > 0 && p < 1)).toBe(true);
    expect((await answers(base)).cross).toBeUndefined();
    expect(model.description.card.linker?.figures.step).toBe(4);
    expect(decodeModel(encodeModel(model), 'm').description).toEqual(model.description);
  });

  it('keeps its affinities where its weights are frozen, and only there', async () => {
    const before = (await answers(base)).affinities.data;
    for (const transfer of ['frozen', 'tuned', 'scratch'] as const) {
      const after = (await answers((await trained({ transfer })).model)).affinities.data;
      const same = after.every((value, i) => Math.abs(value - before[i]) < 1e-5);
      expect(same).toBe(transfer === 'frozen');
    }
  });

  it('starts from what it was, unless from scratch', async () => {
    const slow = { ...schedule, rate: 1e-6 };
    const before = (await answers(base)).affinities.data;
    const off = async (transfer: LinkerOptions['transfer']) => {
      const { affinities } = await answers((await trained({ transfer, schedule: slow })).model);
      return Math.max(...affinities.data.map((value, i) => Math.abs(value - before[i])));
    };
    // a few steps of batch statistics move it a little
    expect(await off('tuned')).toBeLessThan(0.3 * (await off('scratch')));
  });

  it.each(['contested', 'moving'] as const)('weighs pixels by what hangs on them: %s', async (option) => {
    const first = async (value: number) =>
      (await trained({ contested: 0, moving: 0, [option]: value })).history[0].values;
    const [alike, weighed] = [await first(0), await first(2)];
    expect(weighed.affinity).not.toBeCloseTo(alike.affinity, 4);
    expect(weighed.descriptor).toBeCloseTo(alike.descriptor, 6);
  });

  it('goes on from a model that links already', async () => {
    const { model } = await trained();
    const slow = { ...schedule, rate: 1e-6 };
    const more = { ...card, data: ['b'], command: 'again' };
    const again = await trainLinker(runtime, volumes, model, { ...options, schedule: slow }, more, quiet);
    expect(again.model.description.card.linker).toMatchObject({ data: ['b'], command: 'none; then again' });
    const [before, after] = [(await answers(model)).cross, (await answers(again.model)).cross];
    const off = after?.data.map((value, i) => Math.abs(value - (before?.data[i] ?? 0))) ?? [1];
    expect(Math.max(...off)).toBeLessThan(0.05);
  });

  it('can keep a share of what it was, where there is such, by the same training', async () => {
    const whole = (await trained()).model.weights;
    const half = (await trained({ blend: 0.5 })).model.weights;
    const shape = { ...SEGMENTER_DEFAULTS, widths: [4, 6, 8] };
    const before = segmenterLayout(segmenterShape(shape));
    const { displacements } = LINKER_DEFAULTS;
    const after = segmenterLayout(segmenterShape({ ...shape, displacements }));
    if (!whole || !half || !base.weights) throw new Error('no weights');
    const start = base.weights.parameters;
    let moved = 0;
    for (const { name, offset, shape: extents } of after.parameters) {
      const old = before.parameters.find((piece) => piece.name === name)?.offset;
      for (let i = 0; i < elementCount(extents); i++) {
        const now = whole.parameters[offset + i];
        const expected = old === undefined ? now : (start[old + i] + now) / 2;
        expect(half.parameters[offset + i]).toBeCloseTo(expected, 6);
        if (expected !== now) moved++;
      }
    }
    expect(moved).toBeGreaterThan(100);
  });

  it('can be shown more sections than it has seen, not fewer', async () => {
    const slow = { ...schedule, rate: 1e-6 };
    const { model } = await trained({ contextSections: 2, schedule: slow });
    const { network, offsets, contextSections } = model.description.segmenter;
    expect(contextSections).toBe(2);
    const predictor = await predictorOf(model);
    const { cross } = await predictor.predict(ndarray(new Float32Array(5 * 32 * 48), [1, 5, 32, 48]));
    await predictor.close();
    expect(cross?.shape).toEqual([1, 6, 16, 24]);
    // what it has learned is there, with nothing added for what it has not seen
    if (!network || !base.weights || !model.weights) throw new Error('no weights');
    const seen = widenContext(
      segmenterShape({ ...network, offsets, contextSections: 1 }),
      base.weights,
      contextSections,
    );
    const first = segmenterLayout(segmenterShape({ ...network, offsets, contextSections })).parameters[0];
    const count = elementCount(first.shape);
    for (let i = 0; i < count; i++) {
      expect(model.weights.parameters[i]).toBeCloseTo(seen.parameters[i], 4);
    }
    await expect(trained({ contextSections: 0 })).rejects.toThrow(/on either side/);
  });

  it('can have more channels than the segmenter, and starts from what that has learned', async () => {
    const slow = { ...schedule, rate: 1e-6 };
    const [same, wide] = [
      await trained({ schedule: slow }),
      await trained({ schedule: slow, widths: [8, 8, 12] }),
    ];
    const { network, flopPerPixel } = wide.model.description.segmenter;
    expect(network?.widths).toEqual([8, 8, 12]);
    expect(flopPerPixel).toBeGreaterThan(same.model.description.segmenter.flopPerPixel);
    const [before, after] = [await answers(same.model), await answers(wide.model)];
    const off = after.affinities.data.map((value, i) => Math.abs(value - before.affinities.data[i]));
    expect(Math.max(...off)).toBeLessThan(0.05);
    await expect(trained({ widths: [2, 6, 8] })).rejects.toThrow(/more channels/);
    const { model } = await trained({ transfer: 'scratch', widths: [2, 6, 8] });
    expect(model.description.segmenter.network?.widths).toEqual([2, 6, 8]);
  });

  it('gives the pipeline pairs to learn from', async () => {
    const predictor = await predictorOf((await trained()).model);
    const { raw, voxelSizeNm } = volumes[0];
    const info = { dtype: 'uint8', format: '', location: '', notes: [] };
    const source: SectionSource = {
      info: { ...info, shape: [3, 64, 64], voxelSizeNm },
      read: async (z) => ndarray(raw.data.slice(z * 64 * 64, (z + 1) * 64 * 64), [64, 64]),
      close: async () => {},
    };
    const seen: number[][] = [];
    const onPairs = ({ lowerZ, upperZ, pairs }: SectionPairs) => {
      expect(pairs.features.every(Number.isFinite)).toBe(true);
      seen.push([lowerZ, upperZ]);
    };
    await runPipeline({ source, predictor, onPairs }, createMemoryStore(), PIPELINE_DEFAULTS);
    expect(seen).toEqual([
      [0, 1],
      [1, 2],
    ]);
    await predictor.close();
  });

  it('refuses a model that carries no weights', async () => {
    const { weights: _, ...bare } = base;
    const error = await trainLinker(runtime, volumes, bare, options, card, quiet).catch((reason) => reason);
    expect(isKynError(error) && error.code).toBe('model');
  });
});
