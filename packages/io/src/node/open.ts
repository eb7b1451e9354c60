/** Opens volumes by path or URL. */
import { KynError, type LabelSource, type SectionSource, type Vec3 } from '@kyn/core';
import type { VolumeDescription } from '../format.ts';

export interface OpenOptions {
  /** Path inside the container; the same as writing `FILE:/path`. */
  readonly dataset?: string;
  /** z, y, x in nm: replaces what the metadata say. */
  readonly voxelSizeNm?: Vec3;
}

/**
 * Opens a raw volume: HDF5 (`FILE.h5:/volumes/raw`), Zarr v2/v3 and OME-Zarr (path or URL), a folder of PNG
 * or TIFF sections, a multi-page TIFF, one PNG.
 * @throws KynError `not-found`, `format`, `shape`, or `content` for integers wider than 16 bit (labels).
 */
export async function openSections(_spec: string, _options: OpenOptions = {}): Promise<SectionSource> {
  throw new KynError('usage', 'not built yet');
}

/** Opens a label volume of any integer dtype; ids beyond uint32 are renumbered, the same id alike. */
export async function openLabels(_spec: string, _options: OpenOptions = {}): Promise<LabelSource> {
  throw new KynError('usage', 'not built yet');
}

/** Lists the datasets of a file, folder or URL: shapes, dtypes, voxel sizes. */
export async function describeVolume(_spec: string): Promise<VolumeDescription> {
  throw new KynError('usage', 'not built yet');
}
