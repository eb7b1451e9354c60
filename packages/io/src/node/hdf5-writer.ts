/**
 * Writes HDF5 in CREMI layout: `/volumes/raw` and `/volumes/labels/neuron_ids`, each with `resolution` and
 * `offset` in nm, zyx. Chunks are one section deep, so sections go to disk as they come, in any order.
 */
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isKynError, type LabelSink, type NdArray, toDense, type Vec3 } from '@kyn/core';
import type { Dataset, File, Group } from 'h5wasm';
import { allocate } from '../plane.ts';
import { checkComplete, checkSection, checkType, type WrittenDtype } from '../section-check.ts';
import type { SectionSink } from '../sinks.ts';
import { widened } from '../wide-ids.ts';
import { outputError, partialName } from './atomic.ts';
import { prepareFile } from './output-place.ts';

export interface CremiWriterOptions {
  readonly shape: Vec3;
  readonly voxelSizeNm: Vec3;
  readonly originNm?: Vec3 | undefined;
  /** dtype of `/volumes/raw`; left out, there is none. */
  readonly raw?: 'uint8' | 'uint16' | 'float32';
  /** dtype of `/volumes/labels/neuron_ids`; left out, there is none. */
  readonly labels?: 'uint64' | 'uint32';
  /** What numbers in the sections stand for, as a `LabelSource` has it; for uint64. */
  readonly wideIds?: ReadonlyMap<number, bigint> | undefined;
  /** `comment` attribute of both. */
  readonly comment?: string;
  readonly overwrite?: boolean;
}

export interface CremiWriter {
  /** There where `raw` was asked for; closing it alone does nothing. */
  readonly raw?: SectionSink;
  /** There where `labels` was asked for; closing it alone does nothing. */
  readonly labels?: LabelSink;
  /** Completes the file; it appears under its name only now. */
  close(): Promise<void>;
  /** Throws the unfinished file away. */
  discard(): Promise<void>;
}

const chunkSide = 256;
const codes = { uint8: '<B', uint16: '<H', uint32: '<I', uint64: '<Q', float32: '<f' } as const;

/** Creates the file under a temporary name. */
export async function createCremiHdf5(path: string, options: CremiWriterOptions): Promise<CremiWriter> {
  await prepareFile(path, options.overwrite ?? false);
  const { File: Hdf5File, ready } = await import('h5wasm/node');
  (await ready).activate_throwing_error_handler(); // else it prints to stderr and goes on
  const partial = resolve(partialName(path));
  await rm(partial, { force: true });
  const writing = new CremiFile(path, partial, options, () => new Hdf5File(partial, 'w'));
  await writing.create();
  return writing;
}

class CremiFile implements CremiWriter {
  raw?: SectionSink;
  labels?: LabelSink;
  private readonly path: string;
  private readonly partial: string;
  private readonly options: CremiWriterOptions;
  private readonly openFile: () => File;
  private file: File | undefined;
  private readonly written: Set<number>[] = [];

  constructor(path: string, partial: string, options: CremiWriterOptions, openFile: () => File) {
    this.path = path;
    this.partial = partial;
    this.options = options;
    this.openFile = openFile;
  }

  async create(): Promise<void> {
    await this.guard(() => {
      const file = this.openFile();
      this.file = file;
      const volumes = file.create_group('volumes');
      if (this.options.raw)
        this.raw = this.sink(this.dataset(volumes, 'raw', this.options.raw), this.options.raw);
      if (this.options.labels) {
        const group = volumes.create_group('labels');
        this.labels = this.sink(this.dataset(group, 'neuron_ids', this.options.labels), this.options.labels);
      }
    });
  }

  async close(): Promise<void> {
    await this.guard(() => {
      for (const sections of this.written) checkComplete(sections, this.options.shape[0], this.path);
      this.file?.flush();
      this.file?.close();
      this.file = undefined;
    });
    await rename(this.partial, this.path).catch((error: unknown) => {
      throw outputError(error, this.path);
    });
  }

  async discard(): Promise<void> {
    try {
      this.file?.close();
    } catch {
      // a file that could not be written cannot be closed in order either
    }
    this.file = undefined;
    await rm(this.partial, { force: true });
  }

  private dataset(group: Group, name: string, dtype: WrittenDtype): Dataset {
    const { shape, voxelSizeNm, originNm = [0, 0, 0], comment } = this.options;
    const [, height, width] = shape;
    const dataset = group.create_dataset({
      name,
      // The library wants values at creation: one voxel, then the volume is stretched over it.
      data: allocate(dtype, 1),
      shape: [1, 1, 1],
      maxshape: [...shape],
      chunks: [1, Math.min(chunkSide, height), Math.min(chunkSide, width)],
      dtype: codes[dtype],
      compression: 'gzip',
      compression_opts: [1],
    });
    dataset.resize([...shape]);
    dataset.create_attribute('resolution', [...voxelSizeNm], [3], '<d');
    dataset.create_attribute('offset', [...originNm], [3], '<d');
    if (comment) dataset.create_attribute('comment', comment);
    return dataset;
  }

  private sink(dataset: Dataset, dtype: WrittenDtype): SectionSink & LabelSink {
    const sections = new Set<number>();
    this.written.push(sections);
    const { shape } = this.options;
    return {
      write: async (z: number, section: NdArray) => {
        checkSection(z, section, shape, this.path);
        checkType(z, section, dtype, this.path);
        const { data } = toDense(section);
        const ranges: [number, number][] = [
          [z, z + 1],
          [0, shape[1]],
          [0, shape[2]],
        ];
        const wide = dtype === 'uint64' && data instanceof Uint32Array;
        const stored = wide ? widened(data, this.options.wideIds) : data;
        await this.guard(() => dataset.write_slice(ranges, stored));
        sections.add(z);
      },
      close: async () => {},
    };
  }

  /** Runs library calls; where they fail, the file is thrown away. */
  private async guard(call: () => void): Promise<void> {
    try {
      call();
    } catch (error) {
      await this.discard();
      if (isKynError(error)) throw error;
      // The library's message is a trace of many lines; the system's reason is somewhere in it.
      const text = error instanceof Error ? error.message : String(error);
      const code = /no space left/i.test(text) ? 'ENOSPC' : /quota/i.test(text) ? 'EDQUOT' : undefined;
      const reason = /error message = '([^']*)'/.exec(text)?.[1] ?? text.split('\n')[0];
      throw outputError(Object.assign(new Error(reason, { cause: error }), { code }), this.path);
    }
  }
}
