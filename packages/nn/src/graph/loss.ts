/**
 * Losses: weighted sums over elements, divided by the sum of the weights, so that masked elements (weight 0)
 * count for nothing.
 */
import { elementCount } from '@kyn/core';
import type { GraphBuilder, Value } from './builder.ts';

function totalWeight(graph: GraphBuilder, weight: Value): Value {
  const axes = weight.shape.map((_, axis) => axis);
  // Never 0, so that a batch without any valid element yields 0, not NaN.
  return graph.node('Max', [graph.reduce('ReduceSum', weight, axes), graph.scalar(1e-6)], []);
}

function weightedMean(graph: GraphBuilder, values: Value, weight: Value, total: Value): Value {
  const count = elementCount(values.shape);
  const dot = graph.node(
    'MatMul',
    [graph.reshape(values, [1, count]), graph.reshape(weight, [count, 1])],
    [1, 1],
  );
  return graph.binary('Div', graph.reshape(dot, []), total);
}

/**
 * Binary cross-entropy between sigmoid(`logits`) and `target` (0..1), weighted by `weight`; all of one shape.
 * The value is taken from the clipped probability of the target; the gradient is exact: w * (sigmoid - target).
 */
export function crossEntropy(graph: GraphBuilder, logits: Value, target: Value, weight: Value): Value {
  const total = totalWeight(graph, weight);
  const probability = graph.unary('Sigmoid', logits);
  const error = graph.binary('Sub', probability, target);
  const floor = graph.scalar(1e-7);
  const log = (p: Value): Value => graph.unary('Log', graph.node('Max', [p, floor], p.shape));
  const one = graph.scalar(1);
  const positive = graph.binary('Mul', target, log(probability));
  const negative = graph.binary(
    'Mul',
    graph.binary('Sub', one, target),
    log(graph.binary('Sub', one, probability)),
  );
  const perElement = graph.unary('Neg', graph.binary('Add', positive, negative));
  const output = weightedMean(graph, perElement, weight, total);
  return graph.record({
    inputs: [logits],
    output,
    backward: (dy) => {
      const scale = graph.binary('Div', dy, total);
      return [graph.binary('Mul', graph.binary('Mul', error, weight), scale)];
    },
  });
}

/** Squared error between `values` and `target`, weighted by `weight`; all of one shape. */
export function squaredError(graph: GraphBuilder, values: Value, target: Value, weight: Value): Value {
  const total = totalWeight(graph, weight);
  const error = graph.binary('Sub', values, target);
  const output = weightedMean(graph, graph.binary('Mul', error, error), weight, total);
  return graph.record({
    inputs: [values],
    output,
    backward: (dy) => {
      const scale = graph.binary('Div', graph.binary('Mul', dy, graph.scalar(2)), total);
      return [graph.binary('Mul', graph.binary('Mul', error, weight), scale)];
    },
  });
}

/** a * scale + b: sums the parts of a loss. */
export function addScaled(graph: GraphBuilder, a: Value, b: Value, scale: number): Value {
  const output = graph.binary('Add', a, graph.binary('Mul', b, graph.scalar(scale)));
  return graph.record({
    inputs: [a, b],
    output,
    backward: (dy) => [dy, graph.binary('Mul', dy, graph.scalar(scale))],
  });
}

/** Channels `from` to `to` of a `[N, C, ...]` tensor, differentiably. */
export function channels(graph: GraphBuilder, x: Value, from: number, to: number): Value {
  const output = graph.slice(x, [1], [from], [to]);
  return graph.record({
    inputs: [x],
    output,
    backward: (dy) => {
      const zeros = (count: number): Value[] =>
        count === 0
          ? []
          : [
              graph.node(
                'Expand',
                [graph.scalar(0), graph.ints([x.shape[0], count, ...x.shape.slice(2)])],
                [x.shape[0], count, ...x.shape.slice(2)],
              ),
            ];
      return [graph.concat([...zeros(from), dy, ...zeros(x.shape[1] - to)], 1)];
    },
  });
}
