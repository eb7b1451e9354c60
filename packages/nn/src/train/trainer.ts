/**
 * The training loop: batches in, the step graph run by ONNX Runtime, weights out. Learning rate: linear warm-up,
 * then a cosine to nearly nothing (Loshchilov & Hutter 2017), or constant with the cosine at the end only (Hägele
 * 2024), for runs whose length is not known when they start. The same seed, settings and thread count give the same
 * numbers, also across an interruption.
 */
import { KynError, type NdArray, ndarray, type Signal, throwIfCancelled } from '@kyn/core';
import { initialWeights } from '../nets/initialise.ts';
import type { ParameterLayout, Weights } from '../nets/layers.ts';
import type { Runtime } from '../runtime/session.ts';
import type { TrainRecord, TrainState } from './checkpoint.ts';
import { ADAM, type TrainStep } from './train-step.ts';

export interface ScheduleOptions {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Highest learning rate. */
  readonly rate: number;
  /** Steps of the warm-up. */
  readonly warmup: number;
  /** Steps of the cosine, the last of the run; default: all after the warm-up. */
  readonly decay?: number;
  /** Adam's epsilon. */
  readonly epsilon: number;
  /** Decoupled weight decay per unit of learning rate. */
  readonly weightDecay: number;
  /** Share of the weight average kept a step (less at the start). */
  readonly averageKeep: number;
  /** Share of the running batch-norm statistics kept a step (less at the start). */
  readonly statisticsKeep: number;
}

export const SCHEDULE_DEFAULTS: ScheduleOptions = {
  steps: 6000,
  rate: 2e-3,
  warmup: 100,
  epsilon: 1e-8,
  weightDecay: 1e-2,
  averageKeep: 0.998,
  statisticsKeep: 0.99,
};

/** Learning rate at step `t` (from 1), of a run that is at least `spent` (0..1) of its way through. */
export function learningRate(options: ScheduleOptions, t: number, spent = 0): number {
  if (t < options.warmup) return (options.rate * t) / options.warmup;
  const from = decayStart(options);
  const share = (t - from) / Math.max(1, options.steps - from);
  return options.rate * (0.01 + 0.99 * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, Math.max(spent, share)))));
}

/** The last step at the highest rate. */
function decayStart({ steps, warmup, decay }: ScheduleOptions): number {
  return decay === undefined ? warmup : Math.max(warmup, steps - decay);
}

/** What of a schedule has decided the first `step` steps: neither its length nor its end, before its constant part ends. */
export function scheduleUntil(schedule: ScheduleOptions, step: number): Partial<ScheduleOptions> {
  const { steps: _, decay: __, ...rest } = schedule;
  return schedule.decay !== undefined && step <= decayStart(schedule) ? rest : schedule;
}

/** @throws KynError `usage` where a share of trained weights is none */
export function checkBlend(blend: number): void {
  if (blend >= 0 && blend <= 1) return;
  throw new KynError('usage', `blend is a share of the trained weights, 0 to 1, not ${blend}`);
}

/**
 * @param multiple of the network's extents along its axes
 * @throws KynError `usage` where patches of `size` pixels do not fit it
 */
export function checkSize(size: number, multiple: readonly number[]): void {
  const most = Math.max(...multiple);
  if (size % most === 0) return;
  throw new KynError('usage', `patches of ${size} pixels do not fit the network`, {
    hint: `give a size that is a multiple of ${most}`,
  });
}

/** A batch as the step graph takes it. */
export interface StepBatch {
  readonly input: NdArray<Float32Array>;
  readonly target: NdArray<Float32Array>;
  readonly weight: NdArray<Float32Array>;
}

export interface TrainerOptions {
  readonly schedule: ScheduleOptions;
  /** Learning rate at step t, from 1; default {@link learningRate} of the schedule. */
  readonly rateAt?: (t: number) => number;
  /** The run ends by then, with the learning rate brought down in time. Where the steps take less, nothing changes. */
  readonly seconds?: number;
  /** Batch of step t, a pure function of t. */
  readonly batch: (step: number) => Promise<StepBatch>;
  /** Steps between entries of the history. */
  readonly recordEvery: number;
  readonly signal?: Signal;
  onRecord?(record: TrainRecord): void;
  /** Called after every step; may await a validation, whose figures join the history. */
  afterStep?(state: TrainState): Promise<Readonly<Record<string, number>> | undefined>;
  /** Called after that, with the step's entry in the history. */
  afterRecord?(state: TrainState): Promise<void>;
}

