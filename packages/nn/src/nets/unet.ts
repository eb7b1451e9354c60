/**
 * U-Nets (Ronneberger 2015) for two or three spatial axes, with sums instead of joins at the skips (as in the
 * residual symmetric U-Net of Lee 2017, which scored best on SNEMI3D): half the work at the finest level.
 */
import type { Value } from '../graph/builder.ts';
import type { Layers } from './layers.ts';

export interface UNetConfig {
  /** Channels of the input, e.g. 1 section. */
  readonly inputs: number;
  /** Channels at every level, finest first. */
  readonly widths: readonly number[];
  /** Kernel of every level; its length says how many spatial axes there are. */
  readonly kernels: readonly (readonly number[])[];
  /** Downsampling between level i and i + 1. */
  readonly factors: readonly (readonly number[])[];
  /** Convolutions a level on the way down and up; `residual` adds a skip around all but the first. */
  readonly convolutions: number;
  readonly residual: boolean;
  /** Channels of the output. */
  readonly outputs: number;
  /**
   * The finest level stands for blocks of this many pixels along each axis; 1: for pixels. Above 1 in two axes only.
   */
  readonly stem: number;
}

/** The 2D segmenter's shape for given widths. */
export function unet2d(widths: readonly number[], outputs: number, inputs = 1, stem = 1): UNetConfig {
  return {
    inputs,
    stem,
    widths,
    kernels: widths.map(() => [3, 3]),
    factors: widths.slice(1).map(() => [2, 2]),
    convolutions: 2,
    residual: false,
    outputs,
  };
}

/**
 * The 3D residual symmetric U-Net of Lee 2017 (SNEMI3D; published widths 28-36-48-64-80): anisotropic, so the
 * finest level works in the plane and z is never downsampled at the first step.
 */
export function residualUnet3d(widths: readonly number[], outputs: number): UNetConfig {
  return {
    inputs: 1,
    stem: 1,
    widths,
    kernels: widths.map((_, level) => (level === 0 ? [1, 3, 3] : [3, 3, 3])),
    factors: widths.slice(1).map(() => [1, 2, 2]),
    convolutions: 3,
    residual: true,
    outputs,
  };
}

/** Spatial extents must be multiples of this. */
export function unetMultiple(config: UNetConfig): number[] {
  const axes = config.kernels[0].length;
  return Array.from({ length: axes }, (_, axis) =>
    config.factors.reduce((m, factor) => m * factor[axis], config.stem),
  );
}

function stage(layers: Layers, name: string, x: Value, config: UNetConfig, level: number, stem = 1): Value {
  const [channels, kernel] = [config.widths[level], config.kernels[level]];
  let out = layers.stem(`${name}.0`, x, channels, kernel, stem);
  const skip = out;
  for (let i = 1; i < config.convolutions; i++) {
    const last = i === config.convolutions - 1;
    out = layers.block(`${name}.${i}`, out, channels, kernel, !(last && config.residual));
    if (last && config.residual) out = layers.relu(layers.add(out, skip));
  }
  return out;
}

/**
 * The network without its head.
 * @returns the finest level's features, `[N, widths[0], ...]`, extents as `x`, over `stem`.
 */
export function unetFeatures(layers: Layers, config: UNetConfig, x: Value): Value {
  const skips: Value[] = [];
  let out = x;
  config.widths.forEach((_, level) => {
    if (level > 0) out = layers.down(out, config.factors[level - 1]);
    out = stage(layers, `down${level}`, out, config, level, level === 0 ? config.stem : 1);
    skips.push(out);
  });
  for (let level = config.widths.length - 2; level >= 0; level--) {
    // Narrow before going up: the 1×1 convolution commutes with nearest upsampling and is cheaper below.
    const narrowed = layers.block(
      `narrow${level}`,
      out,
      config.widths[level],
      config.kernels[level].map(() => 1),
      false,
    );
    out = stage(
      layers,
      `up${level}`,
      layers.add(layers.up(narrowed, config.factors[level]), skips[level]),
      config,
      level,
    );
  }
  return out;
}

/** The whole network, with one head (`head`) on the finest level. */
export function unetNetwork(config: UNetConfig): (layers: Layers, x: Value) => Value {
  return (layers, x) => layers.head('head', unetFeatures(layers, config, x), config.outputs);
}

/** Multiply-adds, counted as two operations, per input pixel. */
export function unetFlopPerPixel(config: UNetConfig): number {
  let flop = 0;
  const pixels = config.stem ** config.kernels[0].length;
  let share = 1 / pixels;
  config.widths.forEach((width, level) => {
    if (level > 0) share /= config.factors[level - 1].reduce((a, b) => a * b, 1);
    const taps = config.kernels[level].reduce((a, b) => a * b, 1);
    const first = level === 0 ? config.inputs * pixels : config.widths[level - 1];
    flop += 2 * share * taps * (first * width + (config.convolutions - 1) * width * width);
    if (level < config.widths.length - 1) {
      flop += 2 * share * taps * config.convolutions * width * width;
      const below = share / config.factors[level].reduce((a, b) => a * b, 1);
      flop += 2 * below * config.widths[level + 1] * width;
    }
  });
  return flop + (2 * config.widths[0] * config.outputs) / pixels;
}
