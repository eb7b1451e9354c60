/**
 * One training step as one ONNX graph: forward, loss, backward and Adam (Kingma & Ba 2015) with decoupled weight
 * decay (Loshchilov & Hutter 2019) and an exponential average of the weights. All parameters are one flat vector,
 * so the optimiser is a handful of nodes whatever the network.
 *
 * Inputs: `parameters`, `first`, `second`, `average` `[P]`; `input`, `target`, `weight`; `rate` (learning rate, already
 * corrected for Adam's start: lr * sqrt(1 - b2^t) / (1 - b1^t)), `epsilon` (Adam's, times sqrt(1 - b2^t)), `decay`
 * (lr * weight decay), `keep` (share of the average that stays), all `[]`. Outputs: the four vectors after the step, `loss` (the parts and their sum),
 * `statistics` (batch-norm means and variances of this batch).
 */
import { gradients } from '../graph/autodiff.ts';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { addScaled, channels, crossEntropy, squaredError } from '../graph/loss.ts';
import { type ParameterLayout, TrainingLayers } from '../nets/layers.ts';
import type { Network } from '../nets/segmenter.ts';

export interface StepShapes {
  /** `[N, Cin, ...spatial]` */
  readonly input: readonly number[];
  /** Channels of the output that are affinities (cross-entropy on logits); they come first. */
  readonly affinities: number;
  /** Further channels that regress a descriptor (squared error). */
  readonly descriptors: number;
  /** Spatial extents of the output; default: the input's. */
  readonly extents?: readonly number[];
  readonly descriptorWeight: number;
}

export const ADAM = { beta1: 0.9, beta2: 0.999 } as const;

export interface TrainStep {
  readonly model: Uint8Array;
  readonly layout: ParameterLayout;
  /** Shapes of the input, and of target and weight. */
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** Loss parts: `[total, affinity, descriptor]`. */
function lossOf(
  graph: GraphBuilder,
  output: Value,
  target: Value,
  weight: Value,
  shapes: StepShapes,
): Value[] {
  const { affinities, descriptors, descriptorWeight } = shapes;
  if (descriptors === 0) {
    const only = crossEntropy(graph, output, target, weight);
    return [only, only, graph.scalar(0)];
  }
  const end = affinities + descriptors;
  const part = (value: Value, from: number, to: number): Value => graph.slice(value, [1], [from], [to]);
  const affinityLoss = crossEntropy(
    graph,
    channels(graph, output, 0, affinities),
    part(target, 0, affinities),
    part(weight, 0, affinities),
  );
  const descriptorLoss = squaredError(
    graph,
    channels(graph, output, affinities, end),
    part(target, affinities, end),
    part(weight, affinities, end),
  );
  return [addScaled(graph, affinityLoss, descriptorLoss, descriptorWeight), affinityLoss, descriptorLoss];
}

/** Writes the training step of `network` for one batch shape. */
export function buildTrainStep(network: Network, shapes: StepShapes): TrainStep {
  const graph = new GraphBuilder('train-step');
  const layers = new TrainingLayers(graph, { name: 'parameters', shape: [0], dtype: 'float32' });
  const input = graph.input('input', shapes.input);
  const extents = shapes.extents ?? shapes.input.slice(2);
  const outputShape = [shapes.input[0], shapes.affinities + shapes.descriptors, ...extents];
  const target = graph.input('target', outputShape);
  const weight = graph.input('weight', outputShape);
  const output = network(layers, input);
  if (output.shape.join() !== outputShape.join()) {
    throw new RangeError(`the network yields ${output.shape.join('×')}, not ${outputShape.join('×')}`);
  }
  const losses = lossOf(graph, output, target, weight, shapes);
  const { layout } = layers;
  const size = [layout.parameterCount];
  const perParameter = gradients(graph, losses[0], layers.parameterValues);
  const flatten = (value: Value): Value => graph.reshape(value, [value.shape.reduce((a, b) => a * b, 1)]);
  const gradient = graph.concat(perParameter.map(flatten), 0);

  const parameters = graph.input('parameters', size);
  const scalar = (name: string): Value => graph.input(name, []);
  const [first, second, average] = ['first', 'second', 'average'].map((name) => graph.input(name, size));
  const [rate, decay, keep, epsilon] = ['rate', 'decay', 'keep', 'epsilon'].map(scalar);
  const mix = (old: Value, fresh: Value, share: number): Value =>
    graph.binary(
      'Add',
      graph.binary('Mul', old, graph.scalar(share)),
      graph.binary('Mul', fresh, graph.scalar(1 - share)),
    );
  const firstNext = mix(first, gradient, ADAM.beta1);
  const secondNext = mix(second, graph.binary('Mul', gradient, gradient), ADAM.beta2);
  const root = graph.binary('Add', graph.unary('Sqrt', secondNext), epsilon);
  const move = graph.binary('Mul', graph.binary('Div', firstNext, root), rate);
  const decayed = graph.binary('Sub', parameters, graph.binary('Mul', parameters, decay));
  const next = graph.binary('Sub', decayed, move);
  const averageNext = graph.binary(
    'Add',
    next,
    graph.binary('Mul', graph.binary('Sub', average, next), keep),
  );
  graph.output('parameters_next', next);
  graph.output('first_next', firstNext);
  graph.output('second_next', secondNext);
  graph.output('average_next', averageNext);
  graph.output(
    'loss',
    graph.concat(
      losses.map((value) => graph.reshape(value, [1])),
      0,
    ),
  );
  const { statisticValues } = layers;
  graph.output(
    'statistics',
    statisticValues.length > 0 ? graph.concat(statisticValues, 0) : graph.floats([], [0]),
  );
  return { model: graph.encode(), layout, input: shapes.input, output: outputShape };
}
