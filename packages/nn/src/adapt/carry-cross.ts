/**
 * Links between sections are judged on affinities between them, which are a linear map (before the sigmoid) of the
 * segmenter's features. Training the segmenter on, for single sections, moves its features away from under that map. It is
 * therefore fitted anew, by least squares over the painted sections, to say what it said before: so the classifier behind
 * it stays good without a single labelled link. (Matching a teacher's answers on unlabelled images is distillation, Hinton
 * 2015; here the fit is linear, so it is solved at once.)
 */
import { type NdArray, ndarray } from '@kyn/core';
import type { KynModel } from '../model/kyn-model.ts';
import { segmenterLayout, segmenterShape, segmenterUnet } from '../nets/segmenter.ts';
import { emptyWeights, transferWeights } from '../nets/transfer-weights.ts';
import { unetFlopPerPixel } from '../nets/unet.ts';
import type { Runtime } from '../runtime/session.ts';
import { CROSS_OUTPUT, exportFeatures, exportSegmenter, FEATURES } from '../train/export.ts';
import { LeastSquares } from './least-squares.ts';

/** Sections that the map is fitted on, and the longest side of the piece of each. */
const MOST_SECTIONS = 8;
const PIECE = 512;
/** Answers are taken to be no surer than this many log-odds. */
const SUREST = 6;

export interface CarriedModel {
  readonly model: KynModel;
  /** Share of the old answers' variance (in log-odds) that the new ones have, 0..1. */
  readonly kept: number;
}

/**
 * @param base a model with affinities between sections
 * @param adapted a segmenter trained on from it, without them
 * @param seen what the network sees of some sections, `1 + 2 * contextSections` images each
 * @returns `adapted` with the base model's affinities between sections, as near as can be, and its linker
 */
export async function carryCross(
  runtime: Runtime,
  base: KynModel,
  adapted: KynModel,
  seen: readonly (readonly NdArray<Float32Array>[])[],
): Promise<CarriedModel> {
  const { network, offsets, contextSections, tileMultiple } = adapted.description.segmenter;
  const { cross } = base.description.segmenter;
  if (!network || !adapted.weights || !cross)
    throw new TypeError('not models that share affinities between sections');
  const plain = segmenterShape({ ...network, offsets, contextSections });
  const shape = segmenterShape({ ...network, offsets, contextSections, ...cross });
  const before = await runtime.load(base.segmenter);
  const after = await runtime.load(exportFeatures(plain, segmenterLayout(plain), adapted.weights));
  const fit = new LeastSquares(network.widths[0], 2 + cross.displacements.length);
  try {
    for (const images of seen.slice(0, MOST_SECTIONS)) {
      const input = cutPiece(images, tileMultiple);
      const [old, fresh] = [await before.run({ input }), await after.run({ input })];
      fit.add(fresh[FEATURES].data, old[CROSS_OUTPUT].data.map(logOdds));
    }
  } finally {
    await Promise.all([before.release(), after.release()]);
  }
  const { weight, constant, squares } = fit.solve();
  const layout = segmenterLayout(shape);
  const weights = emptyWeights(layout);
  transferWeights({ layout: segmenterLayout(plain), weights: adapted.weights }, layout, weights);
  for (const { name, offset } of layout.parameters) {
    if (name === 'cross.weight') weights.parameters.set(weight, offset);
    if (name === 'cross.bias') weights.parameters.set(constant, offset);
  }
  const { segmenter, card } = adapted.description;
  const { linker } = base.description.card;
  const flopPerPixel = Math.round(unetFlopPerPixel(segmenterUnet(shape)));
  const model: KynModel = {
    ...adapted,
    segmenter: exportSegmenter(shape, layout, weights),
    weights,
    ...(base.linker ? { linker: base.linker } : {}),
    description: {
      ...adapted.description,
      segmenter: { ...segmenter, cross, flopPerPixel },
      card: linker ? { ...card, linker } : card,
    },
  };
  return { model, kept: squares[1] > 0 ? 1 - squares[0] / squares[1] : 1 };
}

function logOdds(p: number): number {
  return Math.min(SUREST, Math.max(-SUREST, Math.log(p / (1 - p))));
}

/** The upper left piece of a section as one batch, its sides multiples of what the network takes. */
function cutPiece(images: readonly NdArray<Float32Array>[], multiple: number): NdArray<Float32Array> {
  const [fullHeight, fullWidth] = images[0].shape;
  const side = (extent: number): number => Math.min(PIECE, extent) - (Math.min(PIECE, extent) % multiple);
  const [height, width] = [side(fullHeight), side(fullWidth)];
  const out = new Float32Array(images.length * height * width);
  images.forEach(({ data }, k) => {
    for (let y = 0; y < height; y++) {
      out.set(data.subarray(y * fullWidth, y * fullWidth + width), (k * height + y) * width);
    }
  });
  return ndarray(out, [1, images.length, height, width]);
}
