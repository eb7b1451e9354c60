/**
 * Volumes as the command line names them: an output folder of `kyn segment` stands for its segmentation, and
 * `--voxel-size`, `--bbox` and `--z-step` make a part of the volume.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isKynError,
  KynError,
  type LabelSource,
  type NumericData,
  type SectionedVolume,
  type SectionSource,
  type SubvolumeOptions,
  subvolume,
  subvolumeShape,
  type Vec3,
} from '@kyn/core';
import { closingOnFailure, looksLikeImage, looksLikeLabels } from '@kyn/io';
import { openLabels, openSections } from '@kyn/io/node';
import type { VolumeValues } from './options.ts';

const SEGMENTATION_NAME = 'segmentation.zarr';
export const FRAGMENTS_NAME = 'fragments.zarr';
export const REPORT_NAME = 'report.json';
/** Marks the output folder of a run that is under way or was stopped. */
const INCOMPLETE_NAME = 'INCOMPLETE';

/** True when the path is an output folder of `kyn segment`, whole or not. */
export function isSegmentFolder(path: string): boolean {
  return [SEGMENTATION_NAME, FRAGMENTS_NAME, INCOMPLETE_NAME].some((name) => existsSync(join(path, name)));
}

/**
 * The volume that an operand means.
 * @param name what of an output folder is meant
 * @throws KynError `content` for an output folder whose run is not complete.
 */
export function volumeSpec(operand: string, name = SEGMENTATION_NAME): string {
  if (!isSegmentFolder(operand)) return operand;
  if (existsSync(join(operand, INCOMPLETE_NAME))) {
    throw new KynError('content', 'the segmentation in it is not complete', {
      where: operand,
      hint: 'finish it: kyn segment with the same options and --resume',
    });
  }
  return join(operand, name);
}

/** Raw sections of the chosen part. The caller closes the source. */
export async function openRawVolume(operand: string, values: VolumeValues): Promise<SectionSource> {
  const source = await openSections(volumeSpec(operand), { voxelSizeNm: values.voxelSize });
  return cutOrClose(source, values);
}

/** Labels of the chosen part. The caller closes the source. */
export async function openLabelVolume(operand: string, values: VolumeValues): Promise<LabelSource> {
  const source = await openLabels(volumeSpec(operand), { voxelSizeNm: values.voxelSize });
  return cutOrClose(source, values);
}

/**
 * Labels to go with a volume whose chosen part has shape `partShape`: taken as they are where they have that
 * shape already, else the same part of them.
 */
export async function openMatchingLabels(
  operand: string,
  partShape: Vec3,
  values: VolumeValues,
): Promise<LabelSource> {
  const source = await openLabels(volumeSpec(operand), { voxelSizeNm: values.voxelSize });
  return sameShape(source.info.shape, partShape) ? source : cutOrClose(source, values);
}

/** Two label volumes of the same places. */
export interface LabelPair {
  readonly first: LabelSource;
  readonly second: LabelSource;
  /** The part of the first that was taken; undefined: all of it. */
  readonly firstPart: SubvolumeOptions | undefined;
}

/**
 * Labels to be taken as the fragments of a volume whose chosen part has shape `partShape`; of an output folder of `kyn
 * segment` its fragments.
 * @throws KynError `content` where it is an image, `usage` where it is the output folder of a run that does not cover the
 * chosen part.
 */
export async function openFragments(
  operand: string,
  partShape: Vec3,
  values: VolumeValues,
): Promise<LabelSource> {
  const spec = volumeSpec(operand, FRAGMENTS_NAME);
  const fragments = await openLabels(spec, { voxelSizeNm: values.voxelSize });
  return closingOnFailure(fragments, async () => {
    await refuseImage(fragments);
    const { shape } = fragments.info;
    const made = madePart(operand);
    if (made) return subvolume(fragments, withinMade(made, values, shape, operand));
    return sameShape(shape, partShape) ? fragments : subvolume(fragments, values);
  });
}

