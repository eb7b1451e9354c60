/**
 * Reads the datasets of HDF5 files that `hdf5-structure.ts` understands, with the platform's own decompression:
 * several chunks at a time, straight into the sections that are asked for.
 */
import { isKynError, KynError, type Vec3, type VolumeInfo } from '@kyn/core';
import { type ByteSource, readExactly } from '../byte-source.ts';
import type { Site } from '../format.ts';
import { inParallel } from '../in-parallel.ts';
import type { Inflate } from '../inflate.ts';
import { allocate, bytesOf, type DtypeName, type PlaneVolume, type StoredData, viewBytes } from '../plane.ts';
import { SlabCache, squeezeToVolume } from '../slab-cache.ts';
import { NotPlain } from './hdf5-piece.ts';
import { ChunkIndex, findDataset, type PlainDataset, type StoredChunk } from './hdf5-structure.ts';
import { attributeOrigin, attributeVoxelSize } from './zarr-metadata.ts';

/** Chunks of one slab that are read and decompressed at the same time. */
const PARALLEL_CHUNKS = 4;

/** Attributes that say how large voxels are and where the first one lies. */
export const PLACEMENT_ATTRIBUTES = [
  'resolution',
  'voxel_size',
  'element_size_um',
  'offset',
  'origin',
] as const;

/** Voxel size and origin in nm, zyx, by the attributes of a dataset. */
export function hdf5Placement(
  attributes: Readonly<Record<string, readonly number[]>>,
): Pick<VolumeInfo, 'voxelSizeNm' | 'originNm'> {
  const { resolution, voxel_size, element_size_um: um, offset, origin } = attributes;
  return {
    voxelSizeNm:
      attributeVoxelSize({ resolution, voxel_size }) ??
      attributeVoxelSize({ resolution: um?.map((size) => size * 1000) }),
    originNm: attributeOrigin({ offset, origin }),
  };
}

/**
 * Opens a dataset as a volume. Closing it closes the site's file.
 * @returns undefined where the file, or the way to the dataset, is not plain.
 */
export async function openPlainVolume(site: Site, path: string): Promise<PlaneVolume | undefined> {
  const { file, location, inflate } = site;
  if (!file) return undefined;
  const where = `${location}:${path}`;
  let dataset: PlainDataset;
  try {
    dataset = await findDataset(file, path);
  } catch (error) {
    // bytes that make no sense at all end in a RangeError of the view: the library will say what they are
    const odd = isKynError(error) && error.code === 'format';
    if (error instanceof NotPlain || error instanceof RangeError || odd) return undefined;
    throw error;
  }
  const { dtype, storage } = dataset;
  const { shape, leading } = squeezeToVolume(dataset.shape, where);
  const depth = storage.kind === 'chunked' && leading >= 0 ? storage.chunk[leading] : 1;
  const info: VolumeInfo = {
    shape,
    ...hdf5Placement(dataset.attributes),
    dtype,
    format: 'HDF5',
    location: where,
    notes: [],
  };
  const slabs = new SlabReader(file, dataset, shape, leading, inflate);
  const cache = new SlabCache(shape, dtype, depth, async (start, stop) => {
    try {
      return await slabs.read(start, stop);
    } catch (cause) {
      if (isKynError(cause) && cause.code !== 'format') throw cause; // the disk's fault, not the file's
      throw new KynError('format', 'the HDF5 file is damaged or cut short', {
        where: `${where}, sections ${start} to ${stop - 1}`,
        hint: 'copy it again',
        cause,
      });
    }
  });
  return {
    info,
    readPlane: (z) => cache.plane(z),
    async close() {
      cache.clear();
      await file.close();
    },
  };
}

class SlabReader {
  private readonly index: ChunkIndex;
  /** So far no 64-bit number that was read needs more than 32 of them. */
  private narrow: boolean;

