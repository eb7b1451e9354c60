/**
 * The vocabulary that networks are written in. A network is a function of {@link Layers}; it is run once with
 * {@link TrainingLayers}, which makes every parameter part of one flat vector and leaves a tape, and once with
 * {@link InferenceLayers}, which writes constants with batch normalisation folded into the convolutions.
 */
import { elementCount } from '@kyn/core';
import type { GraphBuilder, Value } from '../graph/builder.ts';
import {
  add,
  averagePool,
  BATCH_NORM_EPSILON,
  batchNorm,
  concatChannels,
  conv,
  convTranspose,
  relu,
  spaceToDepth,
  stridedConv,
  upsampleNearest,
} from '../graph/ops.ts';

export interface Layers {
  /** Convolution (no bias) and batch normalisation; then ReLU unless `activate` is false. */
  block(name: string, x: Value, channels: number, kernel: readonly number[], activate?: boolean): Value;
  /**
   * {@link block} over blocks of `factor` × `factor` pixels: the result has a `factor`th of the rows and columns. For the
   * input of a 2D network.
   */
  stem(name: string, x: Value, channels: number, kernel: readonly number[], factor: number): Value;
  /** 1×1 convolution with bias, no activation. */
  head(name: string, x: Value, channels: number): Value;
  down(x: Value, factor: readonly number[]): Value;
  up(x: Value, factor: readonly number[]): Value;
  /** Learned upsampling: transposed convolution with kernel and stride `factor`. */
  upLearned(name: string, x: Value, channels: number, factor: readonly number[]): Value;
  add(a: Value, b: Value): Value;
  relu(x: Value): Value;
  concat(values: readonly Value[]): Value;
  /** Layers of the same graph whose weights are given and stay as they are. */
  frozen(layout: ParameterLayout, weights: Weights): Layers;
}

/** A named piece of the flat parameter (or statistics) vector. */
export interface Piece {
  readonly name: string;
  readonly offset: number;
  readonly shape: readonly number[];
  /** How it starts: He-normal with this fan-in, or a constant. */
  readonly init: { readonly fanIn: number } | { readonly constant: number };
}

/** Where everything lies in the two flat vectors of a network: trained parameters, running statistics. */
export interface ParameterLayout {
  readonly parameters: readonly Piece[];
  readonly parameterCount: number;
  /** Batch-norm statistics: `NAME.mean` and `NAME.variance`. */
  readonly statistics: readonly Piece[];
  readonly statisticCount: number;
}

/** Weights of a network: both vectors of its {@link ParameterLayout}. */
export interface Weights {
  readonly parameters: Float32Array;
  readonly statistics: Float32Array;
}

/** True for weights of the size that the layout has. */
export function weightsFit({ parameterCount, statisticCount }: ParameterLayout, weights: Weights): boolean {
  return weights.parameters.length === parameterCount && weights.statistics.length === statisticCount;
}

class PieceList {
  readonly pieces: Piece[] = [];
  size = 0;

  add(name: string, shape: readonly number[], init: Piece['init']): Piece {
    if (this.pieces.some((piece) => piece.name === name))
      throw new RangeError(`two parameters named ${name}`);
    const piece = { name, offset: this.size, shape, init };
    this.pieces.push(piece);
    this.size += elementCount(shape);
    return piece;
  }
}

/** The layers without parameters, which are the same in training and in inference. */
class PlainLayers {
  constructor(protected readonly graph: GraphBuilder) {}

  down(x: Value, factor: readonly number[]): Value {
    return averagePool(this.graph, x, factor);
  }

  up(x: Value, factor: readonly number[]): Value {
    return upsampleNearest(this.graph, x, factor);
  }

  add(a: Value, b: Value): Value {
    return add(this.graph, a, b);
  }

  relu(x: Value): Value {
    return relu(this.graph, x);
  }

  concat(values: readonly Value[]): Value {
    return concatChannels(this.graph, values);
  }

  frozen(layout: ParameterLayout, weights: Weights): Layers {
    return new InferenceLayers(this.graph, layout, weights);
  }
}

