/**
 * Labelled volumes to train from, and the 2D cuts that are taken through them.
 */
import { KynError, type NdArray, type Vec3 } from '@kyn/core';

/** A grey volume with labels, both `[Z, Y, X]`, in memory (shared memory where worker threads read it). */
export interface TrainingVolume {
  /** For messages and reports. */
  name: string;
  raw: NdArray<Uint8Array>;
  /** 3D ids. Label 0 is unpainted (masked) unless `boundaryLabel` is 0. */
  labels: NdArray<Uint32Array>;
  voxelSizeNm: Vec3;
  /** How often it is sampled, relative to the other volumes. */
  weight: number;
  /** xz and yz cuts are used as sections as well. */
  isotropic?: boolean;
  /** 0: label 0 is membrane, a negative for every affinity, instead of unpainted. */
  boundaryLabel?: 0;
  /** Distances between neighbouring sections, one of them drawn a sample; default [1]. */
  zSteps?: number[];
  /** Pixels with this label are not painted: masked. */
  maskAt?: number;
}

/** A family of parallel cuts: which axis they are stacked along, and which are their rows and columns. */
export interface Cut {
  readonly stack: 0 | 1 | 2;
  readonly row: 0 | 1 | 2;
  readonly column: 0 | 1 | 2;
}

const CUTS: readonly Cut[] = [
  { stack: 0, row: 1, column: 2 },
  { stack: 1, row: 0, column: 2 },
  { stack: 2, row: 0, column: 1 },
];

/** One section of a volume: where its pixels lie in the volume's data. */
export interface SectionView<D extends Uint8Array | Uint32Array> {
  readonly data: D;
  readonly start: number;
  readonly rowStride: number;
  readonly columnStride: number;
  readonly height: number;
  readonly width: number;
}

/** Section `index` of `array` cut as `cut` says; a view, nothing is copied. */
export function sectionView<D extends Uint8Array | Uint32Array>(
  array: NdArray<D>,
  cut: Cut,
  index: number,
): SectionView<D> {
  return {
    data: array.data,
    start: index * array.stride[cut.stack],
    rowStride: array.stride[cut.row],
    columnStride: array.stride[cut.column],
    height: array.shape[cut.row],
    width: array.shape[cut.column],
  };
}

/** Steps between sections that fit a stack of `depth` sections. */
export function fittingSteps(volume: TrainingVolume, depth: number, sections: number): number[] {
  if (sections === 1) return [1];
  return (volume.zSteps ?? [1]).filter((step) => step * (sections - 1) < depth);
}

/** The cuts that may be used for samples of this many sections; empty where the volume is too thin. */
export function usableCuts(volume: TrainingVolume, sections: number): Cut[] {
  const cuts = volume.isotropic ? CUTS : CUTS.slice(0, 1);
  return cuts.filter((cut) => fittingSteps(volume, volume.raw.shape[cut.stack], sections).length > 0);
}

/**
 * Refuses what cannot be sampled.
 * @throws KynError `shape` or `usage`, naming the volume.
 */
export function checkVolumes(volumes: readonly TrainingVolume[], sections: number): void {
  if (volumes.length === 0) throw new KynError('usage', 'no volume to train from');
  for (const volume of volumes) {
    const where = volume.name;
    const { raw, labels, voxelSizeNm, weight, zSteps } = volume;
    if (raw.shape.length !== 3 || raw.shape.some((extent) => extent < 1)) {
      throw new KynError('shape', `raw has shape ${raw.shape.join('×')}, not sections × rows × columns`, {
        where,
      });
    }
    if (labels.shape.length !== 3 || labels.shape.some((extent, axis) => extent !== raw.shape[axis])) {
      throw new KynError(
        'shape',
        `labels are ${labels.shape.join('×')} but the images ${raw.shape.join('×')}`,
        { where },
      );
    }
    if (!voxelSizeNm.every((size) => size > 0 && Number.isFinite(size))) {
      throw new KynError('usage', `voxel size ${voxelSizeNm.join(', ')} nm is not positive`, { where });
    }
    if (!(weight >= 0 && Number.isFinite(weight))) {
      throw new KynError('usage', `sampling weight ${weight} is not zero or more`, { where });
    }
    if (zSteps?.some((step) => !Number.isInteger(step) || step < 1)) {
      throw new KynError('usage', `z-steps ${zSteps.join(', ')} are not whole numbers from 1`, { where });
    }
    if (usableCuts(volume, sections).length === 0) {
      throw new KynError('shape', `${raw.shape[0]} sections are too few for samples of ${sections}`, {
        where,
      });
    }
  }
  if (!volumes.some((volume) => volume.weight > 0)) {
    throw new KynError('usage', 'every training volume has sampling weight 0');
  }
}

/**
 * The same volumes in shared memory, so that worker threads read one copy; arrays that are shared already
 * are kept, and where the platform has no shared memory all are.
 */
export function shareVolumes(volumes: readonly TrainingVolume[]): TrainingVolume[] {
  if (typeof SharedArrayBuffer === 'undefined') return [...volumes];
  return volumes.map((volume) => ({
    ...volume,
    raw: { ...volume.raw, data: shared(volume.raw.data, Uint8Array) },
    labels: { ...volume.labels, data: shared(volume.labels.data, Uint32Array) },
  }));
}

function shared<D extends Uint8Array | Uint32Array>(
  data: D,
  make: { new (buffer: SharedArrayBuffer): D; readonly BYTES_PER_ELEMENT: number },
): D {
  if (data.buffer instanceof SharedArrayBuffer) return data;
  const copy = new make(new SharedArrayBuffer(data.length * make.BYTES_PER_ELEMENT));
  copy.set(data);
  return copy;
}
