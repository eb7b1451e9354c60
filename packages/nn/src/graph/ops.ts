/**
 * Differentiable operations on `[N, C, ...spatial]` tensors (two or three spatial axes), each with the rule for
 * its gradient, written in ONNX operators that ONNX Runtime runs fast on a CPU.
 */
import type { GraphBuilder, Value } from './builder.ts';

const spatialAxes = (value: Value): number[] => value.shape.slice(2).map((_, i) => i + 2);
const allButChannel = (value: Value): number[] => [0, ...spatialAxes(value)];
const product = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

/** A per-channel vector `[C]` shaped to broadcast over `like` (`[C, 1, 1]` or `[C, 1, 1, 1]`). */
function perChannel(graph: GraphBuilder, vector: Value, like: Value): Value {
  return graph.reshape(vector, [vector.shape[0], ...spatialAxes(like).map(() => 1)]);
}

/**
 * Convolution, stride 1, zero-padded to the same size; `weight` is `[Cout, Cin, ...kernel]` with odd extents.
 * `bias` is `[Cout]`.
 */
export function conv(graph: GraphBuilder, x: Value, weight: Value, bias?: Value): Value {
  const kernel = weight.shape.slice(2);
  const half = kernel.map((extent) => (extent - 1) / 2);
  const attributes = { kernel_shape: kernel, pads: [...half, ...half] };
  const shape = [x.shape[0], weight.shape[0], ...x.shape.slice(2)];
  const output = graph.node('Conv', bias ? [x, weight, bias] : [x, weight], shape, attributes);
  return graph.record({
    inputs: bias ? [x, weight, bias] : [x, weight],
    output,
    backward: (dy, needed) => [
      needed[0] ? graph.node('Conv', [dy, flipped(graph, weight)], x.shape, attributes) : undefined,
      needed[1] ? convWeightGradient(graph, x, dy, kernel) : undefined,
      needed[2] ? graph.reduce('ReduceSum', dy, allButChannel(dy)) : undefined,
    ],
  });
}

/**
 * Convolution over blocks of `stride` × `stride` pixels: `weight` is `[Cout, Cin, ...kernel]`, each extent an odd number
 * of blocks; as many blocks come out as go in. For inference: no gradient.
 */
export function stridedConv(
  graph: GraphBuilder,
  x: Value,
  weight: Value,
  bias: Value,
  stride: number,
): Value {
  const kernel = weight.shape.slice(2);
  const before = kernel.map((extent) => (extent - stride) / 2);
  const shape = [x.shape[0], weight.shape[0], ...x.shape.slice(2).map((extent) => extent / stride)];
  const strides = kernel.map(() => stride);
  return graph.node('Conv', [x, weight, bias], shape, {
    kernel_shape: kernel,
    pads: [...before, ...before],
    strides,
  });
}

/** The weights of the transposed convolution: channels swapped, every spatial axis reversed. */
function flipped(graph: GraphBuilder, weight: Value): Value {
  const axes = spatialAxes(weight);
  const swapped = graph.transpose(weight, [1, 0, ...axes]);
  const reversed = axes.filter((axis) => weight.shape[axis] > 1);
  if (reversed.length === 0) return swapped;
  const end = Number.MIN_SAFE_INTEGER;
  return graph.node(
    'Slice',
    [
      swapped,
      graph.ints(reversed.map(() => -1)),
      graph.ints(reversed.map(() => end)),
      graph.ints(reversed),
      graph.ints(reversed.map(() => -1)),
    ],
    swapped.shape,
  );
}

/**
 * d(loss)/d(weight) of a same-size convolution as one matrix product.
 *
 * The usual way copies `x` once for every tap of the kernel. Laid out flat with zero margins, a tap is a mere
 * shift: sum over p of dy[p] * x[p + t]. The shift splits into one along the last axis, given to `dy`, and the
 * rest, given to `x`: with 3 taps an axis, 3 copies of `dy` and 3 (in 3D: 9) of `x` yield all 9 (27) taps,
 * and the product has a shape (3*Cout by 3*Cin) that suits a matrix kernel better.
 */
