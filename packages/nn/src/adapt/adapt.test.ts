import { isKynError } from '@kyn/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type KynModel, MODEL_FORMAT } from '../model/kyn-model.ts';
import { nodeRuntime } from '../runtime/node.ts';
import type { Runtime } from '../runtime/session.ts';
import { ADAPT_DEFAULTS, adaptModel, isBetter } from './adapt.ts';
import { CLEAR, cellSections, painting, smallSegmenter } from './testing/square-cells.ts';

/** Membranes that hardly stand out. */
const FAINT = { membrane: 100, cell: 150, noise: 100 };

const quick = { ...ADAPT_DEFAULTS, steps: 60, rate: 1e-2, warmup: 5, size: 32, batch: 4 };

describe('adapting a model', () => {
  let runtime: Runtime;
  let model: KynModel;

  beforeAll(async () => {
    runtime = await nodeRuntime({ threads: 1 });
    model = await smallSegmenter(runtime, 60);
  });

  const adapt = (start: KynModel, options = quick, look = FAINT) =>
    adaptModel(
      runtime,
      {
        ...{ model: start, modelName: 'small', command: 'kyn adapt' },
        ...{ source: cellSections(look), painted: [painting(2)] },
      },
      options,
    );

  it('yields a better one for images of another look, with its figures and a picture', async () => {
    const { helped, model: adapted, before, after, sections, steps, links } = await adapt(model);
    expect(helped).toBe(true);
    expect(after.arand).toBeLessThan(before.arand / 2);
    expect(steps).toEqual({ check: 60, final: 60 });
    expect(links).toBeUndefined();
    const { description } = adapted;
    expect(description.format).toBe(MODEL_FORMAT);
    expect(description.segmenter).toEqual(model.description.segmenter);
    expect(description.card.figures.arand_after).toBe(after.arand);
    expect(description.card.data).toEqual(['made up', 'painted section 2.png']);
    expect(adapted.weights?.parameters).not.toEqual(model.weights?.parameters);
    const [{ profiles, picture }] = sections;
    expect(profiles).toBe(painting(2).count);
    expect(picture.after.shape).toEqual([64, 96]);
    expect(picture.heldBack).toEqual({ min: [0, 72], max: [64, 96] });
  });

  it('gives the same model again', async () => {
    const few = { ...quick, steps: 10 };
    const [a, b] = [await adapt(model, few), await adapt(model, few)];
    expect(b.after).toEqual(a.after);
    expect(b.model.weights).toEqual(a.model.weights);
  });

  it('keeps the model where it does not help', async () => {
    const {
      helped,
      model: kept,
      before,
      after,
      steps,
    } = await adapt(model, { ...quick, steps: 4, rate: 3 }, CLEAR);
    expect(after.cremi).toBeGreaterThanOrEqual(before.cremi);
    expect(helped).toBe(false);
    expect(kept).toBe(model);
    expect(steps).toEqual({ check: 4, final: undefined });
  });

  it('takes a model only where the score that decides falls by more than chance', () => {
    const scores = (arand: number, voi: number) => ({
      ...{ arand, voi, cremi: Math.sqrt(arand * voi) },
      ...{ voi_split: voi / 2, voi_merge: voi / 2, voxels: 1, segments: 1, truth: 1 },
    });
    const better = (after: [arand: number, voi: number]) =>
      isBetter({ before: scores(0.2, 1), after: scores(...after) }, ADAPT_DEFAULTS);
    expect(better([0.195, 1.01])).toBe(false); // a hair
    expect(better([0.19, 0.98])).toBe(false);
    expect(better([0.15, 1])).toBe(true);
    expect(better([0.2, 0.8])).toBe(true);
    const none = { before: scores(0, 0), after: scores(0, 0) };
    expect(isBetter(none, ADAPT_DEFAULTS)).toBe(false);
  });

  it('ends when the time is up, and without any time keeps the model', async () => {
    const { steps } = await adapt(model, { ...quick, steps: 1_000_000, seconds: 3 });
    expect(steps.check).toBeLessThan(1_000_000);
    const none = await adapt(model, { ...quick, seconds: 0 });
    expect(none.steps).toEqual({ check: 0, final: undefined });
    expect(none.model).toBe(model);
  });

  it('needs a model with weights of its network', async () => {
    const refusal = async (start: KynModel): Promise<string> => {
      const error = await adapt(start).catch((reason: unknown) => reason);
      if (!isKynError(error)) throw error;
      expect(error.code).toBe('model');
      return error.oneLine();
    };
    expect(await refusal({ ...model, weights: undefined })).toMatch(/small: the model holds no weights/);
    const few = { parameters: new Float32Array(3), statistics: new Float32Array(2) };
    expect(await refusal({ ...model, weights: few })).toMatch(
      /weights to start from are of another network: 3 and 2/,
    );
  });
});
