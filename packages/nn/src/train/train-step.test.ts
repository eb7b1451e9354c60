import { readFileSync } from 'node:fs';
import { type NdArray, ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import type { Network } from '../nets/segmenter.ts';
import { unet2d, unetFeatures } from '../nets/unet.ts';
import { nodeRuntime } from '../runtime/node.ts';
import { exportNetwork } from './export.ts';
import { buildTrainStep } from './train-step.ts';
import { freshState, learningRate, SCHEDULE_DEFAULTS, train } from './trainer.ts';

interface Stored {
  shape: number[];
  data: number[];
}
interface Fixture {
  widths: number[];
  affinities: number;
  descriptors: number;
  descriptorWeight: number;
  rate: number;
  weightDecay: number;
  /** Large, so that the first steps do not hang on the sign of gradients that are nearly 0. */
  epsilon: number;
  first: Stored;
  steps: { input: Stored; target: Stored; weight: Stored; loss: number; parameters: Stored }[];
  inference: { input: Stored; statistics: Stored; affinities: Stored };
}

const url = new URL('../../fixtures/train-step.json', import.meta.url);
const fixture: Fixture = JSON.parse(readFileSync(url, 'utf8'));
const { affinities, descriptors, descriptorWeight } = fixture;
const config = unet2d(fixture.widths, affinities + descriptors);
const network: Network = (layers, input) =>
  layers.head('head', unetFeatures(layers, config, input), config.outputs);
const step = buildTrainStep(network, {
  input: fixture.steps[0].input.shape,
  affinities,
  descriptors,
  descriptorWeight,
});
const toArray = ({ data, shape }: Stored): NdArray<Float32Array> => ndarray(Float32Array.from(data), shape);
const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));

const run = async (steps: number, state = freshState(step.layout, 1)) => {
  const runtime = await nodeRuntime({ threads: 1 });
  const { rate, weightDecay, epsilon } = fixture;
  const losses: number[] = [];
  await train(runtime, step, state, {
    schedule: { ...SCHEDULE_DEFAULTS, weightDecay, epsilon, steps },
    recordEvery: 1,
    rateAt: () => rate,
    batch: async (t) => {
      const { input, target, weight } = fixture.steps[(t - 1) % 3];
      return { input: toArray(input), target: toArray(target), weight: toArray(weight) };
    },
    onRecord: (record) => losses.push(record.values.loss),
  });
  return { state, losses };
};

describe('the training step', () => {
  it('does what PyTorch does: loss and weights after each of three AdamW steps', async () => {
    const state = freshState(step.layout, 1);
    state.parameters = Float32Array.from(fixture.first.data);
    expect(state.parameters.length).toBe(step.layout.parameterCount);
    for (let t = 1; t <= 3; t++) {
      const { losses } = await run(t, state);
      expect(losses.at(-1)).toBeCloseTo(fixture.steps[t - 1].loss, 4);
      expect(worst(state.parameters, fixture.steps[t - 1].parameters.data)).toBeLessThan(1e-5);
    }
  });

  it('gives the same numbers when interrupted and taken up again', async () => {
    const whole = await run(5);
    const half = await run(2);
    const rest = await run(5, half.state);
    expect(rest.state.parameters).toEqual(whole.state.parameters);
    expect(rest.state.average).toEqual(whole.state.average);
    expect(rest.state.statistics).toEqual(whole.state.statistics);
    expect(rest.losses).toEqual(whole.losses.slice(2));
  });

  it('stops with a clear word when the loss is not a number', async () => {
    const state = freshState(step.layout, 1);
    state.parameters[0] = Number.NaN;
    await expect(run(1, state)).rejects.toThrow(/loss is no longer a number at step 1/);
  });
});

describe('export', () => {
  it('folds batch norm: the plain graph gives what PyTorch gives in evaluation', async () => {
    const parameters = Float32Array.from(fixture.steps[2].parameters.data);
    const statistics = Float32Array.from(fixture.inference.statistics.data);
    const model = exportNetwork(network, step.layout, { parameters, statistics }, [1, 16, 8]);
    const session = await (await nodeRuntime({ threads: 1 })).load(model);
    const out = await session.run({ input: toArray(fixture.inference.input) });
    const { shape, data } = fixture.inference.affinities;
    expect(out.affinities.shape).toEqual([1, affinities + descriptors, ...shape.slice(2)]);
    // the descriptors, which PyTorch was not asked for, come last
    expect(worst(out.affinities.data.subarray(0, data.length), data)).toBeLessThan(1e-4);
    await session.release();
  });
});

describe('the learning rate', () => {
  it('rises over the warm-up and falls to a hundredth', () => {
    const options = { ...SCHEDULE_DEFAULTS, steps: 1000, warmup: 100, rate: 1 };
    expect(learningRate(options, 50)).toBeCloseTo(0.5);
    expect(learningRate(options, 100)).toBeCloseTo(1);
    expect(learningRate(options, 550)).toBeCloseTo(0.505);
    expect(learningRate(options, 1000)).toBeCloseTo(0.01);
  });
});