function convWeightGradient(graph: GraphBuilder, x: Value, dy: Value, kernel: readonly number[]): Value {
  const [cin, cout] = [x.shape[1], dy.shape[1]];
  const half = kernel.map((extent) => (extent - 1) / 2);
  const last = kernel.length - 1;
  const lastTaps = kernel[last];
  const padded = x.shape.slice(2).map((extent, i) => extent + 2 * half[i]);
  const flat = (value: Value, before: readonly number[], after: readonly number[]): Value => {
    const wide = half.some((h) => h > 0) ? graph.pad(value, before, after) : value;
    const channelsFirst =
      value.shape[0] === 1
        ? wide
        : graph.transpose(wide, [1, 0, ...wide.shape.slice(2).map((_, i) => i + 2)]);
    return graph.reshape(channelsFirst, [value.shape[1], value.shape[0] * product(padded)]);
  };
  const xFlat = flat(x, half, half);
  // dy's margin lies behind its data on the leading axes and before it on the last one.
  const dyFlat = flat(
    dy,
    half.map((h, i) => (i === last ? 2 * h : 0)),
    half.map((h, i) => (i === last ? 0 : 2 * h)),
  );
  // Offsets in x of the taps on the leading axes.
  let offsets = [0];
  for (let axis = 0; axis < last; axis++) {
    const step = product(padded.slice(axis + 1));
    offsets = offsets.flatMap((offset) => Array.from({ length: kernel[axis] }, (_, k) => offset + k * step));
  }
  const length = xFlat.shape[1] - Math.max(...offsets, lastTaps - 1);
  const shift = (value: Value, by: number): Value => graph.slice(value, [1], [by], [by + length]);
  const dyShifts = Array.from({ length: lastTaps }, (_, k) => shift(dyFlat, lastTaps - 1 - k));
  const a = graph.concat(dyShifts, 0);
  const b = graph.concat(
    offsets.map((offset) => shift(xFlat, offset)),
    0,
  );
  const all = graph.node('Gemm', [a, b], [lastTaps * cout, offsets.length * cin], { transB: 1 });
  const split = graph.reshape(all, [lastTaps, cout, offsets.length, cin]);
  return graph.reshape(graph.transpose(split, [1, 3, 2, 0]), [cout, cin, ...kernel]);
}

export interface BatchNormResult {
  readonly output: Value;
  /** Statistics of this batch, `[C]` each (population variance), for the running averages used at export. */
  readonly mean: Value;
  readonly variance: Value;
}

export const BATCH_NORM_EPSILON = 1e-5;

/** Batch normalisation with the statistics of the batch (Ioffe & Szegedy 2015); `gamma`, `beta` are `[C]`. */
export function batchNorm(graph: GraphBuilder, x: Value, gamma: Value, beta: Value): BatchNormResult {
  const channels = [x.shape[1]];
  // The operator may write its running statistics over these two inputs: they must be nobody else's.
  const [none, nought] = [gamma, beta].map((each) => graph.binary('Mul', each, graph.scalar(0)));
  const [output, mean, variance] = graph.nodeMany(
    'BatchNormalization',
    [x, gamma, beta, none, nought],
    [x.shape, channels, channels],
    { training_mode: 1, epsilon: { float: BATCH_NORM_EPSILON }, momentum: { float: 0 } },
  );
  const [n, c, ...extents] = x.shape;
  const pixels = product(extents);
  graph.record({
    inputs: [x, gamma, beta],
    output,
    backward: (dy) => {
      const inverse = graph.unary(
        'Reciprocal',
        graph.unary('Sqrt', graph.binary('Add', variance, graph.scalar(BATCH_NORM_EPSILON))),
      );
      const sumDy = graph.reduce('ReduceSum', dy, allButChannel(dy));
      const rows = [n * c, 1, pixels];
      const dots = graph.node(
        'FusedMatMul',
        [graph.reshape(dy, rows), graph.reshape(x, rows)],
        [n * c, 1, 1],
        { transB: 1 },
        'com.microsoft',
      );
      const sumDyX = graph.reduce('ReduceSum', graph.reshape(dots, [n, c]), [0]);
      const dGamma = graph.binary(
        'Mul',
        inverse,
        graph.binary('Sub', sumDyX, graph.binary('Mul', mean, sumDy)),
      );
      const perElement = graph.scalar(1 / (n * pixels));
      // dx = a*dy + b*x + c, constants per channel
      const a = graph.binary('Mul', gamma, inverse);
      const minusA = graph.binary('Mul', graph.unary('Neg', a), perElement);
      const b = graph.binary('Mul', graph.binary('Mul', minusA, inverse), dGamma);
      const constant = graph.binary('Sub', graph.binary('Mul', minusA, sumDy), graph.binary('Mul', b, mean));
      const scaledDy = graph.binary('Mul', dy, perChannel(graph, a, x));
      const affineX = graph.binary(
        'Add',
        graph.binary('Mul', x, perChannel(graph, b, x)),
        perChannel(graph, constant, x),
      );
      return [graph.binary('Add', scaledDy, affineX), dGamma, sumDy];
    },
  });
  return { output, mean, variance };
}

