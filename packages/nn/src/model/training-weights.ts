/**
 * What further training needs of a model. Most of it is in the model's ONNX graph already, with batch normalisation folded
 * into the convolutions; a file beside it holds the rest: what batch normalisation multiplies by and has met, and heads that
 * serve training only. From both the weights come back, but for the rounding of the graph's.
 */
import { elementCount } from '@kyn/core';
import { normScale, type ParameterLayout, type Piece, type Weights, weightOfBlocks } from '../nets/layers.ts';
import { emptyWeights } from '../nets/transfer-weights.ts';
import { fromHalf } from '../onnx/half.ts';
import { type OnnxTensor, tensorsOf } from '../onnx/proto.ts';

type Tensors = ReadonlyMap<string, OnnxTensor>;

/** The graph's tensor that a piece comes from, if any: shifts of batch normalisation are in the convolution's bias. */
function sourceOf({ name }: Piece, tensors: Tensors): OnnxTensor | undefined {
  return tensors.get(name.replace(/\.beta$/, '.bias'));
}

/** The values of a piece in its vector. */
const valuesOf = ({ offset, shape }: Piece, vector: Float32Array): Float32Array =>
  vector.subarray(offset, offset + elementCount(shape));

/**
 * @param graph the network as `exportSegmenter` or `exportNetwork` writes it, of these weights
 * @returns what it does not tell, float32, little-endian, in the layout's order
 */
export function encodeTraining(layout: ParameterLayout, weights: Weights, graph: Uint8Array): Uint8Array {
  const kept = restOf(layout, weights, tensorsOf(graph));
  const out = new Uint8Array(4 * kept.reduce((sum, values) => sum + values.length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const values of kept) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return out;
}

/** The places of both vectors that the graph does not tell. */
function restOf(layout: ParameterLayout, weights: Weights, tensors: Tensors): Float32Array[] {
  return [
    ...layout.parameters
      .filter((piece) => !sourceOf(piece, tensors))
      .map((piece) => valuesOf(piece, weights.parameters)),
    weights.statistics,
  ];
}

/**
 * The weights that {@link encodeTraining} was given, as exactly as the graph holds them.
 * @throws RangeError if the graph or the rest is not of this layout.
 */
export function decodeTraining(layout: ParameterLayout, graph: Uint8Array, rest: Uint8Array): Weights {
  const tensors = tensorsOf(graph);
  const weights = emptyWeights(layout);
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  const kept = restOf(layout, weights, tensors);
  if (kept.reduce((sum, values) => sum + 4 * values.length, 0) !== rest.length)
    throw new RangeError('other weights are missing than those that the graph has not');
  let at = 0;
  for (const values of kept) {
    for (let i = 0; i < values.length; i++, at += 4) values[i] = view.getFloat32(at, true);
  }
  for (const piece of layout.parameters) {
    const source = sourceOf(piece, tensors);
    if (source) valuesOf(piece, weights.parameters).set(inLayout(source, piece));
  }
  unfold(layout, weights);
  return weights;
}

/** A tensor's numbers in the order of a piece. */
function inLayout({ name, dtype, shape, bytes }: OnnxTensor, piece: Piece): Float32Array {
  const data = bytes.slice().buffer;
  const values = dtype === 'float16' ? fromHalf(new Uint16Array(data)) : new Float32Array(data);
  if (values.length !== elementCount(piece.shape)) throw new RangeError(`${name} has another size`);
  const [cout, cin, ...kernel] = piece.shape;
  const factor = kernel.length === 2 ? shape[2] / kernel[0] : 1;
  return factor === 1 ? values : weightOfBlocks(values, [cout, cin / factor ** 2, ...kernel], factor);
}

/** Takes batch normalisation out of the convolutions before it, in place. */
function unfold(layout: ParameterLayout, { parameters, statistics }: Weights): void {
  const pieces = new Map([...layout.parameters, ...layout.statistics].map((piece) => [piece.name, piece]));
  const named = (name: string, vector: Float32Array): Float32Array => {
    const piece = pieces.get(name);
    if (!piece) throw new RangeError(`there is no ${name}`);
    return valuesOf(piece, vector);
  };
  for (const { name } of layout.parameters) {
    if (!name.endsWith('.gamma')) continue;
    const block = name.slice(0, -'.gamma'.length);
    const [gamma, beta] = [named(name, parameters), named(`${block}.beta`, parameters)];
    const [mean, variance] = [named(`${block}.mean`, statistics), named(`${block}.variance`, statistics)];
    const weight = named(`${block}.weight`, parameters);
    const perChannel = weight.length / gamma.length;
    gamma.forEach((factor, c) => {
      const scale = normScale(factor, variance[c]);
      beta[c] += mean[c] * scale;
      // a channel that counts for nothing tells nothing of its weights
      const inverse = scale === 0 ? 0 : 1 / scale;
      for (let i = c * perChannel; i < (c + 1) * perChannel; i++) weight[i] *= inverse;
    });
  }
}
