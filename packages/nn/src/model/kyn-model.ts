/**
 * A model as one file, `NAME.kyn`: a zip of its ONNX graphs and `model.json`, which says what they were trained for
 * and is their card: data, licence, seed, command, figures.
 */
import { type CrossInfo, isLinkModel, KynError, type LinkModel, type Offset2, type Vec3 } from '@kyn/core';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import type { ParameterLayout, Weights } from '../nets/layers.ts';
import { segmenterLayout, segmenterShape } from '../nets/segmenter.ts';
import { decodeTraining, encodeTraining } from './training-weights.ts';

export const MODEL_FORMAT = 'kyn-model-2';

/** Where a model comes from and how good it was when it was made. Shown by `kyn info`. */
export interface ModelCard {
  readonly description: string;
  readonly licence: string;
  /** Training volumes with their attributions. */
  readonly data: readonly string[];
  readonly seed: number;
  /** The command that makes the model again. */
  readonly command: string;
  /** Figures by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** The same of the linker, where the model has one. */
  readonly linker?: Omit<ModelCard, 'linker'>;
}

export interface SegmenterSettings {
  /** nm, zyx; z is what a section typically is. */
  readonly voxelSizeNm: Vec3;
  readonly offsets: readonly Offset2[];
  /** Sections on either side that the network sees as well. */
  readonly contextSections: number;
  /** What it says of neighbouring sections, if anything. */
  readonly cross?: CrossInfo;
  /** What the network is made of, for training that starts from its weights. */
  readonly network?: {
    readonly widths: readonly number[];
    /** Pixels along each axis that a pixel of its finest level stands for. */
    readonly stem: number;
    readonly lsdSigma: number;
  };
  /** Tile sides are multiples of this. */
  readonly tileMultiple: number;
  readonly tileSize: number;
  readonly halo: number;
  readonly flopPerPixel: number;
}

export interface ModelDescription {
  readonly format: typeof MODEL_FORMAT;
  readonly name: string;
  readonly segmenter: SegmenterSettings;
  readonly card: ModelCard;
}

export interface KynModel {
  readonly description: ModelDescription;
  /**
   * ONNX graph: `input` `[n, 1 + 2 * contextSections, h, w]` to `affinities` `[n, offsets, h, w]` and, with `cross` in its
   * settings, `cross` `[n, 2 + displacements, h / stride, w / stride]`.
   */
  readonly segmenter: Uint8Array;
  /** What turns evidence about two fragments into a probability. */
  readonly linker?: LinkModel;
  /**
   * The segmenter's weights before batch normalisation is folded away: where further training starts. From a file they come
   * back as the graph has them, rounded to 16 bit.
   */
  readonly weights?: Weights;
}

const SEGMENTER = 'segmenter.onnx';
const TRAINING = 'segmenter.training';
const LINKER = 'linker.json';
const DESCRIPTION = 'model.json';
/** Zip entries carry a date; a fixed one keeps the file the same for the same model. */
const DATE = new Date('2020-01-01T12:00:00');

export function encodeModel({ description, segmenter, linker, weights }: KynModel): Uint8Array {
  const files: Record<string, Uint8Array> = { [SEGMENTER]: segmenter };
  const layout = weights && layoutOf(description);
  if (linker) files[LINKER] = strToU8(JSON.stringify(linker));
  if (weights && layout) files[TRAINING] = encodeTraining(layout, weights, segmenter);
  return packModel(description, files);
}

/** Where the segmenter's weights lie; undefined where its model does not say what it is made of. */
function layoutOf({ segmenter }: ModelDescription): ParameterLayout | undefined {
  const { network, offsets, contextSections, cross } = segmenter;
  return network && segmenterLayout(segmenterShape({ ...network, offsets, contextSections, ...cross }));
}

/** What every kind of model says of itself. */
export type CommonDescription = Pick<ModelDescription, 'format' | 'name' | 'card'>;

