/**
 * A training run on sampled batches: what every network here shares, whatever it learns. Batches are made ahead in
 * worker threads, the state is kept in checkpoints, and a run that was stopped goes on to the same numbers.
 */
import { type NdArray, ndarray, type Signal } from '@kyn/core';
import type { KynModel } from '../model/kyn-model.ts';
import type { Runtime } from '../runtime/session.ts';
import type { Batch } from '../sample/batch.ts';
import { packBlocks } from '../sample/pack-blocks.ts';
import { BatchQueue, type BatchQueueOptions } from '../sample/queue.ts';
import type { SampleSpec } from '../sample/spec.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import { decodeCheckpoint, encodeCheckpoint, type TrainRecord, type TrainState } from './checkpoint.ts';
import { checksum } from './checksum.ts';
import type { TrainStep } from './train-step.ts';
import { Diverged, type ScheduleOptions, scheduleUntil, train } from './trainer.ts';

/** @typeParam M the kind of model */
export interface TrainingRun<M = KynModel> {
  readonly signal?: Signal;
  readonly queue?: BatchQueueOptions;
  /** Ends the training early where its steps take longer than this. */
  readonly seconds?: number;
  /** A checkpoint to go on from. */
  readonly resume?: { readonly bytes: Uint8Array; readonly where: string };
  /** Steps between calls of `validate`, and of `onCheckpoint` at most. */
  readonly checkpointEvery: number;
  /** Where steps take long, `onCheckpoint` is called after so many seconds, at an entry of the history; default: two minutes. */
  readonly checkpointSeconds?: number;
  /** Steps between entries of the history. */
  readonly recordEvery: number;
  /** Told of every entry of the history, also of those before a resume. */
  onRecord?(record: TrainRecord): void;
  /** The first batch, of this run or after the resume, for a picture of what the network sees. */
  onFirstBatch?(batch: Batch): void;
  /** A picture for the report, as a data URL. */
  onPicture?(title: string, url: string): void;
  /** Judges the model so far; the figures join the history. */
  validate?(model: M): Promise<Readonly<Record<string, number>> | undefined>;
  /** The state so far, its history included: what a run can go on from; also where it is cancelled, or cannot be judged. */
  onCheckpoint?(bytes: Uint8Array): Promise<void>;
}

const CHECKPOINT_SECONDS = 120;

/** What is trained. */
export interface TrainingTask<M = KynModel> {
  readonly step: TrainStep;
  readonly spec: SampleSpec;
  readonly seed: number;
  readonly schedule: ScheduleOptions;
  /** Pixels along each axis that a pixel of the network's output stands for; default 1. */
  readonly stem?: number;
  /** All that decides the result, besides the schedule; a checkpoint with other settings is refused. */
  readonly settings: object;
  /** Where a run without a checkpoint begins. */
  start(): TrainState;
  /** The model so far, with the figures for its card. */
  model(state: TrainState, figures: Readonly<Record<string, number>>): M;
}

/**
 * A run whose schedule has a constant part may go on with another number of steps, or another end, as long as it is in it.
 * @throws KynError as `train`, and `usage` if a checkpoint belongs to other settings.
 */
export async function runTraining<M>(
  runtime: Runtime,
  volumes: readonly TrainingVolume[],
  task: TrainingTask<M>,
  run: TrainingRun<M>,
): Promise<{ model: M; history: readonly TrainRecord[] }> {
  const { step, spec, seed, schedule } = task;
  const described = volumes.map(({ raw, labels, ...rest }) => ({
    ...rest,
    shape: raw.shape,
    content: checksum(raw.data, labels.data),
  }));
  const settings = (until: number) => ({
    options: { ...task.settings, schedule: scheduleUntil(schedule, until) },
    volumes: described,
  });
  const state = run.resume ? decodeCheckpoint(run.resume.bytes, settings, run.resume.where) : task.start();
  const first = state.step + 1;
  const modelNow = (): M => {
    const validated = [...state.history].reverse().find((record) => 'validation' in record.values);
    return task.model(state, { step: state.step, ...(validated ?? state.history.at(-1))?.values });
  };
  const isCheckpoint = (t: number): boolean => t % run.checkpointEvery === 0 || t === schedule.steps;
  let kept = performance.now();
  const keep = async () => {
    kept = performance.now();
    await run.onCheckpoint?.(encodeCheckpoint(state, settings(state.step)));
  };
  const { checkpointSeconds = CHECKPOINT_SECONDS } = run;
  const isLong = (): boolean => performance.now() - kept >= 1000 * checkpointSeconds;
  const judge = async (t: number) => (isCheckpoint(t) ? run.validate?.(modelNow()) : undefined);
  const queue = new BatchQueue(volumes, spec, seed, run.queue);
  try {
    const last = state.history.at(-1);
    if (last && last.step === state.step && !('validation' in last.values)) {
      // stopped while it was judged
      const extra = await judge(state.step);
      if (extra) state.history.splice(-1, 1, { ...last, values: { ...last.values, ...extra } });
    }
    for (const record of state.history) run.onRecord?.(record);
    await train(runtime, step, state, {
      schedule,
      recordEvery: run.recordEvery,
      ...(run.seconds === undefined ? {} : { seconds: run.seconds }),
      ...(run.signal ? { signal: run.signal } : {}),
      ...(run.onRecord ? { onRecord: run.onRecord } : {}),
      async batch(t) {
        const made = await queue.next(t);
        if (t === first) run.onFirstBatch?.(made);
        return shaped(task.stem ? packBlocks(made, task.stem) : made, step);
      },
      async afterStep({ step: t }) {
        return judge(t);
      },
      async afterRecord({ step: t }) {
        if (isCheckpoint(t) || isLong()) await keep();
      },
    });
  } catch (error) {
    // what was trained is no worse for being stopped, or for a sample or a validation that failed
    const whole = !(error instanceof Diverged);
    if (whole && state.step >= first) await keep().catch(() => {}); // the first error is the one to tell
    throw error;
  } finally {
    await queue.close();
  }
  return { model: modelNow(), history: state.history };
}

/** A batch in the shapes that the step takes: of blocks, sections are an axis of their own. */
function shaped(batch: Batch, { input, output }: TrainStep) {
  const view = (data: Float32Array, shape: readonly number[]): NdArray<Float32Array> => ndarray(data, shape);
  return {
    input: view(batch.input, input),
    target: view(batch.target, output),
    weight: view(batch.weight, output),
  };
}
