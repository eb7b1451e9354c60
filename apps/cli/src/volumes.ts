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
  type PartialBox,
  type SectionedVolume,
  type SectionSource,
  type SubvolumeOptions,
  subvolume,
  subvolumeShape,
  type Vec3,
} from '@kyn/core';
import { closingOnFailure, looksLikeImage } from '@kyn/io';
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
  return openMatching(volumeSpec(operand), partShape, values);
}

async function openMatching(spec: string, partShape: Vec3, values: VolumeValues): Promise<LabelSource> {
  const source = await openLabels(spec, { voxelSizeNm: values.voxelSize });
  return sameShape(source.info.shape, partShape) ? source : cutOrClose(source, values);
}

/**
 * Labels to be taken as the fragments of a volume whose chosen part has shape `partShape`; of an output folder of `kyn
 * segment` its fragments.
 * @throws KynError `content` where it is an image, `usage` where it is the output folder of a run over another part.
 */
export async function openFragments(
  operand: string,
  partShape: Vec3,
  values: VolumeValues,
): Promise<LabelSource> {
  const fragments = await openMatching(volumeSpec(operand, FRAGMENTS_NAME), partShape, values);
  return closingOnFailure(fragments, async () => {
    checkPartOfRun(operand, values);
    await refuseImage(fragments);
    return fragments;
  });
}

/**
 * Two label volumes to be compared; see {@link reducedPair} for which of them is cut.
 * @throws KynError `content` where one of them is an image, `usage` where the first is the output folder of a run
 * over another part of its volume.
 */
export async function openLabelPair(
  first: string,
  second: string,
  values: VolumeValues,
): Promise<[LabelSource, LabelSource]> {
  const options = { voxelSizeNm: values.voxelSize };
  const a = await openLabels(volumeSpec(first), options);
  try {
    const b = await openLabels(volumeSpec(second), options);
    try {
      const [cutA, cutB] = reducedPair(a.info.shape, b.info.shape, values);
      if (!cutA) checkPartOfRun(first, values);
      await refuseImage(a);
      await refuseImage(b);
      return [cutA ? subvolume(a, values) : a, cutB ? subvolume(b, values) : b];
    } catch (error) {
      await b.close();
      throw error;
    }
  } catch (error) {
    await a.close();
    throw error;
  }
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
  try {
    const { shape } = truth.info;
    if (!sameShape(shape, partShape)) {
      throw new KynError('shape', `truth of ${shape.join('×')} for ${partShape.join('×')} voxels`, {
        where: operand,
        hint: 'give the truth of the same volume',
      });
    }
    await refuseImage(truth);
    return truth;
  } catch (error) {
    await truth.close();
    throw error;
  }
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

/** A run over one part of a volume, taken as it is, must not be compared with another part of the truth. */
function checkPartOfRun(operand: string, { bbox, zStep }: VolumeValues): void {
  const report = join(operand, REPORT_NAME);
  if (!isSegmentFolder(operand) || !existsSync(report)) return;
  const { run = {} } = JSON.parse(readFileSync(report, 'utf8')) as { run?: Record<string, unknown> };
  const box = run.box as RunBox | null | undefined;
  const otherBox = bbox && box && !sameBox(box, bbox);
  const otherStep = zStep !== 1 && typeof run['z step'] === 'number' && run['z step'] !== zStep;
  if (!otherBox && !otherStep) return;
  const made = [box ? `--bbox ${boxText(box)}` : '', `--z-step ${String(run['z step'] ?? 1)}`];
  throw new KynError('usage', `it was made with ${made.join(' ').trim()}`, {
    where: operand,
    hint: 'give the same here',
  });
}

/** A box as a report has it: ends that were left open are null. */
interface RunBox {
  readonly min: readonly number[];
  readonly max: readonly (number | null)[];
}

/** Open ends are the volume's: they may be any. */
function sameBox(made: RunBox, given: PartialBox): boolean {
  return made.min.every((start, axis) => {
    const [end, other] = [made.max[axis], given.max[axis]];
    return start === given.min[axis] && (end === null || other === undefined || end === other);
  });
}

function boxText({ min, max }: RunBox): string {
  return [2, 1, 0].map((axis) => `${min[axis]}:${max[axis] ?? ''}`).join(',');
}

/** Which of two volumes the box and step apply to: a volume that already has the reduced shape is left. */
export function reducedPair(a: Vec3, b: Vec3, part: SubvolumeOptions): [cutA: boolean, cutB: boolean] {
  if (!part.bbox && (part.zStep ?? 1) === 1) return [false, false];
  const reducedA = reducedShape(a, part);
  const reducedB = reducedShape(b, part);
  if (reducedB && sameShape(a, reducedB)) return [false, true];
  if (reducedA && sameShape(b, reducedA)) return [true, false];
  // Neither holds the box, but both have its shape: they are the part already.
  if (!reducedA && !reducedB && sameShape(a, b) && hasPartShape(a, part)) return [false, false];
  return [true, true];
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
export function cutOrClose<D extends NumericData>(
  source: SectionedVolume<D>,
  part: SubvolumeOptions,
): Promise<SectionedVolume<D>> {
  return closingOnFailure(source, () => subvolume(source, part));
}
