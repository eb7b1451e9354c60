/**
 * The neighbour head: is this pixel of one section the same neuron as that pixel of the next? It stands on the
 * segmenter's features, which were learned for one section and are transferred: every section is embedded once, by
 * 1×1 convolutions of its features at half and quarter resolution; a small two-level network then compares the
 * embeddings of two sections. Its output is at half resolution, one channel a displacement.
 */
import type { Value } from '../graph/builder.ts';
import type { Layers } from './layers.ts';
import { type UNetConfig, unetPyramid } from './unet.ts';

export interface NeighbourConfig {
  /** Channels of the embedding at half and at quarter resolution. */
  readonly embedding: readonly [half: number, quarter: number];
  /** Channels of the comparison at both. */
  readonly widths: readonly [half: number, quarter: number];
  /** Displacements that are asked about. */
  readonly outputs: number;
}

/** Pixels of the network that one pixel of the head's output stands for, along each axis. */
export const NEIGHBOUR_STRIDE = 2;

const DOWN = [2, 2];
const SAME = [3, 3];
const POINT = [1, 1];

/** Names of the layers that embed, finest first. */
export const EMBED_LAYERS = ['embed.half', 'embed.quarter'] as const;

/**
 * The features that embeddings are linear maps of, at half and at quarter resolution.
 * @param pyramid of {@link unetPyramid}; at least three levels
 */
export function embeddedFeatures(layers: Layers, pyramid: readonly Value[]): [half: Value, quarter: Value] {
  return [layers.concat([pyramid[1], layers.down(pyramid[0], DOWN)]), pyramid[2]];
}

/**
 * Embeddings of sections, from the backbone's features.
 * @param pyramid of {@link unetPyramid}; at least three levels
 * @returns `[N, embedding[0], H/2, W/2]` and `[N, embedding[1], H/4, W/4]`
 */
export function embedSections(
  layers: Layers,
  pyramid: readonly Value[],
  { embedding }: Pick<NeighbourConfig, 'embedding'>,
): Value[] {
  return embeddedFeatures(layers, pyramid).map((features, i) =>
    layers.block(EMBED_LAYERS[i], features, embedding[i], POINT, false),
  );
}

/**
 * Compares two sections.
 * @param half, quarter embeddings of both, lower first, joined along the channels
 * @returns logits `[N, outputs, H/2, W/2]`
 */
export function compareSections(layers: Layers, half: Value, quarter: Value, config: NeighbourConfig): Value {
  let out = layers.block('compare.quarter.0', quarter, config.widths[1], SAME);
  out = layers.block('compare.quarter.1', out, config.widths[1], SAME);
  out = layers.concat([half, layers.up(out, DOWN)]);
  out = layers.block('compare.half.0', out, config.widths[0], SAME);
  out = layers.block('compare.half.1', out, config.widths[0], SAME);
  return layers.head('compare.head', out, config.outputs);
}

/**
 * Both for training.
 * @param backbone layers of the segmenter's part: frozen ones, or `layers` where it is trained as well
 * @param input `[N, 2 × inputs, H, W]`: what the segmenter sees of the lower section, then of the upper
 */
export function neighbourNetwork(
  layers: Layers,
  backbone: Layers,
  unet: UNetConfig,
  config: NeighbourConfig,
  input: Value,
): Value {
  const [count, channels, ...extents] = input.shape;
  const sections = layers.reshape(input, [2 * count, channels / 2, ...extents]);
  const [half, quarter] = embedSections(layers, unetPyramid(backbone, unet, sections), config).map(
    (embedded) => {
      const [, depth, ...size] = embedded.shape;
      return layers.reshape(embedded, [count, 2 * depth, ...size]);
    },
  );
  return compareSections(layers, half, quarter, config);
}

/** Operations per pixel of a section at full resolution, embedding and one comparison; a multiply-add counts as two. */
export function neighbourFlopPerPixel(unet: UNetConfig, config: NeighbourConfig): number {
  const [half, quarter] = config.embedding;
  const [wide, narrow] = config.widths;
  const atHalf =
    (unet.widths[0] + unet.widths[1]) * half +
    9 * ((2 * half + narrow) * wide + wide * wide) +
    wide * config.outputs;
  const atQuarter = unet.widths[2] * quarter + 9 * (2 * quarter * narrow + narrow * narrow);
  return 2 * (atHalf / 4 + atQuarter / 16);
}
