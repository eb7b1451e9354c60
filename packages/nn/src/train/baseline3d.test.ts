import { isKynError, KynError, ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { type Baseline3dModel, decodeBaseline3d, encodeBaseline3d } from '../model/baseline3d-model.ts';
import { decodeModel } from '../model/kyn-model.ts';
import { nodeRuntime } from '../runtime/node.ts';
import { AUGMENT_DEFAULTS } from '../sample/augment-options.ts';
import { cellVolume } from '../sample/testing/cells.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import { BASELINE3D_DEFAULTS, type Baseline3dOptions, trainBaseline3d } from './baseline3d.ts';
import type { TrainRecord } from './checkpoint.ts';
import { learningRate, SCHEDULE_DEFAULTS, scheduleUntil } from './trainer.ts';
import type { TrainingRun } from './training-run.ts';

const volume = cellVolume([8, 50, 50], 12);
const card = { description: 'test', licence: 'none', data: ['cells'], command: 'none' };

const optionsOf = (steps: number): Baseline3dOptions => ({
  ...BASELINE3D_DEFAULTS,
  widths: [4, 6, 8],
  offsets: [
    [-1, 0],
    [0, -1],
  ],
  zReach: [1, 2],
  depth: 4,
  size: 24,
  augment: AUGMENT_DEFAULTS,
  schedule: { ...SCHEDULE_DEFAULTS, warmup: 2, steps, decay: 3 },
});

interface Trained {
  model: Baseline3dModel;
  history: readonly TrainRecord[];
  checkpoints: Map<number, Uint8Array>;
}

async function trained(
  steps: number,
  {
    resume,
    start,
    volumes = [volume],
    often,
    ...changes
  }: Partial<Baseline3dOptions> & {
    resume?: Uint8Array;
    start?: Baseline3dModel;
    volumes?: TrainingVolume[];
    /** Seconds between checkpoints, in place of steps. */
    often?: number;
  } = {},
): Promise<Trained> {
  const checkpoints = new Map<number, Uint8Array>();
  const run = {
    queue: { workers: 0 },
    ...(often === undefined ? { checkpointEvery: 1 } : { checkpointEvery: 100, checkpointSeconds: often }),
    recordEvery: 1,
    ...(resume ? { resume: { bytes: resume, where: 'checkpoint.bin' } } : {}),
    validate: async ({ description }: Baseline3dModel) => ({ judged: description.card.figures.step }),
    async onCheckpoint(bytes: Uint8Array) {
      checkpoints.set(checkpoints.size + 1, bytes);
    },
  };
  const runtime = await nodeRuntime({ threads: 1 });
  const options = { ...optionsOf(steps), ...changes };
  const { model, history } = await trainBaseline3d(runtime, volumes, options, 'tiny', card, run, start);
  return { model, history, checkpoints };
}

const losses = (history: readonly TrainRecord[]) =>
  history.map(({ step, values }) => [step, values.judged, values.loss]);

describe('training the 3D baseline', () => {
  it('keeps what it has done where steps take long, and goes on from there', async () => {
    const whole = await trained(3, { often: 0 });
    expect(whole.checkpoints.size).toBe(3);
    expect((await trained(3, { often: 1000 })).checkpoints.size).toBe(1);
    const again = await trained(3, { often: 1000, resume: whole.checkpoints.get(1) });
    expect(losses(again.history)).toEqual(losses(whole.history));
  });

  it('goes on after a stop to the same numbers, and to another length and end while the rate is constant', async () => {
    const whole = await trained(7);
    const again = await trained(7, { resume: whole.checkpoints.get(4) });
    expect(losses(again.history)).toEqual(losses(whole.history));
    expect(again.model.graph).toEqual(whole.model.graph);

    const longer = await trained(9);
    const lengthened = await trained(9, { resume: whole.checkpoints.get(4) });
    expect(losses(lengthened.history)).toEqual(losses(longer.history));
    expect(lengthened.model.graph).toEqual(longer.model.graph);

    const fallen = (decay: number) => ({ schedule: { ...optionsOf(9).schedule, decay } });
    const steeper = await trained(9, fallen(2));
    const shortened = await trained(9, { ...fallen(2), resume: whole.checkpoints.get(4) });
    expect(losses(shortened.history)).toEqual(losses(steeper.history));

    const begun = trained(7, {
      schedule: { ...optionsOf(7).schedule, decay: 5 },
      resume: whole.checkpoints.get(4),
    });
    expect(await begun.catch((error: unknown) => isKynError(error) && error.message)).toMatch(
      /other settings/,
    );
    const late = await trained(9, { resume: whole.checkpoints.get(5) }).catch((error: unknown) => error);
    expect(isKynError(late) && late.code).toBe('usage');
  });

  it('keeps nothing of numbers that went out of range', async () => {
    const options = optionsOf(9);
    const wild = { ...options, schedule: { ...options.schedule, rate: 1e30, warmup: 0 } };
    let kept = 0;
    const ended = trainBaseline3d(await nodeRuntime({ threads: 1 }), [volume], wild, 'tiny', card, {
      queue: { workers: 0 },
      checkpointEvery: 100,
      recordEvery: 1,
      onCheckpoint: async () => {
        kept++;
      },
    });
    await expect(ended).rejects.toThrow(/no longer a number/);
    expect(kept).toBe(0);
  });

  it('keeps what it has done where it is stopped, or cannot be judged, and makes up for that', async () => {
    const whole = await trained(5);
    const runtime = await nodeRuntime({ threads: 1 });
    const keptBy = async (code: string, run: Partial<TrainingRun<Baseline3dModel>>) => {
      const kept: Uint8Array[] = [];
      const ended = await trainBaseline3d(runtime, [volume], optionsOf(5), 'tiny', card, {
        queue: { workers: 0 },
        checkpointEvery: 100,
        recordEvery: 1,
        ...run,
        onCheckpoint: async (bytes) => {
          kept.push(bytes);
        },
      }).catch((error: unknown) => error);
      expect(isKynError(ended) && ended.code).toBe(code);
      expect(kept).toHaveLength(1);
      return kept[0];
    };
    const controller = new AbortController();
    const stopped = await keptBy('cancelled', {
      signal: controller.signal,
      onRecord: ({ step }) => {
        if (step === 3) controller.abort();
      },
    });
    const unjudged = await keptBy('content', {
      validate: () => Promise.reject(new KynError('content', 'no truth')),
    });
    for (const [resume, step] of [
      [stopped, 3],
      [unjudged, 5],
    ] as const) {
      expect(new TextDecoder().decode(resume.subarray(0, resume.indexOf(10)))).toContain(`"step":${step},`);
      const { history, model } = await trained(5, { resume });
      expect(losses(history).slice(step - 1)).toEqual(losses(whole.history).slice(step - 1));
      expect(model.graph).toEqual(whole.model.graph);
    }
  });

  it('refuses patches that its levels do not halve evenly', async () => {
    await expect(trained(1, { size: 26 })).rejects.toMatchObject({
      code: 'usage',
      message: 'patches of 26 pixels do not fit the network',
      hint: 'give a size that is a multiple of 4',
    });
  });

  it.each(['contested', 'moving'] as const)('weighs pixels by what hangs on them: %s', async (option) => {
    const [first] = (await trained(1, { [option]: 2 })).history;
    const [alike] = (await trained(1)).history;
    expect(first.values.loss).not.toBeCloseTo(alike.values.loss, 4);
  });

  it('learns, and makes a model file that runs on blocks of any size', async () => {
    const { model, history } = await trained(60);
    const mean = (from: number, to: number) =>
      history.slice(from, to).reduce((sum, { values }) => sum + values.loss, 0) / (to - from);
    expect(mean(50, 60)).toBeLessThan(0.9 * mean(0, 10));

    const bytes = encodeBaseline3d(model);
    expect(encodeBaseline3d(model)).toEqual(bytes);
    const back = decodeBaseline3d(bytes, 'b.kyn');
    expect(back.description).toEqual(model.description);
    expect(back.graph).toEqual(model.graph);
    expect(back.description.baseline3d).toMatchObject({
      zReach: [1, 2],
      tileMultiple: 4,
      network: { widths: [4, 6, 8] },
    });
    expect(back.description.card.figures).toMatchObject({ step: 60 });
    expect(() => decodeModel(bytes, 'b.kyn')).toThrow('segmenter.onnx');

    const session = await (await nodeRuntime({ threads: 1 })).load(back.graph);
    const input = ndarray(new Float32Array(2 * 3 * 12 * 8).fill(0.5), [2, 1, 3, 12, 8]);
    const { affinities } = await session.run({ input });
    expect(affinities.shape).toEqual([2, 4, 3, 12, 8]);
    expect(affinities.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    await session.release();
  });
});

describe('training on from a 3D model', () => {
  it('begins where its weights left off', async () => {
    const { model } = await trained(60);
    const [first] = (await trained(1, { start: model })).history;
    const [scratch] = (await trained(1)).history;
    expect(first.values.loss).toBeLessThan(0.9 * scratch.values.loss);
  });

  it('writes a blend of both weights, the trained state aside', async () => {
    const { model: start } = await trained(3);
    const [whole, half] = [await trained(4, { start }), await trained(4, { start, blend: 0.5 })];
    expect(losses(half.history).map(([, , loss]) => loss)).toEqual(
      losses(whole.history).map(([, , loss]) => loss),
    );
    for (const kind of ['parameters', 'statistics'] as const) {
      const [before, after, between] = [start, whole.model, half.model].map(
        ({ weights }) => weights?.[kind] ?? [],
      );
      expect(after).not.toEqual(before);
      const far = Math.max(
        ...Array.from(between, (value, i) => Math.abs(value - (before[i] + after[i]) / 2)),
      );
      expect(far).toBeLessThan(1e-6);
    }
  });

  it('refuses a blend that is no share', async () => {
    const error = await trained(1, { blend: 1.5 }).catch((reason: unknown) => reason);
    expect(isKynError(error) && [error.code, error.message]).toEqual([
      'usage',
      expect.stringMatching(/blend .* not 1.5/),
    ]);
  });

  it('can have more channels than the model that it starts from, and then says the same', async () => {
    const { model: start } = await trained(3);
    const slow = { schedule: { ...optionsOf(1).schedule, rate: 1e-9 } };
    const widths = start.description.baseline3d.network.widths.map((width) => width + 3);
    const [same, wide] = [await trained(1, { start, ...slow }), await trained(1, { start, widths, ...slow })];
    expect(wide.model.description.baseline3d.network.widths).toEqual(widths);
    expect(wide.history[0].values.loss).toBeCloseTo(same.history[0].values.loss, 4);
    const narrower = widths.map(() => 1);
    await expect(trained(1, { start, widths: narrower })).rejects.toThrow(/more channels/);
  });

  it('refuses a model without weights, and one of another shape', async () => {
    const { model } = await trained(1);
    const { weights: _, ...bare } = model;
    const refusal = (start: Baseline3dModel, zReach = [1, 2]) =>
      trained(1, { start, zReach }).catch(
        (error: unknown) => isKynError(error) && [error.code, error.message],
      );
    expect(await refusal(bare)).toEqual(['model', 'it carries no weights to start from']);
    expect(await refusal(model, [1, 2, 3])).toEqual(['model', 'its network has another shape']);
  });

  it('does not go on from a checkpoint of a run that started elsewhere, or from other volumes', async () => {
    const { model } = await trained(60);
    const { checkpoints } = await trained(2, { start: model });
    const resume = checkpoints.get(1);
    const refusal = (changes: Parameters<typeof trained>[1]) =>
      trained(2, { resume, ...changes }).catch((error: unknown) => isKynError(error) && error.message);
    expect(await refusal({})).toMatch(/other settings \(options.start/);
    expect(await refusal({ start: (await trained(1)).model })).toMatch(/other settings \(options.start/);
    const other = {
      ...volume,
      labels: ndarray(
        volume.labels.data.map((id) => id + 1),
        volume.labels.shape,
      ),
    };
    expect(await refusal({ start: model, volumes: [other] })).toMatch(/other settings \(volumes.0.content/);
    expect(await refusal({ start: model })).toHaveProperty('history');
  });

  it('keeps its weights in the file, which need not be read', async () => {
    const { model } = await trained(1);
    const bytes = encodeBaseline3d({ ...model, weights: undefined });
    expect(decodeBaseline3d(bytes, 'b.kyn').weights).toBeUndefined();
    const whole = encodeBaseline3d(model);
    expect(decodeBaseline3d(whole, 'b.kyn', { weights: false }).weights).toBeUndefined();
    const { weights } = decodeBaseline3d(whole, 'b.kyn');
    expect(weights?.statistics).toEqual(model.weights?.statistics);
    expect(weights?.parameters).toHaveLength(model.weights?.parameters.length ?? 0);
    const off = model.weights?.parameters.map((value, i) => Math.abs(value - (weights?.parameters[i] ?? 0)));
    expect(Math.max(...(off ?? [1]))).toBeLessThan(1e-3);
  });
});

describe('a schedule with a constant part', () => {
  const schedule = { ...SCHEDULE_DEFAULTS, rate: 1, warmup: 10, steps: 100, decay: 40 };

  it('warms up, stays, and falls at the end', () => {
    const at = (t: number) => learningRate(schedule, t);
    expect([at(5), at(10), at(60)]).toEqual([0.5, 1, 1]);
    expect(at(61)).toBeLessThan(1);
    expect(at(80)).toBeCloseTo(0.505, 6);
    expect(at(100)).toBeCloseTo(0.01, 6);
  });

  it('does not depend on its length before it falls', () => {
    const { steps: _, decay: __, ...rest } = schedule;
    expect(scheduleUntil(schedule, 60)).toEqual(rest);
    expect(scheduleUntil({ ...schedule, steps: 90, decay: 30 }, 60)).toEqual(rest);
    expect(scheduleUntil(schedule, 61)).toEqual(schedule);
    const { decay: ___, ...cosine } = schedule;
    expect(scheduleUntil(cosine, 5)).toEqual(cosine);
  });
});
