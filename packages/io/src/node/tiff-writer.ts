/** Writes a label volume as one multi-page TIFF. */
import { KynError, type LabelSink, type Vec3 } from '@kyn/core';

export interface LabelTiffOptions {
  readonly shape: Vec3;
  readonly voxelSizeNm?: Vec3;
  /** uint16 refuses ids beyond 65,535. Default uint32. */
  readonly dtype?: 'uint16' | 'uint32';
  readonly overwrite?: boolean;
}

/** Creates a multi-page TIFF (deflate, ImageJ spacing); the file appears under its name at `close`. */
export async function createLabelTiff(_path: string, _options: LabelTiffOptions): Promise<LabelSink> {
  throw new KynError('usage', 'not built yet');
}
