/**
 * A model as one file, `NAME.kyn`: a zip of its ONNX graphs and `model.json`, which says what they were trained for
 * and is their card: data, licence, seed, command, figures.
 */
import { type CrossInfo, isLinkModel, KynError, type LinkModel, type Offset2, type Vec3 } from '@kyn/core';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import type { Weights } from '../nets/layers.ts';

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
  /** The segmenter's weights before batch normalisation is folded away: where further training starts. */
  readonly weights?: Weights;
}

const SEGMENTER = 'segmenter.onnx';
const WEIGHTS = 'segmenter.weights';
const LINKER = 'linker.json';
const DESCRIPTION = 'model.json';
/** Zip entries carry a date; a fixed one keeps the file the same for the same model. */
const DATE = new Date('2020-01-01T12:00:00');

export function encodeModel(model: KynModel): Uint8Array {
  const files: Record<string, Uint8Array> = { [SEGMENTER]: model.segmenter };
  if (model.linker) files[LINKER] = strToU8(JSON.stringify(model.linker));
  if (model.weights) files[WEIGHTS] = encodeWeights(model.weights);
  return packModel(model.description, files);
}

/** What every kind of model says of itself. */
export type CommonDescription = Pick<ModelDescription, 'format' | 'name' | 'card'>;

/** A model file of a description and whatever graphs it names. */
export function packModel(
  description: CommonDescription,
  files: Readonly<Record<string, Uint8Array>>,
): Uint8Array {
  const json = strToU8(`${JSON.stringify(description, null, 2)}\n`);
  // stored as they are: numbers of networks hardly shrink, and to unpack them takes longer than to read a little more
  const all = { [DESCRIPTION]: json, ...files };
  return zipSync(all, { level: 0, mtime: DATE });
}

/** Weights as a file of a model: number of parameters, then both vectors, float32; all little-endian. */
export function encodeWeights({ parameters, statistics }: Weights): Uint8Array {
  const out = new Uint8Array(4 * (1 + parameters.length + statistics.length));
  const view = new DataView(out.buffer);
  view.setUint32(0, parameters.length, true);
  let at = 4;
  for (const vector of [parameters, statistics]) {
    for (let i = 0; i < vector.length; i++, at += 4) view.setFloat32(at, vector[i], true);
  }
  return out;
}

/** @throws KynError `model` if it is not whole. */
export function decodeWeights(bytes: Uint8Array, file: string, where: string): Weights {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length >= 4 ? view.getUint32(0, true) : Number.POSITIVE_INFINITY;
  if (bytes.length % 4 !== 0 || 4 * (1 + count) > bytes.length) throw refusal(where, `${file} is not whole`);
  const values = Float32Array.from({ length: bytes.length / 4 - 1 }, (_, i) =>
    view.getFloat32(4 + 4 * i, true),
  );
  return { parameters: values.subarray(0, count), statistics: values.subarray(count) };
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
  const leftOut = parts.weights ? [] : [WEIGHTS];
  const { description, files } = unpackModel<ModelDescription>(bytes, SEGMENTER, where, leftOut);
  const weights = files[WEIGHTS] && decodeWeights(files[WEIGHTS], WEIGHTS, where);
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
    files = unzipSync(bytes, { filter: ({ name }) => !leftOut.includes(name) });
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
