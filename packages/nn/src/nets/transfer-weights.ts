/** Weights of one network for another that shares layers with it. */
import { elementCount } from '@kyn/core';
import { BATCH_NORM_EPSILON } from '../graph/ops.ts';
import type { ParameterLayout, Piece, Weights } from './layers.ts';
import { type SegmenterShape, segmenterLayout } from './segmenter.ts';

/** @returns zeros in the places of a layout */
export function emptyWeights({ parameterCount, statisticCount }: ParameterLayout): Weights {
  return { parameters: new Float32Array(parameterCount), statistics: new Float32Array(statisticCount) };
}

/**
 * Weights of a segmenter for one that sees more sections on either side: those that it has not seen count for nothing, so
 * that both say the same.
 * @param contextSections at least as many as it sees
 */
export function widenContext(shape: SegmenterShape, weights: Weights, contextSections: number): Weights {
  const [before, after] = [segmenterLayout(shape), segmenterLayout({ ...shape, contextSections })];
  const out = { ...emptyWeights(after), statistics: weights.statistics.slice() };
  before.parameters.forEach((piece, i) => {
    const { offset, shape: wider } = after.parameters[i];
    const data = weights.parameters.subarray(piece.offset, piece.offset + elementCount(piece.shape));
    if (wider[1] === piece.shape[1]) {
      out.parameters.set(data, offset);
      return;
    }
    // the first convolution: [Cout, pixel of a block, section, ...kernel]
    const taps = elementCount(piece.shape.slice(2));
    const [run, wide] = [shape.contextSections, contextSections].map((each) => (1 + 2 * each) * taps);
    for (let at = 0, to = offset + (wide - run) / 2; at < data.length; at += run, to += wide) {
      out.parameters.set(data.subarray(at, at + run), to);
    }
  });
  return out;
}

/**
 * Weights of a segmenter for one with fewer channels: at each level those stay that carry most into the layers behind
 * them, by their variance and the weights that they meet there (after Li 2017, "Pruning filters for efficient convnets").
 * Meant to be trained on.
 * @param widths as many levels as the shape has, none wider
 */
export function narrowWidths(shape: SegmenterShape, weights: Weights, widths: readonly number[]): Weights {
  const [before, after] = [segmenterLayout(shape), segmenterLayout({ ...shape, widths })];
  const out = emptyWeights(after);
  const piece = piecesOf(before, weights);
  const kept = { made: new Map<string, number[]>(), used: new Map<string, number[]>() };
  for (const { level, makers, users } of channelGroups(shape.widths.length)) {
    const channels = strongest(piece, makers, users, shape.widths[level], widths[level]);
    for (const maker of makers) kept.made.set(maker, channels);
    for (const user of users) kept.used.set(user, channels);
  }
  for (const kind of ['parameters', 'statistics'] as const) {
    after[kind].forEach(({ offset, shape: [made, used = 1, ...kernel] }, i) => {
      const { name, shape: wide } = before[kind][i];
      const layer = name.slice(0, name.lastIndexOf('.'));
      const [rows, columns] = [kept.made.get(layer), wide.length > 1 ? kept.used.get(layer) : undefined];
      const data = piece(name) as Float32Array;
      const taps = elementCount(kernel);
      for (let o = 0; o < made; o++) {
        for (let c = 0; c < used; c++) {
          const from = ((rows?.[o] ?? o) * (wide[1] ?? 1) + (columns?.[c] ?? c)) * taps;
          out[kind].set(data.subarray(from, from + taps), offset + (o * used + c) * taps);
        }
      }
    });
  }
  return out;
}

/** Which layers of a U-Net of two convolutions a stage make and use the same channels. */
function channelGroups(levels: number): { level: number; makers: string[]; users: string[] }[] {
  return Array.from({ length: levels }, (_, level) => {
    const deepest = level === levels - 1;
    const below = deepest ? `narrow${level - 1}` : `down${level + 1}.0`;
    const above = level === 0 ? ['head', 'cross', 'shape'] : [`narrow${level - 1}`];
    return [
      { level, makers: [`down${level}.0`], users: [`down${level}.1`] },
      deepest
        ? { level, makers: [`down${level}.1`], users: [below] }
        : { level, makers: [`down${level}.1`, `narrow${level}`], users: [below, `up${level}.0`] },
      ...(deepest
        ? []
        : [
            { level, makers: [`up${level}.0`], users: [`up${level}.1`] },
            { level, makers: [`up${level}.1`], users: above },
          ]),
    ];
  }).flat();
}

