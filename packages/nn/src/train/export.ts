/** Writes trained networks as plain ONNX for inference: batch norm folded, free extents, sigmoid at the end. */
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { sigmoid } from '../graph/ops.ts';
import { InferenceLayers, type ParameterLayout, type Weights } from '../nets/layers.ts';
import {
  compareSections,
  embeddedFeatures,
  embedSections,
  type NeighbourConfig,
} from '../nets/neighbour-head.ts';
import { type Network, segmenterHead } from '../nets/segmenter.ts';
import { type UNetConfig, unetMultiple, unetPyramid } from '../nets/unet.ts';

/** Names of a graph's free extents. */
const PLANE = ['h', 'w'];
const VOLUME = ['d', 'h', 'w'];

export interface ExportOptions {
  /** `[Cin, ...spatial]` of a typical input; extents stay free in the file. */
  readonly input: readonly number[];
  /** Output channels kept (the affinities); the others served training only. */
  readonly keep: number;
}

/** @returns an `.onnx` file with input `input` `[n, Cin, ...]` and output `affinities` `[n, keep, ...]` in 0..1. */
export function exportNetwork(
  network: Network,
  layout: ParameterLayout,
  weights: Weights,
  { input, keep }: ExportOptions,
): Uint8Array {
  const graph = new GraphBuilder('kyn-network');
  const [channels, ...extents] = input;
  const names = extents.length === 2 ? PLANE : VOLUME;
  const x = graph.input('input', [1, ...input], 'float32', ['n', channels, ...names]);
  const output = network(new InferenceLayers(graph, layout, weights, keep), x);
  graph.output('affinities', sigmoid(graph, output), ['n', keep, ...names]);
  return graph.encode();
}

/** A neighbour head with its weights. */
export interface TrainedHead {
  readonly config: NeighbourConfig;
  readonly layout: ParameterLayout;
  readonly weights: Weights;
}

/** What of a head embeds sections. */
export interface TrainedEmbedding {
  readonly config: Pick<NeighbourConfig, 'embedding'>;
  readonly layout: ParameterLayout;
  readonly weights: Weights;
}

/** Names of the embeddings, finest first, among the segmenter's outputs. */
export const EMBEDDINGS = ['embedding_half', 'embedding_quarter'] as const;

/**
 * The segmenter, and, for a neighbour head, the embedding of the section beside it.
 * @returns an `.onnx` file with input `input` `[n, Cin, h, w]` and outputs `affinities` `[n, affinities, h, w]` in
 * 0..1, `embedding_half` `[n, c, h/2, w/2]`, `embedding_quarter` `[n, c, h/4, w/4]`.
 */
export function exportSegmenter(
  unet: UNetConfig,
  layout: ParameterLayout,
  weights: Weights,
  affinities: number,
  head?: TrainedEmbedding,
): Uint8Array {
  const graph = new GraphBuilder('kyn-segmenter');
  const extents = unetMultiple(unet);
  const x = graph.input('input', [1, unet.inputs, ...extents], 'float32', ['n', unet.inputs, ...PLANE]);
  const layers = new InferenceLayers(graph, layout, weights, affinities);
  const pyramid = unetPyramid(layers, unet, x);
  const output = sigmoid(graph, segmenterHead(layers, unet, pyramid[0]));
  graph.output('affinities', output, ['n', affinities, ...PLANE]);
  if (head) {
    const embedded = embedSections(layers.frozen(head.layout, head.weights), pyramid, head.config);
    embedded.forEach((value, i) => {
      graph.output(EMBEDDINGS[i], value, ['n', value.shape[1], `h/${2 << i}`, `w/${2 << i}`]);
    });
  }
  return graph.encode();
}

/**
 * The segmenter's features that embeddings are linear maps of.
 * @returns an `.onnx` file with the segmenter's input and outputs as the embeddings are named, at their resolutions.
 */
export function exportFeatures(unet: UNetConfig, layout: ParameterLayout, weights: Weights): Uint8Array {
  const graph = new GraphBuilder('kyn-features');
  const extents = unetMultiple(unet);
  const x = graph.input('input', [1, unet.inputs, ...extents], 'float32', ['n', unet.inputs, ...PLANE]);
  const layers = new InferenceLayers(graph, layout, weights);
  embeddedFeatures(layers, unetPyramid(layers, unet, x)).forEach((value, i) => {
    graph.output(EMBEDDINGS[i], value, ['n', value.shape[1], `h/${2 << i}`, `w/${2 << i}`]);
  });
  return graph.encode();
}

/**
 * The comparison of two embedded sections.
 * @returns an `.onnx` file with inputs `lower_half`, `lower_quarter`, `upper_half`, `upper_quarter` and output
 * `affinities` `[n, outputs, h/2, w/2]` in 0..1.
 */
export function exportComparison({ config, layout, weights }: TrainedHead): Uint8Array {
  const graph = new GraphBuilder('kyn-neighbour');
  const layers = new InferenceLayers(graph, layout, weights);
  const input = (side: 'lower' | 'upper', level: 'half' | 'quarter'): Value => {
    const [channels, extent] = level === 'half' ? [config.embedding[0], 8] : [config.embedding[1], 4];
    const names = level === 'half' ? ['h', 'w'] : ['h/2', 'w/2'];
    return graph.input(`${side}_${level}`, [1, channels, extent, extent], 'float32', [
      'n',
      channels,
      ...names,
    ]);
  };
  const [lowerHalf, lowerQuarter] = [input('lower', 'half'), input('lower', 'quarter')];
  const [upperHalf, upperQuarter] = [input('upper', 'half'), input('upper', 'quarter')];
  const half = layers.concat([lowerHalf, upperHalf]);
  const quarter = layers.concat([lowerQuarter, upperQuarter]);
  const output = sigmoid(graph, compareSections(layers, half, quarter, config));
  graph.output('affinities', output, ['n', config.outputs, 'h', 'w']);
  return graph.encode();
}