/** max(x, 0). The gradient's mask is a hard sigmoid so steep that it is a step: one fast pass. */
export function relu(graph: GraphBuilder, x: Value): Value {
  const output = graph.unary('Relu', x);
  return graph.record({
    inputs: [x],
    output,
    backward: (dy) => {
      const step = graph.node('HardSigmoid', [output], x.shape, {
        alpha: { float: 1e30 },
        beta: { float: 0 },
      });
      return [graph.binary('Mul', dy, step)];
    },
  });
}

export function sigmoid(graph: GraphBuilder, x: Value): Value {
  const output = graph.unary('Sigmoid', x);
  return graph.record({
    inputs: [x],
    output,
    backward: (dy) => {
      const slope = graph.binary('Mul', output, graph.binary('Sub', graph.scalar(1), output));
      return [graph.binary('Mul', dy, slope)];
    },
  });
}

export function add(graph: GraphBuilder, a: Value, b: Value): Value {
  if (a.shape.join() !== b.shape.join()) throw new RangeError('add takes two tensors of one shape');
  const output = graph.binary('Add', a, b);
  return graph.record({ inputs: [a, b], output, backward: (dy) => [dy, dy] });
}

/** Joins along the channel axis. */
export function concatChannels(graph: GraphBuilder, values: readonly Value[]): Value {
  if (values.length === 1) return values[0];
  const output = graph.concat(values, 1);
  const sizes = values.map((value) => value.shape[1]);
  return graph.record({ inputs: values, output, backward: (dy) => graph.split(dy, sizes, 1) });
}

/** Mean over blocks of `factor` (per spatial axis); extents must be multiples of it. */
export function averagePool(graph: GraphBuilder, x: Value, factor: readonly number[]): Value {
  const shape = x.shape.map((extent, axis) => (axis < 2 ? extent : extent / factor[axis - 2]));
  if (!shape.every(Number.isInteger))
    throw new RangeError(`${x.shape.join('×')} is not a multiple of the pool`);
  const output = poolNode(graph, x, factor, shape);
  return graph.record({
    inputs: [x],
    output,
    backward: (dy) => [
      graph.binary('Mul', upsampleNode(graph, dy, factor), graph.scalar(1 / product(factor))),
    ],
  });
}

/** Repeats every element `factor` times along each spatial axis. */
export function upsampleNearest(graph: GraphBuilder, x: Value, factor: readonly number[]): Value {
  const output = upsampleNode(graph, x, factor);
  return graph.record({
    inputs: [x],
    output,
    backward: (dy) => [
      graph.binary('Mul', poolNode(graph, dy, factor, x.shape), graph.scalar(product(factor))),
    ],
  });
}

function poolNode(graph: GraphBuilder, x: Value, factor: readonly number[], shape: readonly number[]): Value {
  return graph.node('AveragePool', [x], shape, { kernel_shape: factor, strides: factor });
}

