/** Writes HDF5 in CREMI layout: `/volumes/raw` and `/volumes/labels/neuron_ids`. */
import { KynError, type LabelSink, type Vec3 } from '@kyn/core';
import type { SectionSink } from '../sinks.ts';

export interface CremiWriterOptions {
  readonly shape: Vec3;
  readonly voxelSizeNm: Vec3;
  readonly originNm?: Vec3;
  /** dtype of `/volumes/raw`; left out, there is none. */
  readonly raw?: 'uint8' | 'uint16' | 'float32';
  /** dtype of `/volumes/labels/neuron_ids`; left out, there is none. */
  readonly labels?: 'uint64' | 'uint32';
  /** `comment` attribute of both. */
  readonly comment?: string;
  readonly overwrite?: boolean;
}

export interface CremiWriter {
  readonly raw?: SectionSink;
  readonly labels?: LabelSink;
  /** Completes the file; it appears under its name only now. */
  close(): Promise<void>;
  /** Throws the unfinished file away. */
  discard(): Promise<void>;
}

export async function createCremiHdf5(_path: string, _options: CremiWriterOptions): Promise<CremiWriter> {
  throw new KynError('usage', 'not built yet');
}