/**
 * Two label volumes to be compared; see {@link comparedParts} for how they are cut.
 * @throws KynError `content` where one of them is an image, `usage` where the first is the output folder of a run that
 * does not cover the chosen part.
 */
export async function openLabelPair(first: string, second: string, values: VolumeValues): Promise<LabelPair> {
  const options = { voxelSizeNm: values.voxelSize };
  const a = await openLabels(volumeSpec(first), options);
  return closingOnFailure(a, async () => {
    const b = await openLabels(volumeSpec(second), options);
    return closingOnFailure(b, async () => {
      const [partA, partB] = comparedParts(a.info.shape, b.info.shape, values, madePart(first), first);
      await refuseImage(a);
      await refuseImage(b);
      const cut = (whole: LabelSource, part?: SubvolumeOptions) => (part ? subvolume(whole, part) : whole);
      return { first: cut(a, partA), second: cut(b, partB), firstPart: partA };
    });
  });
}

/**
 * Ground truth for the chosen part of a volume, cut like it.
 * @param partShape the part's shape, zyx.
 * @throws KynError `content` where it is an image, `shape` where its part is of another shape.
 */
export async function openTruth(
  operand: string,
  partShape: Vec3,
  values: VolumeValues,
): Promise<LabelSource> {
  const truth = await openMatchingLabels(operand, partShape, values);
  return closingOnFailure(truth, async () => {
    const { shape } = truth.info;
    if (!sameShape(shape, partShape)) {
      throw new KynError('shape', `truth of ${shape.join('×')} for ${partShape.join('×')} voxels`, {
        where: operand,
        hint: 'give the truth of the same volume',
      });
    }
    await refuseImage(truth);
    return truth;
  });
}

/** dtypes that images come in. */
const IMAGE_DTYPES = new Set(['uint8', 'uint16', 'int16', 'float32']);

/** @throws KynError `content` where what is given as labels is an image. */
export async function refuseImage(volume: LabelSource): Promise<void> {
  const { info } = volume;
  if (!IMAGE_DTYPES.has(info.dtype)) return;
  // more than one section, since one may be blank
  const [depth] = info.shape;
  const sampled = new Set([depth >> 1, 0, depth - 1]);
  let looks = false;
  for (const z of sampled) looks ||= looksLikeImage(await volume.read(z));
  if (!looks) return;
  throw new KynError('content', 'it looks like an image, not like labels', {
    where: info.location,
    hint: 'give a label volume',
  });
}

/** @throws KynError `content` where what is given as an image is labels, by its middle section. */
export async function refuseLabels(volume: SectionSource): Promise<void> {
  if (!looksLikeLabels(await volume.read(volume.info.shape[0] >> 1))) return;
  throw new KynError('content', 'it looks like labels, not like an image', {
    where: volume.info.location,
    hint: 'give the raw volume, or say --membranes dark or bright if it is one',
  });
}

/** The part of its input that an output folder is of; undefined where that is all, or the operand is no such folder. */
function madePart(operand: string): MadePart | undefined {
  const report = join(operand, REPORT_NAME);
  if (!isSegmentFolder(operand) || !existsSync(report)) return undefined;
  const { run = {} } = JSON.parse(readFileSync(report, 'utf8')) as { run?: Record<string, unknown> };
  const box = (run.box ?? undefined) as MadePart['box'];
  const zStep = typeof run['z step'] === 'number' ? run['z step'] : 1;
  return box || zStep !== 1 ? { box, zStep } : undefined;
}

/** As a report has it: ends of the box that were left open are null. */
interface MadePart {
  readonly box: { readonly min: Vec3; readonly max: readonly (number | null)[] } | undefined;
  readonly zStep: number;
}

/**
 * The parts of two volumes that show the same places, undefined for all of one. Box and step count in voxels of the input;
 * a volume that already has the reduced shape is left. Where none is asked for, it is the part that the first was made of.
 * @param made the part of the input that the first was made of
 */