export class TrainingLayers extends PlainLayers implements Layers {
  private readonly parameters = new PieceList();
  private readonly statistics = new PieceList();
  /** Every parameter as the graph sees it, in layout order. */
  readonly parameterValues: Value[] = [];
  /** Batch statistics in layout order. */
  readonly statisticValues: Value[] = [];

  /** @param source the flat parameter vector, an input of the graph. */
  constructor(
    graph: GraphBuilder,
    private readonly source: Value,
  ) {
    super(graph);
  }

  get layout(): ParameterLayout {
    return {
      parameters: this.parameters.pieces,
      parameterCount: this.parameters.size,
      statistics: this.statistics.pieces,
      statisticCount: this.statistics.size,
    };
  }

  private parameter(name: string, shape: readonly number[], init: Piece['init']): Value {
    const piece = this.parameters.add(name, shape, init);
    const count = elementCount(shape);
    const slice = this.graph.slice(this.source, [0], [piece.offset], [piece.offset + count]);
    const value = this.graph.reshape({ ...slice, shape: [count] }, shape);
    this.parameterValues.push(value);
    return value;
  }

  block(name: string, x: Value, channels: number, kernel: readonly number[], activate = true): Value {
    const fanIn = x.shape[1] * elementCount(kernel);
    const weight = this.parameter(`${name}.weight`, [channels, x.shape[1], ...kernel], { fanIn });
    const gamma = this.parameter(`${name}.gamma`, [channels], { constant: 1 });
    const beta = this.parameter(`${name}.beta`, [channels], { constant: 0 });
    const normed = batchNorm(this.graph, conv(this.graph, x, weight), gamma, beta);
    this.statistics.add(`${name}.mean`, [channels], { constant: 0 });
    this.statistics.add(`${name}.variance`, [channels], { constant: 1 });
    this.statisticValues.push(normed.mean, normed.variance);
    return activate ? relu(this.graph, normed.output) : normed.output;
  }

  stem(name: string, x: Value, channels: number, kernel: readonly number[], factor: number): Value {
    return this.block(name, factor > 1 ? spaceToDepth(this.graph, x, factor) : x, channels, kernel);
  }

  head(name: string, x: Value, channels: number): Value {
    const kernel = x.shape.slice(2).map(() => 1);
    const weight = this.parameter(`${name}.weight`, [channels, x.shape[1], ...kernel], {
      fanIn: 4 * x.shape[1],
    });
    const bias = this.parameter(`${name}.bias`, [channels], { constant: 0 });
    return conv(this.graph, x, weight, bias);
  }

  upLearned(name: string, x: Value, channels: number, factor: readonly number[]): Value {
    const weight = this.parameter(`${name}.weight`, [x.shape[1], channels, ...factor], { fanIn: x.shape[1] });
    return convTranspose(this.graph, x, weight);
  }
}

/** How the weights of convolutions are kept in a file. */
export type StoredDtype = 'float32' | 'float16';

export class InferenceLayers extends PlainLayers implements Layers {
  private readonly pieces: Map<string, Float32Array>;

  constructor(
    graph: GraphBuilder,
    layout: ParameterLayout,
    weights: Weights,
    private readonly dtype: StoredDtype = 'float32',
  ) {
    super(graph);
    const named = (pieces: readonly Piece[], data: Float32Array): [string, Float32Array][] =>
      pieces.map(({ name, offset, shape }) => [name, data.subarray(offset, offset + elementCount(shape))]);
    this.pieces = new Map([
      ...named(layout.parameters, weights.parameters),
      ...named(layout.statistics, weights.statistics),
    ]);
  }

  private piece(name: string): Float32Array {
    const found = this.pieces.get(name);
    if (!found) throw new RangeError(`the weights have no ${name}`);
    return found;
  }

  /** A weight by the layer's name. */
  private weight(name: string, data: Float32Array, shape: readonly number[]): Value {
    return this.graph.stored(`${name}.weight`, data, shape, this.dtype);
  }

  /** A bias by the layer's name: there are few, so they stay as they are. */
  private bias(name: string, data: Float32Array): Value {
    return this.graph.stored(`${name}.bias`, data, [data.length], 'float32');
  }

