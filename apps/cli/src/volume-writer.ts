/** Where `kyn convert` and `kyn phantom` write to: one volume, its format told by the name's ending. */
import { KynError, type LabelSection, type RawSection, type Vec3 } from '@kyn/core';
import { createCremiHdf5, createLabelTiff, createLabelZarr, createRawZarr } from '@kyn/io/node';
import { usageError } from './options.ts';

export const OUTPUT_ENDINGS = ['.zarr', '.h5', '.hdf5', '.tif', '.tiff'];

export interface OutputOptions {
  readonly shape: Vec3;
  readonly voxelSizeNm: Vec3 | undefined;
  readonly originNm: Vec3 | undefined;
  readonly overwrite: boolean;
}

/** A volume being written. Exactly one of `finish` and `discard` ends it. */
export interface VolumeWriter<S> {
  write(z: number, section: S): Promise<void>;
  finish(): Promise<void>;
  /** Removes what there is of it. */
  discard(): Promise<void>;
}

/** @throws KynError `usage` where the name does not say a format; that of a folder may end in a slash, as shells complete it. */
export function endingOf(path: string): string {
  const name = path.toLowerCase();
  const ending = OUTPUT_ENDINGS.find((each) =>
    name.replace(each === '.zarr' ? /[\\/]+$/ : '', '').endsWith(each),
  );
  if (!ending) {
    throw usageError(path, 'the name does not say the format', `end it with ${OUTPUT_ENDINGS.join(', ')}`);
  }
  return ending;
}

function knownVoxelSize(path: string, voxelSizeNm: Vec3 | undefined): Vec3 {
  if (voxelSizeNm) return voxelSizeNm;
  throw new KynError('content', 'the input does not say its voxel size, which this format needs', {
    where: path,
    hint: 'give --voxel-size X,Y,Z in nm',
  });
}

export interface LabelOutputOptions extends OutputOptions {
  readonly bits: 32 | 64;
  /** The ids beyond 32 bit, as a `LabelSource` has them. */
  readonly wideIds: ReadonlyMap<number, bigint> | undefined;
}

/** Bits of an id in the output, which 64-bit ids need where the format has them. */
export function labelBits(path: string, dtype: string): 32 | 64 {
  const ending = endingOf(path);
  if (ending.startsWith('.tif')) return 32;
  return ending !== '.zarr' || dtype.endsWith('64') ? 64 : 32;
}

export async function createLabelOutput(
  path: string,
  options: LabelOutputOptions,
): Promise<VolumeWriter<LabelSection>> {
  const ending = endingOf(path);
  if (ending.startsWith('.tif')) return writerOf(await createLabelTiff(path, options));
  const voxelSizeNm = knownVoxelSize(path, options.voxelSizeNm);
  if (ending === '.zarr') {
    const dtype = `uint${options.bits}` as const;
    return writerOf(await createLabelZarr(path, { ...options, voxelSizeNm, dtype }));
  }
  const file = await createCremiHdf5(path, { ...options, voxelSizeNm, labels: 'uint64' });
  return {
    write: async (z, labels) => file.labels?.write(z, labels),
    finish: () => file.close(),
    discard: () => file.discard(),
  };
}

export async function createRawOutput(
  path: string,
  dtype: 'uint8' | 'uint16' | 'float32',
  options: OutputOptions,
): Promise<VolumeWriter<RawSection>> {
  const ending = endingOf(path);
  if (ending.startsWith('.tif')) {
    throw usageError(path, 'TIFF is written for labels only', 'write raw sections to .zarr or .h5');
  }
  const voxelSizeNm = knownVoxelSize(path, options.voxelSizeNm);
  if (ending === '.zarr') return writerOf(await createRawZarr(path, { ...options, voxelSizeNm, dtype }));
  const file = await createCremiHdf5(path, { ...options, voxelSizeNm, raw: dtype });
  return {
    write: async (z, section) => file.raw?.write(z, section),
    finish: () => file.close(),
    discard: () => file.discard(),
  };
}

interface Sink<S> {
  write(z: number, section: S): Promise<void>;
  close(): Promise<void>;
  discard(): Promise<void>;
}

function writerOf<S>(sink: Sink<S>): VolumeWriter<S> {
  return {
    write: (z, section) => sink.write(z, section),
    finish: () => sink.close(),
    discard: () => sink.discard(),
  };
}
