/**
 * Writes trained networks as plain ONNX for inference: batch norm folded, free extents, sigmoid at the end, weights by their
 * names and of 16 bit (what their rounding moves: docs/experiments.md), biases of 32.
 */
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { depthToSpace, sigmoid } from '../graph/ops.ts';
import {
  InferenceLayers,
  type Layers,
  type ParameterLayout,
  type StoredDtype,
  type Weights,
} from '../nets/layers.ts';
import { type Network, type SegmenterShape, segmenterHeads, segmenterUnet } from '../nets/segmenter.ts';
import { unetFeatures, unetMultiple } from '../nets/unet.ts';

/** Names of a graph's free extents. */
const PLANE = ['h', 'w'];
const VOLUME = ['d', 'h', 'w'];

/**
 * @param input `[Cin, ...spatial]` of a typical input; extents stay free in the file
 * @returns an `.onnx` file with input `input` `[n, Cin, ...]` and output `affinities` `[n, Cout, ...]` in 0..1.
 */
export function exportNetwork(
  network: Network,
  layout: ParameterLayout,
  weights: Weights,
  input: readonly number[],
  dtype: StoredDtype = 'float16',
): Uint8Array {
  const graph = new GraphBuilder('kyn-network');
  const [channels, ...extents] = input;
  const names = extents.length === 2 ? PLANE : VOLUME;
  const x = graph.input('input', [1, ...input], 'float32', ['n', channels, ...names]);
  const output = network(new InferenceLayers(graph, layout, weights, dtype), x);
  graph.output('affinities', sigmoid(graph, output), ['n', output.shape[1], ...names]);
  return graph.encode();
}

/** Name of the segmenter's output with the affinities between sections. */
export const CROSS_OUTPUT = 'cross';

/**
 * The segmenter without what served training only.
 * @returns an `.onnx` file with input `input` `[n, Cin, h, w]` and outputs `affinities` `[n, offsets, h, w]` and, where
 * it has a head for them, `cross` `[n, cross, h/stem, w/stem]`, both in 0..1.
 */
export function exportSegmenter(
  shape: SegmenterShape,
  layout: ParameterLayout,
  weights: Weights,
  dtype: StoredDtype = 'float16',
): Uint8Array {
  const graph = new GraphBuilder('kyn-segmenter');
  const heads = segmenterHeads(shape);
  const { stem } = shape;
  const { layers, features } = backbone(graph, shape, layout, weights, dtype);
  const plane = sigmoid(graph, layers.head('head', features, heads.affinities));
  const pixels = stem > 1 ? depthToSpace(graph, plane, stem) : plane;
  graph.output('affinities', pixels, ['n', shape.offsets.length, ...PLANE]);
  if (heads.cross > 0) {
    const cross = sigmoid(graph, layers.head('cross', features, heads.cross));
    graph.output(CROSS_OUTPUT, cross, ['n', heads.cross, ...blocks(stem)]);
  }
  return graph.encode();
}

/** Name of the output of {@link exportFeatures}. */
export const FEATURES = 'features';

/**
 * The features that all heads of a segmenter are linear maps of.
 * @returns an `.onnx` file with the segmenter's input and output `features` `[n, widths[0], h/stem, w/stem]`
 */
export function exportFeatures(shape: SegmenterShape, layout: ParameterLayout, weights: Weights): Uint8Array {
  const graph = new GraphBuilder('kyn-features');
  const { features } = backbone(graph, shape, layout, weights, 'float16');
  graph.output(FEATURES, features, ['n', features.shape[1], ...blocks(shape.stem)]);
  return graph.encode();
}

function backbone(
  graph: GraphBuilder,
  shape: SegmenterShape,
  layout: ParameterLayout,
  weights: Weights,
  dtype: StoredDtype,
): { layers: Layers; features: Value } {
  const unet = segmenterUnet(shape);
  const named = ['n', unet.inputs, ...PLANE];
  const x = graph.input('input', [1, unet.inputs, ...unetMultiple(unet)], 'float32', named);
  const layers = new InferenceLayers(graph, layout, weights, dtype);
  return { layers, features: unetFeatures(layers, unet, x) };
}

const blocks = (stem: number): string[] => PLANE.map((name) => (stem > 1 ? `${name}/${stem}` : name));
