/**
 * Links between sections are judged on embeddings, which are linear maps of the segmenter's features. Training the
 * segmenter on moves its features away from under them. The maps are therefore fitted anew, by least squares over the
 * painted sections, to give what they gave before: so the comparison of two embeddings, and the classifier behind it,
 * stay good without a single labelled link. (Matching the features of a teacher on unlabelled images is the idea of
 * FitNets, Romero 2015; here the fit is linear, so it is solved at once.)
 */
import { type NdArray, ndarray } from '@kyn/core';
import { BATCH_NORM_EPSILON } from '../graph/ops.ts';
import type { KynModel } from '../model/kyn-model.ts';
import type { ParameterLayout, Piece, Weights } from '../nets/layers.ts';
import { EMBED_LAYERS } from '../nets/neighbour-head.ts';
import { segmenterLayout, segmenterUnet } from '../nets/segmenter.ts';
import { unetMultiple } from '../nets/unet.ts';
import type { Runtime, Session } from '../runtime/session.ts';
import { EMBEDDINGS, exportFeatures, exportSegmenter } from '../train/export.ts';
import { LeastSquares } from './least-squares.ts';

/** Sections that the maps are fitted on, and the longest side of the piece of each. */
const MOST_SECTIONS = 8;
const PIECE = 512;

export interface CarriedModel {
  readonly model: KynModel;
  /** Share of the old embeddings' variance that the new ones have, 0..1. */
  readonly kept: number;
}

/**
 * @param base a model with a neighbour head
 * @param adapted a segmenter trained on from it
 * @param seen what the network sees of some sections, `1 + 2 * contextSections` images each
 * @returns `adapted` with the base model's neighbour head and linker, on embeddings as they were
 */
export async function carryEmbeddings(
  runtime: Runtime,
  base: KynModel,
  adapted: KynModel,
  seen: readonly (readonly NdArray<Float32Array>[])[],
): Promise<CarriedModel> {
  const { network, offsets, contextSections } = adapted.description.segmenter;
  const { weights } = adapted;
  if (!network || !weights || !base.neighbour) throw new TypeError('not models that share a neighbour head');
  const unet = segmenterUnet({ ...network, offsets, contextSections });
  const layout = segmenterLayout(unet);
  const before = await runtime.load(base.segmenter);
  const after = await runtime.load(exportFeatures(unet, layout, weights));
  const fits: LeastSquares[] = [];
  try {
    for (const images of seen.slice(0, MOST_SECTIONS)) {
      await addSection(fits, before, after, cutPiece(images, unetMultiple(unet)));
    }
  } finally {
    await Promise.all([before.release(), after.release()]);
  }
  const maps = fits.map((fit) => fit.solve());
  const embedding = [fits[0].outputs, fits[1].outputs] as const;
  const head = { config: { embedding }, ...asLayers(fits, maps) };
  const [unexplained, total] = [0, 1].map((i) => maps.reduce((sum, map) => sum + map.squares[i], 0));
  const { card } = adapted.description;
  const { linker } = base.description.card;
  const description = {
    ...base.description,
    ...adapted.description,
    card: linker ? { ...card, linker } : card,
  };
  const segmenter = exportSegmenter(unet, layout, weights, offsets.length, head);
  return {
    model: { ...base, ...adapted, segmenter, description },
    kept: total > 0 ? 1 - unexplained / total : 1,
  };
}

/** The upper left piece of a section as one batch, its sides multiples of what the network takes. */
function cutPiece(
  images: readonly NdArray<Float32Array>[],
  multiple: readonly number[],
): NdArray<Float32Array> {
  const [fullHeight, fullWidth] = images[0].shape;
  const side = (extent: number, of: number): number =>
    Math.min(PIECE, extent) - (Math.min(PIECE, extent) % of);
  const [height, width] = [side(fullHeight, multiple[0]), side(fullWidth, multiple[1])];
  const out = new Float32Array(images.length * height * width);
  images.forEach(({ data }, k) => {
    for (let y = 0; y < height; y++) {
      out.set(data.subarray(y * fullWidth, y * fullWidth + width), (k * height + y) * width);
    }
  });
  return ndarray(out, [1, images.length, height, width]);
}

async function addSection(
  fits: LeastSquares[],
  before: Session,
  after: Session,
  input: NdArray<Float32Array>,
): Promise<void> {
  const [old, fresh] = [await before.run({ input }), await after.run({ input })];
  EMBEDDINGS.forEach((name, level) => {
    const [features, wanted] = [fresh[name], old[name]];
    fits[level] ??= new LeastSquares(features.shape[1], wanted.shape[1]);
    fits[level].add(features.data, wanted.data);
  });
}

/** Linear maps as the layers that embed: batch norm that does nothing but add the constant. */
function asLayers(
  fits: readonly LeastSquares[],
  maps: readonly { readonly weight: Float32Array; readonly constant: Float32Array }[],
): { layout: ParameterLayout; weights: Weights } {
  const parameters: Piece[] = [];
  const statistics: Piece[] = [];
  const [values, moments]: [number[], number[]] = [[], []];
  const add = (
    [pieces, data]: [Piece[], number[]],
    name: string,
    shape: readonly number[],
    of: Iterable<number>,
  ): void => {
    pieces.push({ name, offset: data.length, shape, init: { constant: 0 } });
    data.push(...of);
  };
  fits.forEach(({ inputs, outputs }, i) => {
    const name = EMBED_LAYERS[i];
    add([parameters, values], `${name}.weight`, [outputs, inputs, 1, 1], maps[i].weight);
    add([parameters, values], `${name}.gamma`, [outputs], new Array<number>(outputs).fill(1));
    add([parameters, values], `${name}.beta`, [outputs], maps[i].constant);
    add([statistics, moments], `${name}.mean`, [outputs], new Array<number>(outputs).fill(0));
    const unit = 1 - BATCH_NORM_EPSILON;
    add([statistics, moments], `${name}.variance`, [outputs], new Array<number>(outputs).fill(unit));
  });
  return {
    layout: { parameters, parameterCount: values.length, statistics, statisticCount: moments.length },
    weights: { parameters: Float32Array.from(values), statistics: Float32Array.from(moments) },
  };
}
