/**
 * Reads a labelled stack into memory as a training volume, section by section, straight into shared memory
 * where there is such a thing. Other grey types than uint8 are brought to it section by section, over the
 * range that is left after clipping: samples are normalised by section anyway.
 */
import {
  KynError,
  type LabelSource,
  ndarray,
  normaliseSection,
  type RawSection,
  type SectionSource,
  type Signal,
  throwIfCancelled,
  toDense,
} from '@kyn/core';
import type { TrainingVolume } from './volume.ts';

/** What a training volume is besides its voxels. Name and voxel size default to the source's. */
export type VolumeOptions = Partial<Omit<TrainingVolume, 'raw' | 'labels'>>;

/** Normalised grey values from −SPAN to SPAN fill the 256 levels. */
const SPAN = 4;

/**
 * @param raw and @param labels of the same shape; read, not closed
 * @throws KynError `shape` where the shapes differ, `usage` where nobody says the voxel size, `content` where there is nothing
 * to learn from
 */
export async function loadTrainingVolume(
  raw: SectionSource,
  labels: LabelSource,
  options: VolumeOptions = {},
  signal?: Signal,
): Promise<TrainingVolume> {
  const { shape, location } = raw.info;
  const where = options.name ?? location;
  if (labels.info.shape.some((extent, axis) => extent !== shape[axis])) {
    const sizes = `labels are ${labels.info.shape.join('×')} but the images ${shape.join('×')}`;
    throw new KynError('shape', sizes, { where });
  }
  const voxelSizeNm = options.voxelSizeNm ?? raw.info.voxelSizeNm ?? labels.info.voxelSizeNm;
  if (!voxelSizeNm) {
    throw new KynError('usage', 'the voxel size is not in the file', {
      where,
      hint: 'write it into the file, or give voxelSizeNm with the volume in a recipe',
    });
  }
  const [depth, height, width] = shape;
  const plane = height * width;
  const grey = new Uint8Array(buffer(depth * plane));
  const ids = new Uint32Array(buffer(4 * depth * plane));
  for (let z = 0; z < depth; z++) {
    throwIfCancelled(signal);
    const [image, painted] = await Promise.all([raw.read(z, signal), labels.read(z, signal)]);
    grey.set(asBytes(image), z * plane);
    ids.set(toDense(painted).data, z * plane);
  }
  const useless = (what: string) =>
    new KynError('content', `${what}: there is nothing to learn from`, {
      where,
      hint: 'check that these are the images and their labels',
    });
  if (!ids.some((id) => id !== 0)) throw useless('no pixel of it is labelled');
  if (!grey.some((value) => value !== grey[0])) throw useless('all of its pixels have one value');
  return {
    weight: 1,
    ...options,
    name: where,
    voxelSizeNm,
    raw: ndarray(grey, shape),
    labels: ndarray(ids, shape),
  };
}

function buffer(bytes: number): ArrayBuffer {
  // Shared memory is what worker threads read; typed arrays take either kind.
  const Shared = globalThis.SharedArrayBuffer;
  return (Shared ? new Shared(bytes) : new ArrayBuffer(bytes)) as ArrayBuffer;
}

function asBytes(image: RawSection): Uint8Array {
  if (image.data instanceof Uint8Array) return toDense(image).data as Uint8Array;
  return normalisedBytes(normaliseSection(image).image.data);
}

/** Normalised grey values as the 256 levels that training volumes have. */
export function normalisedBytes(data: Float32Array): Uint8Array {
  return Uint8Array.from(data, (value) => Math.round(Math.min(255, Math.max(0, (value / SPAN + 1) * 127.5))));
}
