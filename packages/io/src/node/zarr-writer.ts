/**
 * Writes OME-Zarr 0.5 volumes (Zarr v3, NGFF 0.5) section by section. Chunks are one section deep and at most
 * 1024 pixels wide and high, so sections can be written in any order, also by several processes, and what is on
 * disk shows what an interrupted run has done. Each chunk is gzip at level 1, which for labels is as fast as
 * copying, and is written atomically; the same volume always gives the same bytes. A volume that no run is to go on
 * with is written aside and takes its place when it is whole.
 */
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { KynError, type NdArray, type NumericData, type Vec3 } from '@kyn/core';
import { inParallel } from '../in-parallel.ts';
import { bytesOf } from '../plane.ts';
import { checkComplete, checkSection, checkType, type WrittenDtype } from '../section-check.ts';
import type { DiscardableSectionSink, ResumableLabelSink } from '../sinks.ts';
import { widened } from '../wide-ids.ts';
import { exists, writeFileAtomic } from './atomic.ts';
import { prepareZarr, prepareZarrAside, putInPlace } from './output-place.ts';

export interface ZarrWriterOptions {
  /** Sections, rows, columns. */
  readonly shape: Vec3;
  /** z, y, x in nm. */
  readonly voxelSizeNm: Vec3;
  /** Position of the first voxel's centre, z, y, x in nm (default 0, 0, 0). */
  readonly originNm?: Vec3 | undefined;
  /** Name in the metadata (default: the folder's name without `.zarr`). */
  readonly name?: string;
  /**
   * Go on with what an interrupted run left there, which must be the same volume; `false` starts anew, but where another
   * run can go on. Left out, the volume is written to `NAME.partial` and what is to be replaced stays until `close`.
   */
  readonly resume?: boolean;
  /** Replace a Zarr volume that is there. Anything else that is there is always refused. */
  readonly overwrite?: boolean;
  /** More attributes for the group, under their own keys. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

export interface LabelZarrOptions extends ZarrWriterOptions {
  /** Stored dtype (default uint32). */
  readonly dtype?: 'uint32' | 'uint64';
  /** What numbers in the sections stand for, as a `LabelSource` has it; for uint64. */
  readonly wideIds?: ReadonlyMap<number, bigint> | undefined;
}

export interface RawZarrOptions extends ZarrWriterOptions {
  readonly dtype: 'uint8' | 'uint16' | 'float32';
}

/** Longest side of a chunk. */
const chunkSide = 1024;
/** Chunks of one section compressed at the same time. */
const parallelChunks = 4;

/**
 * Creates an OME-Zarr 0.5 label image, level 0 at `0`. The attribute `kyn.complete` is false until `close`,
 * which refuses to complete a volume with sections missing.
 * @throws KynError `output` where the path is taken or cannot be written.
 */
export async function createLabelZarr(path: string, options: LabelZarrOptions): Promise<ResumableLabelSink> {
  const image = { 'image-label': { colors: [{ 'label-value': 0, rgba: [0, 0, 0, 0] }] } };
  const writer = new ZarrWriter(path, options, options.dtype ?? 'uint32', image);
  await writer.create();
  return writer;
}

/** The same for raw sections, which must have the volume's dtype. */
export async function createRawZarr(path: string, options: RawZarrOptions): Promise<DiscardableSectionSink> {
  const writer = new ZarrWriter(path, options, options.dtype, {});
  await writer.create();
  return writer;
}

const gzipAsync = promisify(gzip);

class ZarrWriter {
  private readonly path: string;
  /** Where it is written: at its path, or aside until it is whole. */
  private folder: string;
  private done = false;
  private readonly options: ZarrWriterOptions & Pick<LabelZarrOptions, 'wideIds'>;
  private readonly dtype: WrittenDtype;
  private readonly image: Readonly<Record<string, unknown>>;
  private readonly chunk: readonly [height: number, width: number];
  private readonly written = new Set<number>();

  constructor(
    path: string,
    options: ZarrWriterOptions & Pick<LabelZarrOptions, 'wideIds'>,
    dtype: WrittenDtype,
    image: Readonly<Record<string, unknown>>,
  ) {
    this.path = path;
    this.folder = path;
    this.options = options;
    this.dtype = dtype;
    this.image = image;
    const [, height, width] = options.shape;
    this.chunk = [evenPart(height), evenPart(width)];
  }

  async create(): Promise<void> {
    const { resume, overwrite = false } = this.options;
    if (resume === undefined) this.folder = await prepareZarrAside(this.path, overwrite);
    const goesOn = resume !== undefined && (await prepareZarr(this.path, resume, overwrite));
    if (goesOn) await this.checkSame();
    // first, so that a folder is known for what it is wherever a run is stopped
    await writeFileAtomic(join(this.folder, 'zarr.json'), this.groupMetadata(false));
    if (!goesOn) await writeFileAtomic(join(this.folder, '0', 'zarr.json'), this.arrayMetadata());
  }

  async write(z: number, section: NdArray): Promise<void> {
    checkSection(z, section, this.options.shape, this.path);
    checkType(z, section, this.dtype, this.path);
    await inParallel(parallelChunks, this.chunkKeys(), async ([row, column]) => {
      const packed = await gzipAsync(this.chunkBytes(section, row, column), { level: 1 });
      packed[9] = 255; // "unknown" operating system: the same bytes everywhere
      await writeFileAtomic(this.chunkPath(z, row, column), packed);
    });
    this.written.add(z);
  }

