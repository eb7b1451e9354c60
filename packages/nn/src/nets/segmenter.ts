/**
 * The 2D segmenter: a U-Net over a section and its neighbours. Its finest level stands for blocks of pixels (`stem`), so
 * that the costliest convolutions see a quarter of them; the head for in-plane affinities writes every pixel of a block,
 * the others one value a block.
 */
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { LSD_CHANNELS } from '../sample/spec.ts';
import { type Layers, type ParameterLayout, TrainingLayers, type Weights } from './layers.ts';
import { type UNetConfig, unet2d, unetFeatures, unetMultiple } from './unet.ts';

/** A network, written against {@link Layers}: input tensor to raw outputs (logits). */
export type Network = (layers: Layers, input: Value) => Value;

/** What decides the segmenter's shape. */
export interface SegmenterShape {
  /** Channels at every level of the U-Net, finest first. */
  readonly widths: readonly number[];
  readonly offsets: readonly unknown[];
  /** Above 0: there is a head for shape descriptors, which serves training only. */
  readonly lsdSigma: number;
  /** Sections on either side that it sees. */
  readonly contextSections: number;
  /** Pixels along each axis that a pixel of its finest level stands for. */
  readonly stem: number;
  /** Channels of the head for affinities with the neighbouring sections; default 0. */
  readonly cross?: number;
}

/** Channels of every head, for one pixel of the finest level, in the order in which training sees them. */
export interface SegmenterHeads {
  /** Of each in-plane offset all pixels of the block, row by row. */
  readonly affinities: number;
  readonly cross: number;
  readonly descriptors: number;
}

/** The shape of a network for these options. */
export function segmenterShape(
  options: Omit<SegmenterShape, 'cross'> & { readonly displacements?: readonly unknown[] | undefined },
): SegmenterShape {
  const { widths, offsets, lsdSigma, contextSections, stem, displacements } = options;
  // in place with the section before and with the one after, then the displaced ones
  const cross = displacements ? 2 + displacements.length : 0;
  return { widths, offsets, lsdSigma, contextSections, stem, cross };
}

export function segmenterHeads({ offsets, stem, cross, lsdSigma }: SegmenterShape): SegmenterHeads {
  return {
    affinities: offsets.length * stem * stem,
    cross: cross ?? 0,
    descriptors: lsdSigma > 0 ? LSD_CHANNELS : 0,
  };
}

export function segmenterUnet(shape: SegmenterShape): UNetConfig {
  const { affinities, cross } = segmenterHeads(shape);
  return unet2d(shape.widths, affinities + cross, 1 + 2 * shape.contextSections, shape.stem);
}

/**
 * The network as it is trained.
 * @param frozen weights that stay as they are, of a network without a head for neighbouring sections: that one is trained
 * @returns (as a network) `[N, affinities + cross + descriptors, H / stem, W / stem]`
 */
export function segmenterNetwork(
  shape: SegmenterShape,
  frozen?: { readonly layout: ParameterLayout; readonly weights: Weights },
): Network {
  const { affinities, cross, descriptors } = segmenterHeads(shape);
  const unet = segmenterUnet(shape);
  return (layers, input) => {
    const backbone = frozen ? layers.frozen(frozen.layout, frozen.weights) : layers;
    const features = unetFeatures(backbone, unet, input);
    return layers.concat([
      backbone.head('head', features, affinities),
      ...(cross > 0 ? [layers.head('cross', features, cross)] : []),
      ...(descriptors > 0 ? [backbone.head('shape', features, descriptors)] : []),
    ]);
  };
}

/** Where a network's weights lie in its two vectors. */
export function networkLayout(network: Network, input: readonly number[]): ParameterLayout {
  const graph = new GraphBuilder('layout');
  const layers = new TrainingLayers(graph, { name: 'parameters', shape: [0], dtype: 'float32' });
  network(layers, graph.input('input', input));
  return layers.layout;
}

export function segmenterLayout(shape: SegmenterShape): ParameterLayout {
  const unet = segmenterUnet(shape);
  return networkLayout(segmenterNetwork(shape), [1, unet.inputs, ...unetMultiple(unet)]);
}