function upsampleNode(graph: GraphBuilder, x: Value, factor: readonly number[]): Value {
  const shape = x.shape.map((extent, axis) => (axis < 2 ? extent : extent * factor[axis - 2]));
  return graph.node('Resize', [x, undefined, graph.floats([1, 1, ...factor])], shape, {
    mode: 'nearest',
    nearest_mode: 'floor',
    coordinate_transformation_mode: 'asymmetric',
  });
}

/**
 * Every `factor` × `factor` block of pixels becomes one pixel with that many times the channels: channel
 * `(y * factor + x) * C + c` is channel c of pixel y, x of the block. For inputs of a network only: no gradient.
 */
export function spaceToDepth(graph: GraphBuilder, x: Value, factor: number): Value {
  const [n, c, height, width] = x.shape;
  const shape = [n, c * factor * factor, height / factor, width / factor];
  return graph.node('SpaceToDepth', [x], shape, { blocksize: factor });
}

/**
 * The other way round, but with the pixels of a channel side by side: channels `c * factor² + y * factor + x` become pixel
 * y, x of the blocks of channel c (sub-pixel convolution: Shi 2016). For outputs of a network only: no gradient. Written as
 * two transpositions, which ONNX Runtime does in two fifths of the time of its DepthToSpace. Extents may stay free.
 */
export function depthToSpace(graph: GraphBuilder, x: Value, factor: number): Value {
  const [n, deep, rows, columns] = x.shape;
  const channels = deep / (factor * factor);
  const height = graph.slice(graph.node('Shape', [x], [4]), [0], [2], [3]);
  const reshape = (value: Value, target: readonly Value[], shape: readonly number[]): Value =>
    graph.node('Reshape', [value, graph.concat(target, 0)], shape);
  // pixels of one row of a block side by side, then the rows of a block one below the other
  const pairs = [n, channels * factor, factor, rows * columns];
  const across = reshape(x, [graph.ints([0, channels * factor, factor, -1])], pairs);
  const lines = reshape(
    graph.transpose(across, [0, 1, 3, 2]),
    [graph.ints([0, channels, factor]), height, graph.ints([-1])],
    [n, channels, factor, rows, columns * factor],
  );
  const tall = graph.binary('Mul', height, graph.ints([factor]));
  return reshape(
    graph.transpose(lines, [0, 1, 3, 2, 4]),
    [graph.ints([0, 0]), tall, graph.ints([-1])],
    [n, channels, rows * factor, columns * factor],
  );
}

/**
 * Transposed convolution with kernel and stride `factor` (no overlap): every input element becomes a block.
 * `weight` is `[Cin, Cout, ...factor]`.
 */
export function convTranspose(graph: GraphBuilder, x: Value, weight: Value): Value {
  const factor = weight.shape.slice(2);
  const [n, cin, ...extents] = x.shape;
  const cout = weight.shape[1];
  const attributes = { kernel_shape: factor, strides: factor };
  const shape = [n, cout, ...extents.map((extent, i) => extent * factor[i])];
  const output = graph.node('ConvTranspose', [x, weight], shape, attributes);
  return graph.record({
    inputs: [x, weight],
    output,
    backward: (dy, needed) => {
      const dx = needed[0] ? graph.node('Conv', [dy, weight], x.shape, attributes) : undefined;
      if (!needed[1]) return [dx, undefined];
      // [n, cout, e0, f0, e1, f1, ...] -> [cout, f0, f1, ..., n, e0, e1, ...]
      const blocks = graph.reshape(dy, [n, cout, ...extents.flatMap((extent, i) => [extent, factor[i]])]);
      const axes = extents.map((_, i) => 2 + 2 * i);
      const columns = graph.transpose(blocks, [1, ...axes.map((axis) => axis + 1), 0, ...axes]);
      const pixels = n * product(extents);
      const a = graph.reshape(graph.transpose(x, [1, 0, ...extents.map((_, i) => i + 2)]), [cin, pixels]);
      const b = graph.reshape(columns, [cout * product(factor), pixels]);
      const product2 = graph.node('Gemm', [a, b], [cin, cout * product(factor)], { transB: 1 });
      return [dx, graph.reshape(product2, weight.shape)];
    },
  });
}
