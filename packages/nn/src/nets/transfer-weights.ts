/** Weights of one network for another that shares layers with it. */
import { elementCount, KynError } from '@kyn/core';
import { initialWeights } from './initialise.ts';
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
 * Weights of a network for one of the same layers with more channels: the new channels start at random, and none of the
 * old ones listens to them yet, so that both say the same (after Net2Net, Chen et al. 2016, which copies channels instead).
 * @param layout of the wider network, whose pieces are those of `from`, none smaller
 * @param seed which random numbers
 * @throws KynError `usage` where a layer would have fewer channels, or is another one
 */
export function widenChannels(
  from: { readonly layout: ParameterLayout; readonly weights: Weights },
  layout: ParameterLayout,
  seed: number,
): Weights {
  const out = initialWeights(layout, seed);
  for (const kind of ['parameters', 'statistics'] as const) {
    if (from.layout[kind].length !== layout[kind].length) throw otherLayers();
    from.layout[kind].forEach((piece, i) => {
      widenPiece(piece, from.weights[kind], layout[kind][i], out[kind]);
    });
  }
  return out;
}

const otherLayers = (): KynError =>
  new KynError('usage', 'the network to start from has other layers, or more channels', {
    hint: 'give widths that are nowhere below those of the model, and as many',
  });

/** Copies a piece into the corner of a larger one, in place; what else the rows of the old channels have becomes 0. */
function widenPiece(piece: Piece, data: Float32Array, wide: Piece, out: Float32Array): void {
  const { shape, offset } = piece;
  const taps = elementCount(shape.slice(2));
  const [rows, columns, wideColumns] = [shape[0], shape[1] ?? 1, wide.shape[1] ?? 1];
  const same = piece.name === wide.name && taps === elementCount(wide.shape.slice(2));
  if (!same || wide.shape[0] < rows || wideColumns < columns) throw otherLayers();
  for (let row = 0; row < rows; row++) {
    const [at, to] = [offset + row * columns * taps, wide.offset + row * wideColumns * taps];
    out.fill(0, to, to + wideColumns * taps);
    out.set(data.subarray(at, at + columns * taps), to);
  }
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
