/**
 * A model as one file, `NAME.kyn`: a zip of its ONNX graphs and `model.json`, which says what they were trained for
 * and is their card: data, licence, seed, command, figures.
 */
import { KynError, type Offset2, type Vec3 } from '@kyn/core';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';

export const MODEL_FORMAT = 'kyn-model-1';

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
}

export interface SegmenterSettings {
  /** nm, zyx; z is what a section typically is. */
  readonly voxelSizeNm: Vec3;
  readonly offsets: readonly Offset2[];
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
  /** ONNX graph: `input` `[n, 1, h, w]` to `affinities` `[n, offsets, h, w]`. */
  readonly segmenter: Uint8Array;
}

const SEGMENTER = 'segmenter.onnx';
const DESCRIPTION = 'model.json';
/** Zip entries carry a date; a fixed one keeps the file the same for the same model. */
const DATE = new Date('2020-01-01T12:00:00');

export function encodeModel(model: KynModel): Uint8Array {
  const description = strToU8(`${JSON.stringify(model.description, null, 2)}\n`);
  return zipSync({ [DESCRIPTION]: description, [SEGMENTER]: model.segmenter }, { mtime: DATE, level: 6 });
}

/** True for bytes that begin like a zip file, hence a `.kyn` model rather than plain ONNX. */
export function looksLikeKynModel(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b;
}

/** @throws KynError `model` if the bytes are not a model of a format that we know. */
export function decodeModel(bytes: Uint8Array, where: string): KynModel {
  const refuse = (what: string, cause?: unknown) =>
    new KynError('model', what, {
      where,
      hint: 'give the name of a shipped model (base), a .kyn file, or a plain .onnx network',
      ...(cause === undefined ? {} : { cause }),
    });
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes);
  } catch (cause) {
    throw refuse('not a .kyn model (the zip cannot be read)', cause);
  }
  const [segmenter, json] = [files[SEGMENTER], files[DESCRIPTION]];
  if (!segmenter || !json) throw refuse(`not a .kyn model (${SEGMENTER} or ${DESCRIPTION} is missing)`);
  let description: ModelDescription;
  try {
    description = JSON.parse(strFromU8(json));
  } catch (cause) {
    throw refuse(`${DESCRIPTION} is not JSON`, cause);
  }
  if (description.format !== MODEL_FORMAT) {
    throw refuse(`the model's format is ${String(description.format)}, this version reads ${MODEL_FORMAT}`);
  }
  return { description, segmenter };
}