/** A model file of a description and whatever graphs it names. */
export function packModel(
  description: CommonDescription,
  files: Readonly<Record<string, Uint8Array>>,
): Uint8Array {
  const json = strToU8(`${JSON.stringify(description, null, 2)}\n`);
  // stored as they are: numbers of networks hardly shrink, and to unpack texts takes longer than to read a little more
  const all = { [DESCRIPTION]: json, ...files };
  return zipSync(all, { level: 0, mtime: DATE });
}

/**
 * The weights for training that a model's graph and the file beside it make up.
 * @param layoutOf where they lie; nothing comes back where the model does not say
 * @throws KynError `model` if they do not fit.
 */
export function readTraining(
  layoutOf: () => ParameterLayout | undefined,
  graph: Uint8Array,
  rest: Uint8Array,
  where: string,
): Weights | undefined {
  try {
    const layout = layoutOf();
    return layout && decodeTraining(layout, graph, rest);
  } catch (cause) {
    throw refusal(where, 'its weights for training are not whole', cause);
  }
}

function readLinker(bytes: Uint8Array): LinkModel | undefined {
  try {
    const linker: unknown = JSON.parse(strFromU8(bytes));
    return isLinkModel(linker) ? linker : undefined;
  } catch {
    return undefined;
  }
}

/** True for bytes that begin like a zip file, hence a `.kyn` model rather than plain ONNX. */
export function looksLikeKynModel(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b;
}

const refusal = (where: string, what: string, cause?: unknown) =>
  new KynError('model', what, {
    where,
    hint: 'give the name of a shipped model (base), a .kyn file, or a plain .onnx network',
    ...(cause === undefined ? {} : { cause }),
  });

/**
 * @param parts weights are only of use for training: they can be left out
 * @throws KynError `model` if the bytes are not a model of a format that we know.
 */
export function decodeModel(bytes: Uint8Array, where: string, parts = { weights: true }): KynModel {
  const leftOut = parts.weights ? [] : [TRAINING];
  const { description, files } = unpackModel<ModelDescription>(bytes, SEGMENTER, where, leftOut);
  const rest = files[TRAINING];
  const weights = rest && readTraining(() => layoutOf(description), files[SEGMENTER], rest, where);
  const linker = files[LINKER] && readLinker(files[LINKER]);
  if (files[LINKER] && !linker) throw refusal(where, `${LINKER} is not a linker that this version reads`);
  return {
    description,
    segmenter: files[SEGMENTER],
    ...(linker ? { linker } : {}),
    ...(weights ? { weights } : {}),
  };
}

/**
 * @param leftOut files that are not unpacked
 * @throws KynError `model` if the bytes are not a model of a format that we know, with this graph in it.
 */
export function unpackModel<D extends CommonDescription>(
  bytes: Uint8Array,
  graph: string,
  where: string,
  leftOut: readonly string[] = [],
): { description: D; files: Record<string, Uint8Array> } {
  let files: Record<string, Uint8Array>;
  try {
    // weights of earlier versions are of no use to this one
    files = unzipSync(bytes, {
      filter: ({ name }) => !leftOut.includes(name) && !name.endsWith('.weights'),
    });
  } catch (cause) {
    throw refusal(where, 'not a .kyn model (the zip cannot be read)', cause);
  }
  const json = files[DESCRIPTION];
  const other = Object.keys(files).find((name) => name.endsWith('.onnx'));
  if (json && other && !files[graph]) {
    throw refusal(where, `a model of another kind: it holds ${other}, not ${graph}`);
  }
  if (!files[graph] || !json) {
    throw refusal(where, `not a .kyn model (${graph} or ${DESCRIPTION} is missing)`);
  }
  let description: D;
  try {
    description = JSON.parse(strFromU8(json));
  } catch (cause) {
    throw refusal(where, `${DESCRIPTION} is not JSON`, cause);
  }
  if (description.format !== MODEL_FORMAT) {
    const format = String(description.format);
    throw refusal(where, `the model's format is ${format}, this version reads ${MODEL_FORMAT}`);
  }
  return { description, files };
}
