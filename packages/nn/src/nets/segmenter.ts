/** The 2D segmenter: a U-Net over a section and its neighbours, with a head for affinities and shape descriptors. */
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { LSD_CHANNELS } from '../sample/spec.ts';
import { type Layers, type ParameterLayout, TrainingLayers } from './layers.ts';
import { type UNetConfig, unet2d, unetFeatures, unetMultiple } from './unet.ts';

/** A network, written against {@link Layers}: input tensor to raw outputs (logits). */
export type Network = (layers: Layers, input: Value) => Value;

/** What decides the segmenter's shape. */
export interface SegmenterShape {
  /** Channels at every level of the U-Net, finest first. */
  readonly widths: readonly number[];
  readonly offsets: readonly unknown[];
  /** Above 0: the head has the shape descriptors after the affinities. */
  readonly lsdSigma: number;
  /** Sections on either side that it sees. */
  readonly contextSections: number;
}

export function segmenterUnet({ widths, offsets, lsdSigma, contextSections }: SegmenterShape): UNetConfig {
  return unet2d(widths, offsets.length + (lsdSigma > 0 ? LSD_CHANNELS : 0), 1 + 2 * contextSections);
}

export function segmenterHead(layers: Layers, unet: UNetConfig, features: Value): Value {
  return layers.head('head', features, unet.outputs);
}

export function segmenterNetwork(unet: UNetConfig): Network {
  return (layers, input) => segmenterHead(layers, unet, unetFeatures(layers, unet, input));
}

/** Where a network's weights lie in its two vectors. */
export function networkLayout(network: Network, input: readonly number[]): ParameterLayout {
  const graph = new GraphBuilder('layout');
  const layers = new TrainingLayers(graph, { name: 'parameters', shape: [0], dtype: 'float32' });
  network(layers, graph.input('input', input));
  return layers.layout;
}

export function segmenterLayout(unet: UNetConfig): ParameterLayout {
  return networkLayout(segmenterNetwork(unet), [1, unet.inputs, ...unetMultiple(unet)]);
}