  constructor(
    private readonly file: ByteSource,
    private readonly dataset: PlainDataset,
    private readonly shape: Vec3,
    /** The axis of the sections; -1 where the dataset is a single one. */
    private readonly leading: number,
    private readonly inflate: Inflate,
  ) {
    this.index = new ChunkIndex(file, dataset);
    const { dtype, filters } = dataset;
    this.narrow = (dtype === 'uint64' || dtype === 'int64') && filters[0] === 'shuffle';
  }

  /** Sections `start` to `stop` (not included), dense; shuffled 64-bit integers as uint32 where all of a slab fit. */
  async read(start: number, stop: number): Promise<StoredData> {
    const { dtype } = this.dataset;
    if (!this.narrow) return this.readAs(dtype, start, stop);
    try {
      return await this.readAs('uint32', start, stop);
    } catch (error) {
      if (!(error instanceof TooWide)) throw error;
      this.narrow = false;
      return this.readAs(dtype, start, stop);
    }
  }

  /** @throws TooWide where it is asked for uint32 of wider numbers that do not fit */
  private async readAs(dtype: DtypeName, start: number, stop: number): Promise<StoredData> {
    const { file, dataset, shape } = this;
    const { elementBytes, storage } = dataset;
    const values = (stop - start) * shape[1] * shape[2];
    if (storage.kind === 'contiguous' && storage.address !== undefined) {
      const from = storage.address + start * shape[1] * shape[2] * elementBytes;
      return viewBytes(dtype, await readExactly(file, from, values * elementBytes));
    }
    if (storage.kind === 'contiguous') return allocate(dtype, values);
    const axis = Math.max(0, this.leading);
    const [from, to] = this.leading < 0 ? [0, shape[1]] : [start, stop];
    const chunks = await this.index.between(axis, from, to);
    const pixels = storage.chunk.reduce((product, extent) => product * extent, 1);
    // one chunk that begins where the slab does and has as many rows, columns and values is the slab
    const [rows, columns] = storage.chunk.slice(-2);
    const whole = pixels === values && rows === shape[1] && columns === shape[2];
    if (whole && chunks.length === 1 && chunks[0].start[axis] === from) {
      return viewBytes(dtype, await this.decode(chunks[0], storage.chunk, dtype));
    }
    const out = allocate(dtype, values);
    await inParallel(PARALLEL_CHUNKS, chunks, async (chunk) => {
      const bytes = await this.decode(chunk, storage.chunk, dtype);
      this.place(chunk, bytes, storage.chunk, start, stop, out);
    });
    return out;
  }

  /** The bytes of a chunk as they were before its filters, or those of `dtype`. */
  private async decode(
    chunk: StoredChunk,
    extents: readonly number[],
    dtype: DtypeName,
  ): Promise<Uint8Array> {
    const { filters, elementBytes } = this.dataset;
    const narrowing = dtype !== this.dataset.dtype;
    if (narrowing && chunk.skipped & 1) throw new TooWide(); // it is not shuffled
    const size = extents.reduce((product, extent) => product * extent, elementBytes);
    let bytes = await readExactly(this.file, chunk.address, chunk.bytes);
    const first = narrowing ? 1 : 0; // shuffled bytes, the first filter's, are narrowed as they are
    for (let i = filters.length - 1; i >= first; i--) {
      if ((chunk.skipped >> i) & 1) continue;
      bytes = filters[i] === 'deflate' ? await this.inflate(bytes, size) : unshuffle(bytes, elementBytes);
    }
    if (bytes.length !== size) throw new RangeError(`a chunk of ${bytes.length} bytes, not ${size}`);
    return narrowing ? lowHalves(bytes) : bytes;
  }