type Pieces = (name: string) => Float32Array | undefined;

function piecesOf(layout: ParameterLayout, weights: Weights): Pieces {
  const found = new Map<string, Float32Array>();
  for (const kind of ['parameters', 'statistics'] as const) {
    for (const { name, offset, shape } of layout[kind]) {
      found.set(name, weights[kind].subarray(offset, offset + elementCount(shape)));
    }
  }
  return (name) => found.get(name);
}

/** @returns the `count` channels of most weight among those that some layers make for others, in rising order */
function strongest(
  piece: Pieces,
  makers: readonly string[],
  users: readonly string[],
  channels: number,
  count: number,
): number[] {
  const weight = Float64Array.from({ length: channels }, (_, c) => {
    const variance = makers.reduce((sum, maker) => {
      const [mean, spread] = ['beta', 'gamma'].map((name) => piece(`${maker}.${name}`)?.[c] ?? 0);
      return sum + (maker.startsWith('narrow') ? spread * spread : rectifiedVariance(mean, Math.abs(spread)));
    }, 0);
    return variance * users.reduce((sum, user) => sum + usedWeight(piece, user, channels, c), 0);
  });
  const order = Array.from(weight.keys()).sort((a, b) => weight[b] - weight[a] || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}

/** @returns the squared weights that a layer has for one of its inputs, as large as they are behind its normalisation */
function usedWeight(piece: Pieces, layer: string, channels: number, channel: number): number {
  const weight = piece(`${layer}.weight`);
  if (!weight) return 0;
  const [gamma, variance] = [piece(`${layer}.gamma`), piece(`${layer}.variance`)];
  const outputs = gamma?.length ?? piece(`${layer}.bias`)?.length ?? 0;
  const taps = weight.length / outputs / channels;
  let sum = 0;
  for (let o = 0; o < outputs; o++) {
    const scale = gamma && variance ? gamma[o] ** 2 / (variance[o] + BATCH_NORM_EPSILON) : 1;
    for (let k = 0, at = (o * channels + channel) * taps; k < taps; k++, at++) sum += scale * weight[at] ** 2;
  }
  return sum;
}

/** @returns the variance of max(0, x) for a normally distributed x */
function rectifiedVariance(mean: number, spread: number): number {
  const STEPS = 64;
  let [mass, first, second] = [0, 0, 0];
  for (let i = 0; i <= STEPS; i++) {
    const at = -4 + (8 * i) / STEPS;
    const density = Math.exp(-0.5 * at * at);
    const value = Math.max(0, mean + spread * at);
    mass += density;
    first += density * value;
    second += density * value * value;
  }
  return second / mass - (first / mass) ** 2;
}

/**
 * Copies, in place, the pieces that both networks have under one name.
 * @param keep share (0..1) of what is there that stays, in place of a plain copy
 */
export function transferWeights(
  from: { readonly layout: ParameterLayout; readonly weights: Weights },
  layout: ParameterLayout,
  weightsInPlace: Weights,
  keep = 0,
): void {
  for (const kind of ['parameters', 'statistics'] as const) {
    copyPieces(from.layout[kind], from.weights[kind], layout[kind], weightsInPlace[kind], keep);
  }
}

function copyPieces(
  source: readonly Piece[],
  data: Float32Array,
  target: readonly Piece[],
  out: Float32Array,
  keep: number,
): void {
  const offsets = new Map(source.map(({ name, offset }) => [name, offset]));
  for (const { name, offset, shape } of target) {
    const at = offsets.get(name);
    if (at === undefined) continue;
    const count = elementCount(shape);
    for (let i = 0; i < count; i++) {
      out[offset + i] = (1 - keep) * data[at + i] + keep * out[offset + i];
    }
  }
}
