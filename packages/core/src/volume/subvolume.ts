/** A part of a volume as a volume: a box, and of its sections every Nth. */
import { KynError, type Signal } from '../errors.ts';
import type { NdArray, NumericData, Vec3 } from './array.ts';
import type { VolumeInfo } from './contracts.ts';

/** Voxels `min` to `max` (not included), z, y, x; an end left out is the volume's. */
export interface PartialBox {
  readonly min: Vec3;
  readonly max: readonly [z: number | undefined, y: number | undefined, x: number | undefined];
}

export interface SubvolumeOptions {
  readonly bbox?: PartialBox;
  /** Take every `zStep`th section of the box, its first one first (default 1). */
  readonly zStep?: number;
}

/** What a {@link SectionSource} and a {@link LabelSource} have in common. */
export interface SectionedVolume<D extends NumericData> {
  readonly info: VolumeInfo;
  read(z: number, signal?: Signal): Promise<NdArray<D>>;
  close(): Promise<void>;
}

/** Shape of the part of a volume of `shape`. @throws KynError `usage` where the box reaches out of it. */
export function subvolumeShape(shape: Vec3, options: SubvolumeOptions, where?: string): Vec3 {
  const { bbox, zStep = 1 } = options;
  const [depth, height, width] = shape.map((extent, axis) => {
    const start = bbox?.min[axis] ?? 0;
    const end = bbox?.max[axis] ?? extent;
    if (start < 0 || end > extent || start >= end) {
      throw new KynError('usage', `the box ${'zyx'[axis]} ${start}:${end} reaches out of 0:${extent}`, {
        where,
        hint: 'give a --bbox inside the volume, as x0:x1,y0:y1,z0:z1',
      });
    }
    return end - start;
  });
  return [Math.ceil(depth / zStep), height, width];
}

/**
 * The part as a source of the same kind; sections are views of what the source reads, nothing is copied.
 * Voxel size grows with `zStep`, positions count in the new section thickness, and the origin is where the box begins.
 * Closing it closes `source`.
 */
export function subvolume<V extends SectionedVolume<NumericData>>(source: V, options: SubvolumeOptions): V {
  const { bbox, zStep = 1 } = options;
  const { info } = source;
  const shape = subvolumeShape(info.shape, options, info.location);
  if (!bbox && zStep === 1) return source;
  const [z0, y0, x0] = bbox?.min ?? [0, 0, 0];
  const planes = Array.from({ length: shape[0] }, (_, z) => z0 + z * zStep);
  const size = info.voxelSizeNm;
  const positions = info.sectionPositions;
  return {
    ...source,
    info: {
      ...info,
      shape,
      voxelSizeNm: size && [size[0] * zStep, size[1], size[2]],
      originNm: bbox ? size && movedOrigin(info.originNm ?? [0, 0, 0], bbox.min, size) : info.originNm,
      sectionNames: info.sectionNames && planes.map((z) => info.sectionNames?.[z] ?? String(z)),
      sectionPositions: positions && planes.map((z) => (positions[z] - positions[z0]) / zStep),
    },
    async read(z: number, signal?: Signal) {
      if (!(z in planes)) {
        throw new KynError('shape', `no section ${z}: there are ${shape[0]}, from 0`, {
          where: info.location,
        });
      }
      const section = await source.read(planes[z], signal);
      const [rowStep, columnStep] = section.stride;
      const from = y0 * rowStep + x0 * columnStep;
      const data = section.data.subarray(
        from,
        from + (shape[1] - 1) * rowStep + (shape[2] - 1) * columnStep + 1,
      );
      return { data, shape: [shape[1], shape[2]], stride: section.stride };
    },
    close: () => source.close(),
  };
}

/** `origin` moved by `voxels`, without the noise of adding fractions. */
function movedOrigin(origin: Vec3, voxels: Vec3, size: Vec3): Vec3 {
  const [z, y, x] = origin.map((nm, axis) => Number((nm + voxels[axis] * size[axis]).toPrecision(12)));
  return [z, y, x];
}