  /** Copies what a chunk has of the sections into `out`. */
  private place(
    { start: corner }: StoredChunk,
    bytes: Uint8Array,
    extents: readonly number[],
    start: number,
    stop: number,
    data: StoredData,
  ): void {
    const [, height, width] = this.shape;
    const elementBytes = data.BYTES_PER_ELEMENT;
    const out = bytesOf(data);
    const [top, left] = corner.slice(-2);
    const [rows, columns] = extents.slice(-2);
    const first = this.leading < 0 ? 0 : corner[this.leading];
    const last = first + (this.leading < 0 ? 1 : extents[this.leading]);
    const bottom = Math.min(height, top + rows);
    const rowBytes = Math.min(columns, width - left) * elementBytes;
    for (let z = Math.max(start, first); z < Math.min(stop, last); z++) {
      for (let y = top; y < bottom; y++) {
        const from = ((z - first) * rows + y - top) * columns * elementBytes;
        const to = (((z - start) * height + y) * width + left) * elementBytes;
        out.set(bytes.subarray(from, from + rowBytes), to);
      }
    }
  }
}

/** A 64-bit number needs more than 32 of them. */
class TooWide extends Error {}

/**
 * Shuffled 64-bit numbers as those of 32 bits: the halves lie apart.
 * @throws TooWide where an upper half is not 0
 */
function lowHalves(bytes: Uint8Array): Uint8Array {
  const middle = bytes.length / 2;
  if (!isZero(bytes.subarray(middle))) throw new TooWide();
  return unshuffle(bytes.subarray(0, middle), 4);
}

function isZero(bytes: Uint8Array): boolean {
  const words = bytes.byteOffset % 4 === 0 ? asWords(bytes) : bytes;
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}

/** Undoes `shuffle`, which puts the first bytes of all elements first, then the second bytes, and so on. */
export function unshuffle(bytes: Uint8Array, elementBytes: number): Uint8Array {
  const count = Math.floor(bytes.length / elementBytes);
  const out = new Uint8Array(bytes.length);
  const rest = count * elementBytes; // what fills no element stays
  out.set(bytes.subarray(rest), rest);
  if (elementBytes % 4 !== 0) {
    for (let k = 0; k < elementBytes; k++) {
      for (let i = 0, at = k; i < count; i++, at += elementBytes) out[at] = bytes[k * count + i];
    }
    return out;
  }
  const words = new Uint32Array(out.buffer, 0, rest / 4);
  const step = elementBytes / 4;
  const inFours = count % 4 === 0 && bytes.byteOffset % 4 === 0;
  for (let word = 0; word < step; word++) {
    const rows = [0, 1, 2, 3].map((k) => bytes.subarray((4 * word + k) * count, (4 * word + k + 1) * count));
    if (inFours) joinFours(rows.map(asWords), words, word, step);
    else joinBytes(rows, words, word, step);
  }
  return out;
}

/** Words from four rows of bytes, least significant first; every `step`-th from `first` on. */
function joinBytes(
  [a, b, c, d]: readonly Uint8Array[],
  words: Uint32Array,
  first: number,
  step: number,
): void {
  for (let i = 0, at = first; i < a.length; i++, at += step) {
    words[at] = a[i] | (b[i] << 8) | (c[i] << 16) | (d[i] << 24);
  }
}

/** The same, four bytes of each row at a time; words are zero before, and of small numbers most rows are. */
function joinFours(
  [a, b, c, d]: readonly Uint32Array[],
  words: Uint32Array,
  first: number,
  step: number,
): void {
  for (let i = 0, at = first; i < a.length; i++, at += 4 * step) {
    const p = a[i];
    const q = b[i];
    const r = c[i];
    const s = d[i];
    if ((p | q | r | s) === 0) continue;
    words[at] = (p & 255) | ((q & 255) << 8) | ((r & 255) << 16) | (s << 24);
    words[at + step] = ((p >>> 8) & 255) | (q & 0xff00) | ((r & 0xff00) << 8) | ((s & 0xff00) << 16);
    words[at + 2 * step] = ((p >>> 16) & 255) | ((q >>> 8) & 0xff00) | (r & 0xff0000) | ((s & 0xff0000) << 8);
    words[at + 3 * step] = (p >>> 24) | ((q >>> 16) & 0xff00) | ((r >>> 8) & 0xff0000) | (s & 0xff000000);
  }
}

function asWords(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}
