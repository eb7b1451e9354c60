/** Writes a trained network as plain ONNX for inference: batch norm folded, free extents, sigmoid at the end. */
import { GraphBuilder } from '../graph/builder.ts';
import { sigmoid } from '../graph/ops.ts';
import { InferenceLayers, type ParameterLayout, type Weights } from '../nets/layers.ts';
import type { Network } from './train-step.ts';

export interface ExportOptions {
  /** `[Cin, ...spatial]` of a typical input; extents stay free in the file. */
  readonly input: readonly number[];
  /** Output channels kept (the affinities); the others served training only. */
  readonly keep: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * @returns an `.onnx` file with input `input` `[n, Cin, ...]` and output `affinities` `[n, keep, ...]` in 0..1.
 */
export function exportNetwork(
  network: Network,
  layout: ParameterLayout,
  weights: Weights,
  options: ExportOptions,
): Uint8Array {
  const graph = new GraphBuilder('kyn-segmenter');
  const [channelsIn, ...extents] = options.input;
  const names = extents.length === 2 ? ['h', 'w'] : ['d', 'h', 'w'];
  const input = graph.input('input', [1, ...options.input], 'float32', ['n', channelsIn, ...names]);
  const layers = new InferenceLayers(graph, layout, weights, options.keep);
  const output = sigmoid(graph, network(layers, input));
  graph.output('affinities', output, ['n', options.keep, ...names]);
  return graph.encode(options.metadata);
}