/** The state before the first step, from random weights or from given ones, which are copied. */
export function freshState(layout: ParameterLayout, start: number | Weights): TrainState {
  const weights = typeof start === 'number' ? initialWeights(layout, start) : start;
  const parameters = weights.parameters.slice();
  return {
    step: 0,
    parameters,
    first: new Float32Array(parameters.length),
    second: new Float32Array(parameters.length),
    average: parameters.slice(),
    statistics: weights.statistics.slice(),
    history: [],
  };
}

/** The weights to export: averaged parameters, running statistics. */
export function averagedWeights(state: TrainState): Weights {
  return { parameters: state.average, statistics: state.statistics };
}

const scalar = (value: number): NdArray<Float32Array> => ndarray(Float32Array.of(value), []);

/** Steps may be behind time by this share of the run: the first ones take longer than the rest. */
const TOLERANCE = 0.05;

/** Exponential averages start as plain ones, so that the start value soon counts for nothing. */
const keepAt = (keep: number, t: number): number => Math.min(keep, t / (t + 10));

/** The numbers of a training went out of range: what it has come to is not worth keeping. */
export class Diverged extends KynError {}

/**
 * Trains until the schedule's last step, or until the time is up.
 * @param state where to start from; it is updated in place.
 * @throws KynError `content` if the loss is no longer a number; `cancelled` on the signal.
 */
export async function train(
  runtime: Runtime,
  step: TrainStep,
  state: TrainState,
  options: TrainerOptions,
): Promise<void> {
  const { schedule } = options;
  const session = await runtime.load(step.model, 'training step');
  const vector = (data: Float32Array): NdArray<Float32Array> => ndarray(data, [data.length]);
  const started = performance.now();
  const before = state.history.at(-1)?.seconds ?? 0;
  const elapsed = (): number => (performance.now() - started) / 1000;
  const allowed = Math.max(Number.MIN_VALUE, options.seconds ?? Number.POSITIVE_INFINITY);
  /** Share of the run that is over, where time runs out before the steps do. */
  const late = (t: number): number => {
    const spent = elapsed() / allowed;
    return spent > t / schedule.steps + TOLERANCE ? spent : 0;
  };
  try {
    while (state.step < schedule.steps && elapsed() < allowed) {
      throwIfCancelled(options.signal);
      const t = state.step + 1;
      const batch = await options.batch(t);
      const rate = options.rateAt ? options.rateAt(t) : learningRate(schedule, t, late(t));
      const start = Math.sqrt(1 - ADAM.beta2 ** t);
      const out = await session.run({
        ...batch,
        parameters: vector(state.parameters),
        first: vector(state.first),
        second: vector(state.second),
        average: vector(state.average),
        rate: scalar((rate * start) / (1 - ADAM.beta1 ** t)),
        epsilon: scalar(schedule.epsilon * start),
        decay: scalar(rate * schedule.weightDecay),
        keep: scalar(keepAt(schedule.averageKeep, t)),
      });
      const [loss, affinity, descriptor] = out.loss.data;
      if (!Number.isFinite(loss)) {
        throw new Diverged('content', `the loss is no longer a number at step ${t}`, {
          hint: 'lower the learning rate with --rate',
        });
      }
      state.parameters = out.parameters_next.data;
      state.first = out.first_next.data;
      state.second = out.second_next.data;
      state.average = out.average_next.data;
      const keep = keepAt(schedule.statisticsKeep, t);
      out.statistics.data.forEach((value, i) => {
        state.statistics[i] = keep * state.statistics[i] + (1 - keep) * value;
      });
      state.step = t;
      const values = { loss, affinity, descriptor, rate };
      const record = { step: t, seconds: before + elapsed(), values };
      const due = t % options.recordEvery === 0 || t === schedule.steps;
      if (due) state.history.push(record);
      const extra = await options.afterStep?.(state);
      if (extra) {
        if (due) state.history.pop();
        state.history.push({ ...record, seconds: before + elapsed(), values: { ...values, ...extra } });
      }
      const last = state.history.at(-1);
      if (last?.step === t) options.onRecord?.(last);
      await options.afterRecord?.(state);
    }
  } finally {
    await session.release();
  }
}