export function comparedParts(
  a: Vec3,
  b: Vec3,
  part: SubvolumeOptions,
  made?: MadePart,
  where?: string,
): [SubvolumeOptions | undefined, SubvolumeOptions | undefined] {
  if (!part.bbox && (part.zStep ?? 1) === 1) {
    const whole = made && partOf(made);
    const reduced = whole && reducedShape(b, whole);
    return [undefined, reduced && sameShape(reduced, a) ? whole : undefined];
  }
  if (made && !sameShape(a, b)) {
    const own = withinMade(made, part, a, where);
    return [own, sameShape(b, subvolumeShape(a, own)) ? undefined : part];
  }
  const reducedA = reducedShape(a, part);
  const reducedB = reducedShape(b, part);
  if (reducedB && sameShape(a, reducedB)) return [undefined, part];
  if (reducedA && sameShape(b, reducedA)) return [part, undefined];
  // Neither holds the box, but both have its shape: they are the part already.
  if (!reducedA && !reducedB && sameShape(a, b) && hasPartShape(a, part)) {
    if (made) withinMade(made, part, a, where);
    return [undefined, undefined];
  }
  return [part, part];
}

function partOf({ box, zStep }: MadePart): SubvolumeOptions {
  if (!box) return { zStep };
  const [z, y, x] = box.max.map((end) => end ?? undefined);
  return { bbox: { min: box.min, max: [z, y, x] }, zStep };
}

/**
 * A part of the input as a part of what was made of another part of it.
 * @param shape of what was made
 * @throws KynError `usage` where the one does not cover the other
 */
function withinMade(
  made: MadePart,
  { bbox, zStep = 1 }: SubvolumeOptions,
  shape: Vec3,
  where?: string,
): SubvolumeOptions {
  const inMade = (voxel: number, axis: 0 | 1 | 2): number =>
    (voxel - (made.box?.min[axis] ?? 0)) / (axis === 0 ? made.zStep : 1);
  const start = (axis: 0 | 1 | 2): number => (bbox ? inMade(bbox.min[axis], axis) : 0);
  // an end left open is the volume's: it may be any
  const end = (axis: 0 | 1 | 2): number | undefined => {
    const voxel = bbox?.max[axis];
    return voxel && Math.ceil(inMade(voxel, axis));
  };
  const min = [start(0), start(1), start(2)] as const;
  const max = [end(0), end(1), end(2)] as const;
  const step = zStep / made.zStep;
  const whole = [step, ...min].every(Number.isInteger);
  const inside = shape.every((extent, axis) => {
    const last = max[axis] ?? extent;
    return min[axis] >= 0 && min[axis] < last && last <= extent;
  });
  if (whole && inside) return { bbox: { min, max }, zStep: step };
  const { box } = made;
  const text = box && [2, 1, 0].map((axis) => `${box.min[axis]}:${box.max[axis] ?? ''}`).join(',');
  throw new KynError('usage', `it was made with ${text ? `--bbox ${text} ` : ''}--z-step ${made.zStep}`, {
    where,
    hint: 'give the same here, or a part of it',
  });
}

function reducedShape(shape: Vec3, part: SubvolumeOptions): Vec3 | undefined {
  try {
    return subvolumeShape(shape, part);
  } catch (error) {
    if (isKynError(error)) return undefined;
    throw error;
  }
}

/** True when a volume of this shape can be the part itself: no side is other than the box says. */
function hasPartShape(shape: Vec3, { bbox, zStep = 1 }: SubvolumeOptions): boolean {
  return shape.every((extent, axis) => {
    const end = bbox?.max[axis];
    if (!bbox || end === undefined) return true;
    const side = end - bbox.min[axis];
    return extent === (axis === 0 ? Math.ceil(side / zStep) : side);
  });
}

function sameShape(a: Vec3, b: Vec3): boolean {
  return a.every((extent, axis) => extent === b[axis]);
}

/** A part of a volume, which is closed where there is no such part. */
export function cutOrClose<V extends SectionedVolume<NumericData>>(
  source: V,
  part: SubvolumeOptions,
): Promise<V> {
  return closingOnFailure(source, () => subvolume(source, part));
}