  private conv(
    name: string,
    x: Value,
    weight: Float32Array,
    kernel: readonly number[],
    bias: Float32Array,
  ): Value {
    const shape = [bias.length, x.shape[1], ...kernel];
    return conv(this.graph, x, this.weight(name, weight, shape), this.bias(name, bias));
  }

  block(name: string, x: Value, channels: number, kernel: readonly number[], activate = true): Value {
    const { weight, bias } = this.folded(name, channels);
    const out = this.conv(name, x, weight, kernel, bias);
    return activate ? relu(this.graph, out) : out;
  }

  /** As in training, written as one convolution with a stride, which needs no copy of the input. */
  stem(name: string, x: Value, channels: number, kernel: readonly number[], factor: number): Value {
    if (factor === 1) return this.block(name, x, channels, kernel);
    const { weight, bias } = this.folded(name, channels);
    const shape = [channels, x.shape[1], ...kernel];
    const wide = this.weight(name, weightOfPixels(weight, shape, factor), [
      channels,
      x.shape[1],
      ...kernel.map((extent) => extent * factor),
    ]);
    return relu(this.graph, stridedConv(this.graph, x, wide, this.bias(name, bias), factor));
  }

  /** Weight and bias of a convolution with the batch normalisation behind it. */
  private folded(name: string, channels: number): { weight: Float32Array; bias: Float32Array } {
    const [gamma, beta] = [this.piece(`${name}.gamma`), this.piece(`${name}.beta`)];
    const [mean, variance] = [this.piece(`${name}.mean`), this.piece(`${name}.variance`)];
    const weight = Float32Array.from(this.piece(`${name}.weight`));
    const bias = new Float32Array(channels);
    const perChannel = weight.length / channels;
    for (let c = 0; c < channels; c++) {
      const scale = normScale(gamma[c], variance[c]);
      bias[c] = beta[c] - mean[c] * scale;
      for (let i = c * perChannel; i < (c + 1) * perChannel; i++) weight[i] *= scale;
    }
    return { weight, bias };
  }

  head(name: string, x: Value): Value {
    const kernel = x.shape.slice(2).map(() => 1);
    return this.conv(name, x, this.piece(`${name}.weight`), kernel, this.piece(`${name}.bias`));
  }

  upLearned(name: string, x: Value, channels: number, factor: readonly number[]): Value {
    const weight = this.piece(`${name}.weight`);
    const shape = [x.shape[1], channels, ...factor];
    return convTranspose(this.graph, x, this.weight(name, weight, shape));
  }
}

/** What batch normalisation multiplies by. */
export const normScale = (gamma: number, variance: number): number =>
  gamma / Math.sqrt(variance + BATCH_NORM_EPSILON);

/**
 * The weights of a convolution over blocks of pixels, as {@link spaceToDepth} orders them, as those of one over pixels.
 * @param shape `[Cout, C, ...kernel]` with C channels a pixel
 */
function weightOfPixels(weight: Float32Array, shape: readonly number[], factor: number): Float32Array {
  const out = new Float32Array(weight.length);
  pixelOrder(shape, factor).forEach((to, from) => {
    out[to] = weight[from];
  });
  return out;
}

/** The other way round: the weights of one over pixels as those of a convolution over blocks. */
export function weightOfBlocks(weight: Float32Array, shape: readonly number[], factor: number): Float32Array {
  return Float32Array.from(pixelOrder(shape, factor), (at) => weight[at]);
}

/** Where each weight of a convolution over blocks of pixels lies in that over pixels. */
function pixelOrder([cout, channels, height, width]: readonly number[], factor: number): Uint32Array {
  const [tall, wide] = [height * factor, width * factor];
  const out = new Uint32Array(cout * channels * tall * wide);
  let from = 0;
  for (let o = 0; o < cout; o++) {
    for (let phase = 0; phase < factor * factor; phase++) {
      const [py, px] = [Math.floor(phase / factor), phase % factor];
      for (let c = 0; c < channels; c++) {
        for (let ky = 0; ky < height; ky++) {
          const row = ((o * channels + c) * tall + ky * factor + py) * wide + px;
          for (let kx = 0; kx < width; kx++) out[from++] = row + kx * factor;
        }
      }
    }
  }
  return out;
}