  async has(z: number): Promise<boolean> {
    if (this.written.has(z)) return true;
    for (const [row, column] of this.chunkKeys()) {
      if (!(await exists(this.chunkPath(z, row, column)))) return false;
    }
    return true;
  }

  async close(): Promise<void> {
    const depth = this.options.shape[0];
    for (let z = 0; z < depth; z++) if (await this.has(z)) this.written.add(z);
    checkComplete(this.written, depth, this.path);
    await writeFileAtomic(join(this.folder, 'zarr.json'), this.groupMetadata(true));
    if (this.folder !== this.path) await putInPlace(this.folder, this.path);
    this.folder = this.path;
    this.done = true;
  }

  async discard(): Promise<void> {
    if (!this.done) await rm(this.folder, { recursive: true, force: true });
    this.done = true;
  }

  private chunkKeys(): [row: number, column: number][] {
    const [, height, width] = this.options.shape;
    const keys: [number, number][] = [];
    for (let row = 0; row * this.chunk[0] < height; row++) {
      for (let column = 0; column * this.chunk[1] < width; column++) keys.push([row, column]);
    }
    return keys;
  }

  private chunkPath(z: number, row: number, column: number): string {
    return join(this.folder, '0', 'c', String(z), String(row), String(column));
  }

  /** A whole chunk as it is stored, little-endian. */
  private chunkBytes(section: NdArray, row: number, column: number): Uint8Array {
    const pixels = this.chunkPixels(section, row, column);
    const wide = this.dtype === 'uint64' && pixels instanceof Uint32Array;
    return bytesOf(wide ? widened(pixels, this.options.wideIds) : pixels);
  }

  /** A whole chunk, zero beyond the section's edge. */
  private chunkPixels(section: NdArray, row: number, column: number): NumericData {
    const [chunkHeight, chunkWidth] = this.chunk;
    const [height, width] = section.shape;
    const [dy, dx] = section.stride;
    // one chunk holds the whole section, as it lies in memory
    const same = height === chunkHeight && width === chunkWidth && dx === 1 && dy === width;
    if (same) return section.data.subarray(0, height * width);
    const Type = section.data.constructor as new (length: number) => NumericData;
    const out = new Type(chunkHeight * chunkWidth);
    const columns = Math.min(chunkWidth, width - column * chunkWidth);
    const rows = Math.min(chunkHeight, height - row * chunkHeight);
    for (let y = 0; y < rows; y++) {
      const from = (row * chunkHeight + y) * dy + column * chunkWidth * dx;
      const to = y * chunkWidth;
      if (dx === 1) out.set(section.data.subarray(from, from + columns), to);
      else for (let x = 0; x < columns; x++) out[to + x] = section.data[from + x * dx];
    }
    return out;
  }

  /** An interrupted run's array must be the one that would be written now. */
  private async checkSame(): Promise<void> {
    const file = join(this.folder, '0', 'zarr.json');
    const found = await readFile(file, 'utf8').catch(() => undefined);
    if (found === undefined) {
      await writeFileAtomic(file, this.arrayMetadata());
    } else if (found !== this.arrayMetadata()) {
      throw new KynError('output', 'what is there is another volume (size, dtype or chunks differ)', {
        where: this.path,
        hint: 'resume with the same input and options, or overwrite it',
      });
    }
  }

  private arrayMetadata(): string {
    return json({
      zarr_format: 3,
      node_type: 'array',
      shape: this.options.shape,
      data_type: this.dtype,
      chunk_grid: { name: 'regular', configuration: { chunk_shape: [1, ...this.chunk] } },
      chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
      fill_value: 0,
      codecs: [
        { name: 'bytes', configuration: { endian: 'little' } },
        { name: 'gzip', configuration: { level: 1 } },
      ],
      attributes: {},
      dimension_names: ['z', 'y', 'x'],
    });
  }

  private groupMetadata(complete: boolean): string {
    const { voxelSizeNm, originNm, attributes } = this.options;
    const name = this.options.name ?? basename(this.path).replace(/\.zarr$/, '');
    const transformations = [
      { type: 'scale', scale: voxelSizeNm },
      ...(originNm ? [{ type: 'translation', translation: originNm }] : []),
    ];
    const multiscale = {
      name,
      axes: ['z', 'y', 'x'].map((axis) => ({ name: axis, type: 'space', unit: 'nanometer' })),
      datasets: [{ path: '0', coordinateTransformations: transformations }],
    };
    return json({
      zarr_format: 3,
      node_type: 'group',
      attributes: {
        ome: { version: '0.5', multiscales: [multiscale], ...this.image },
        ...attributes,
        kyn: { complete },
      },
    });
  }
}

/** The first file of a volume that this writer made which is not there; relative to its folder. */
export async function missingPiece(path: string): Promise<string | undefined> {
  const there = (name: string) => exists(join(path, name));
  const metadata = join('0', 'zarr.json');
  for (const name of ['zarr.json', metadata]) if (!(await there(name))) return name;
  const { shape, chunk_grid } = JSON.parse(await readFile(join(path, metadata), 'utf8'));
  const [depth, rows, columns]: number[] = shape.map((extent: number, axis: number) =>
    Math.ceil(extent / chunk_grid.configuration.chunk_shape[axis]),
  );
  for (let z = 0; z < depth; z++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const name = join('0', 'c', String(z), String(row), String(column));
        if (!(await there(name))) return name;
      }
    }
  }
  return undefined;
}

/** The part of `extent` in the fewest equal parts that are no longer than a chunk may be. */
function evenPart(extent: number): number {
  return Math.ceil(extent / Math.ceil(extent / chunkSide));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
