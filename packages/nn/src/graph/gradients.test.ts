import { readFileSync } from 'node:fs';
import { type NdArray, ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { nodeRuntime } from '../runtime/node.ts';
import { gradients } from './autodiff.ts';
import { GraphBuilder, type Value } from './builder.ts';
import { addScaled, channels, crossEntropy, squaredError } from './loss.ts';
import {
  add,
  averagePool,
  batchNorm,
  concatChannels,
  conv,
  convTranspose,
  relu,
  sigmoid,
  upsampleNearest,
} from './ops.ts';

interface Stored {
  shape: number[];
  data: number[];
}
interface Case {
  name: string;
  options: { factor?: number[]; target?: Stored; weight?: Stored };
  inputs: Record<string, Stored>;
  output: Stored;
  direction: Stored;
  gradients: Record<string, Stored>;
}

type Build = (graph: GraphBuilder, inputs: Value[], options: Case['options']) => Value;

const given = (graph: GraphBuilder, stored: Stored | undefined): Value => {
  if (!stored) throw new Error('the fixture has no such array');
  return graph.floats(stored.data, stored.shape);
};

const builders: Record<string, Build> = {
  conv: (graph, [x, weight, bias]) => conv(graph, x, weight, bias),
  batchNorm: (graph, [x, gamma, beta]) => batchNorm(graph, x, gamma, beta).output,
  relu: (graph, [x]) => relu(graph, x),
  sigmoid: (graph, [x]) => sigmoid(graph, x),
  averagePool: (graph, [x], { factor }) => averagePool(graph, x, factor ?? []),
  upsampleNearest: (graph, [x], { factor }) => upsampleNearest(graph, x, factor ?? []),
  convTranspose: (graph, [x, weight]) => convTranspose(graph, x, weight),
  add: (graph, [a, b]) => add(graph, a, b),
  concatChannels: (graph, values) => concatChannels(graph, values),
  crossEntropy: (graph, [x], o) => crossEntropy(graph, x, given(graph, o.target), given(graph, o.weight)),
  squaredError: (graph, [x], o) => squaredError(graph, x, given(graph, o.target), given(graph, o.weight)),
  channels: (graph, [x]) => channels(graph, x, 1, 3),
  addScaled: (graph, [a, b]) => addScaled(graph, a, b, 0.3),
};

/** sum(y * direction), differentiable: the scalar whose gradient is asked for. */
function along(graph: GraphBuilder, y: Value, direction: Value): Value {
  const axes = y.shape.map((_, axis) => axis);
  const output = graph.reduce('ReduceSum', graph.binary('Mul', y, direction), axes);
  return graph.record({
    inputs: [y],
    output,
    backward: (dy) => [graph.binary('Mul', direction, dy)],
  });
}

async function run(name: string, options: Case['options'], inputs: Stored[], direction: Stored) {
  const graph = new GraphBuilder(name);
  const values = inputs.map(({ shape }, i) => graph.input(`in${i}`, shape));
  const y = builders[name](graph, values, options);
  const scalar = along(graph, y, graph.floats(direction.data, direction.shape));
  const slopes = gradients(graph, scalar, values);
  graph.output('y', y);
  graph.output('scalar', scalar);
  slopes.forEach((slope, i) => {
    graph.output(`d${i}`, slope);
  });
  const session = await (await nodeRuntime({ threads: 1 })).load(graph.encode());
  const evaluate = (arrays: NdArray<Float32Array>[]) =>
    session.run(Object.fromEntries(arrays.map((array, i) => [`in${i}`, array])));
  return { evaluate, session };
}

const toArray = ({ data, shape }: Stored): NdArray<Float32Array> => ndarray(Float32Array.from(data), shape);

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const size = Math.max(...Array.from(expected, Math.abs), 1e-3);
  const worst = Math.max(...Array.from(actual, (value, i) => Math.abs(value - expected[i])));
  expect(worst / size).toBeLessThan(tolerance);
}

const fixture = new URL('../../fixtures/gradients.json', import.meta.url);
const cases: Case[] = JSON.parse(readFileSync(fixture, 'utf8'));

describe('operations against PyTorch', () => {
  cases.forEach((each, index) => {
    const shapes = Object.values(each.inputs).map(({ shape }) => shape.join('×'));
    it(`${index} ${each.name} ${shapes.join(', ')}`, async () => {
      const inputs = Object.values(each.inputs);
      const { evaluate, session } = await run(each.name, each.options, inputs, each.direction);
      const out = await evaluate(inputs.map(toArray));
      expect(out.y.shape).toEqual(each.output.shape);
      expectClose(out.y.data, each.output.data, 1e-5);
      Object.values(each.gradients).forEach((expected, i) => {
        expect(out[`d${i}`].shape).toEqual(expected.shape);
        expectClose(out[`d${i}`].data, expected.data, 1e-4);
      });
      await session.release();
    });
  });
});

describe('operations against finite differences', () => {
  const random = (shape: number[], seed: number): Stored => {
    const count = shape.reduce((a, b) => a * b, 1);
    // Kept away from 0, where relu has a kink.
    const data = Array.from({ length: count }, (_, i) => {
      const value = Math.sin(12.9898 * (i + 1) + 78.233 * seed);
      return value + 0.1 * Math.sign(value);
    });
    return { shape, data };
  };
  const more: Case[] = [
    { name: 'channels', shapes: [[2, 4, 3, 2]], out: [2, 2, 3, 2] },
    { name: 'addScaled', shapes: [[], []], out: [] },
  ].map(({ name, shapes, out }) => ({
    name,
    options: {},
    inputs: Object.fromEntries(shapes.map((shape, i) => [`${i}`, random(shape, i)])),
    output: random(out, 5),
    direction: random(out, 6),
    gradients: {},
  }));
  [...cases, ...more].forEach((each, index) => {
    it(`${index} ${each.name}`, async () => {
      const inputs = Object.values(each.inputs).map((stored, i) => random(stored.shape, i + 1));
      const { evaluate, session } = await run(each.name, each.options, inputs, each.direction);
      const at = async (i: number, index: number, step: number) => {
        const moved = inputs.map(toArray);
        moved[i].data[index] += step;
        return (await evaluate(moved)).scalar.data[0];
      };
      const slopes = await evaluate(inputs.map(toArray));
      for (let i = 0; i < inputs.length; i++) {
        const slope = slopes[`d${i}`].data;
        const size = Math.max(...slope.map(Math.abs), 0.01);
        for (let index = 0; index < slope.length; index += Math.max(1, Math.floor(slope.length / 5))) {
          const step = 1e-2;
          const measured = ((await at(i, index, step)) - (await at(i, index, -step))) / (2 * step);
          expect(Math.abs(measured - slope[index]) / size).toBeLessThan(0.02);
        }
      }
      await session.release();
    });
  });
});
