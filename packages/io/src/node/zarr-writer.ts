/** Writes OME-Zarr 0.5 volumes section by section. */
import { KynError, type Vec3 } from '@kyn/core';
import type { ResumableLabelSink, SectionSink } from '../sinks.ts';

interface ZarrWriterOptions {
  /** Sections, rows, columns. */
  readonly shape: Vec3;
  /** z, y, x in nm. */
  readonly voxelSizeNm: Vec3;
  /** Corner of the first voxel, z, y, x in nm (default 0, 0, 0). */
  readonly originNm?: Vec3;
  /** Name in the metadata (default: the folder's name without `.zarr`). */
  readonly name?: string;
  /** Go on with what an interrupted run left there; it must be the same volume. */
  readonly resume?: boolean;
  /** Replace a Zarr volume that is there. Anything else that is there is always refused. */
  readonly overwrite?: boolean;
  /** More attributes for the group, under their own keys. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface LabelZarrOptions extends ZarrWriterOptions {
  /** Stored dtype (default uint32). */
  readonly dtype?: 'uint32' | 'uint64';
}

export interface RawZarrOptions extends ZarrWriterOptions {
  readonly dtype: 'uint8' | 'uint16' | 'float32';
}

/**
 * Creates an OME-Zarr 0.5 label image, level 0 at `0`, one layer of chunks a section; chunks are written
 * atomically. The attribute `kyn.complete` is false until `close`.
 * @throws KynError `output` where the path is taken or cannot be written.
 */
export async function createLabelZarr(
  _path: string,
  _options: LabelZarrOptions,
): Promise<ResumableLabelSink> {
  throw new KynError('usage', 'not built yet');
}

/** The same for raw sections. */
export async function createRawZarr(_path: string, _options: RawZarrOptions): Promise<SectionSink> {
  throw new KynError('usage', 'not built yet');
}
