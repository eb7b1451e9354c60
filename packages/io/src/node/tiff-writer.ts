/**
 * Writes a label volume as one multi-page TIFF (TIFF 6.0, deflate; BigTIFF where it grows beyond 4 GB), with
 * ImageJ's description for the voxel size. Pixels go to disk as sections come; the directories, which are
 * small, follow at the end, in the order of the sections.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { KynError, type LabelSection, toDense, type Vec3 } from '@kyn/core';
import { bytesOf } from '../plane.ts';
import { checkComplete, checkSection } from '../section-check.ts';
import type { DiscardableLabelSink } from '../sinks.ts';
import { outputError, partialName } from './atomic.ts';
import { prepareFile } from './output-place.ts';

export interface LabelTiffOptions {
  readonly shape: Vec3;
  readonly voxelSizeNm?: Vec3;
  /** uint16 refuses ids beyond 65,535. Default uint32. */
  readonly dtype?: 'uint16' | 'uint32';
  readonly overwrite?: boolean;
}

/** Creates the file; it appears under its name at `close`. */
export async function createLabelTiff(
  path: string,
  options: LabelTiffOptions,
): Promise<DiscardableLabelSink> {
  await prepareFile(path, options.overwrite ?? false);
  const handle = await open(partialName(path), 'w').catch((error: unknown) => {
    throw outputError(error, path);
  });
  return new TiffWriter(path, handle, options);
}

/** Room for a BigTIFF header; a small one leaves half of it unused. */
const headerBytes = 16;
/** Uncompressed size of a strip, about. */
const stripBytes = 2 ** 20;
const classicLimit = 2 ** 32 - 1;

const deflateAsync = promisify(deflate);

interface Strips {
  readonly offsets: number[];
  readonly counts: number[];
}

class TiffWriter implements DiscardableLabelSink {
  private readonly path: string;
  private readonly handle: FileHandle;
  private readonly options: LabelTiffOptions;
  private readonly bits: 16 | 32;
  private readonly rowsPerStrip: number;
  private readonly pages = new Map<number, Strips>();
  private end = headerBytes;
  private done = false;

  constructor(path: string, handle: FileHandle, options: LabelTiffOptions) {
    this.path = path;
    this.handle = handle;
    this.options = options;
    this.bits = options.dtype === 'uint16' ? 16 : 32;
    this.rowsPerStrip = Math.max(1, Math.floor(stripBytes / (options.shape[2] * (this.bits / 8))));
  }

  async write(z: number, labels: LabelSection): Promise<void> {
    checkSection(z, labels, this.options.shape, this.path);
    const pixels = this.narrow(z, toDense(labels).data);
    const [, height, width] = this.options.shape;
    const strips: Strips = { offsets: [], counts: [] };
    try {
      for (let row = 0; row < height; row += this.rowsPerStrip) {
        const strip = pixels.subarray(row * width, Math.min(row + this.rowsPerStrip, height) * width);
        const packed = await deflateAsync(bytesOf(strip), { level: 1 });
        const offset = this.end;
        this.end += packed.length + (packed.length % 2); // offsets are even
        strips.offsets.push(offset);
        strips.counts.push(packed.length);
        await this.writeAt(packed, offset);
      }
    } catch (error) {
      throw outputError(error, this.path);
    }
    this.pages.set(z, strips);
  }

  async close(): Promise<void> {
    const partial = partialName(this.path);
    try {
      checkComplete(new Set(this.pages.keys()), this.options.shape[0], this.path);
      await this.writeDirectories();
      await this.handle.close();
      this.done = true;
      await rename(partial, this.path);
    } catch (error) {
      await this.discard();
      throw outputError(error, this.path);
    }
  }

  async discard(): Promise<void> {
    if (this.done) return;
    this.done = true;
    await this.handle.close().catch(() => {});
    await rm(partialName(this.path), { force: true }).catch(() => {});
  }

  /** Writes all the bytes: a single call may write fewer, as when the disk fills up. */
  private async writeAt(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    }
  }

  private narrow(z: number, data: Uint32Array): Uint16Array | Uint32Array {
    if (this.bits === 32) return data;
    const out = new Uint16Array(data.length);
    for (let i = 0; i < data.length; i++) {
      if (data[i] > 0xffff) {
        throw new KynError('output', `id ${data[i]} in section ${z} does not fit into 16 bit`, {
          where: this.path,
          hint: 'write 32-bit labels',
        });
      }
      out[i] = data[i];
    }
    return out;
  }

  private async writeDirectories(): Promise<void> {
    const strips = Math.ceil(this.options.shape[1] / this.rowsPerStrip);
    // 20 bytes an entry and 16 a strip at most.
    const room = this.options.shape[0] * (16 * 20 + strips * 16 + 64) + 4096;
    const big = this.end + room > classicLimit;
    let at = this.end;
    for (let z = 0; z < this.options.shape[0]; z++) {
      const page = this.pages.get(z) ?? { offsets: [], counts: [] };
      const last = z === this.options.shape[0] - 1;
      const bytes = encodeDirectory(this.entries(page, z === 0), at, last, big);
      await this.writeAt(bytes, at);
      at += bytes.length;
    }
    await this.writeAt(encodeHeader(this.end, big), 0);
  }

  private entries(page: Strips, first: boolean): Entry[] {
    const { shape, voxelSizeNm } = this.options;
    const [depth, height, width] = shape;
    // Pixels per nm as a fraction of whole numbers.
    const perNm = (nm: number): [number, number] => [1e6, Math.round(nm * 1e6)];
    const description = [
      'ImageJ=1.54f',
      `images=${depth}`,
      `slices=${depth}`,
      ...(voxelSizeNm ? ['unit=nm', `spacing=${voxelSizeNm[0]}`] : []),
      'loop=false',
      '',
    ].join('\n');
    return [
      { tag: 256, type: 'long', values: [width] },
      { tag: 257, type: 'long', values: [height] },
      { tag: 258, type: 'short', values: [this.bits] },
      { tag: 259, type: 'short', values: [8] },
      { tag: 262, type: 'short', values: [1] },
      ...(first ? [{ tag: 270, type: 'ascii' as const, values: [...Buffer.from(`${description}\0`)] }] : []),
      { tag: 273, type: 'offset', values: page.offsets },
      { tag: 277, type: 'short', values: [1] },
      { tag: 278, type: 'long', values: [this.rowsPerStrip] },
      { tag: 279, type: 'offset', values: page.counts },
      ...(voxelSizeNm
        ? [
            { tag: 282, type: 'rational' as const, values: perNm(voxelSizeNm[2]) },
            { tag: 283, type: 'rational' as const, values: perNm(voxelSizeNm[1]) },
            { tag: 296, type: 'short' as const, values: [1] },
          ]
        : []),
      { tag: 339, type: 'short', values: [1] },
    ];
  }
}

interface Entry {
  readonly tag: number;
  /** `offset` is 32 bit in a small file and 64 bit in a BigTIFF. */
  readonly type: 'ascii' | 'short' | 'long' | 'rational' | 'offset';
  readonly values: readonly number[];
}

function encodeHeader(firstDirectory: number, big: boolean): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4949, true);
  view.setUint16(2, big ? 43 : 42, true);
  if (big) {
    view.setUint16(4, 8, true);
    view.setBigUint64(8, BigInt(firstDirectory), true);
  } else {
    view.setUint32(4, firstDirectory, true);
  }
  return bytes;
}

/** One image directory at file offset `at`, its long values behind it, pointing to the one that follows. */
function encodeDirectory(entries: readonly Entry[], at: number, last: boolean, big: boolean): Uint8Array {
  const [countBytes, entryBytes, pointer] = big ? [8, 20, 8] : [2, 12, 4];
  const codes = { ascii: 2, short: 3, long: 4, rational: 5, offset: big ? 16 : 4 };
  const sizes = { ascii: 1, short: 2, long: 4, rational: 4, offset: pointer };
  const fixed = countBytes + entries.length * entryBytes + pointer;
  const long = entries.map((entry) => {
    const size = entry.values.length * sizes[entry.type];
    return size > pointer ? size + (size % 2) : 0;
  });
  const length = fixed + long.reduce((sum, size) => sum + size, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const put = (where: number, value: number, size: number) => {
    if (size === 1) view.setUint8(where, value);
    else if (size === 2) view.setUint16(where, value, true);
    else if (size === 4) view.setUint32(where, value, true);
    else view.setBigUint64(where, BigInt(value), true);
  };
  put(0, entries.length, countBytes);
  let behind = fixed;
  entries.forEach((entry, i) => {
    const where = countBytes + i * entryBytes;
    put(where, entry.tag, 2);
    put(where + 2, codes[entry.type], 2);
    put(where + 4, entry.type === 'rational' ? entry.values.length / 2 : entry.values.length, pointer);
    const inline = where + 4 + pointer;
    if (long[i] > 0) put(inline, at + behind, pointer);
    let to = long[i] > 0 ? behind : inline;
    for (const value of entry.values) {
      put(to, value, sizes[entry.type]);
      to += sizes[entry.type];
    }
    behind += long[i];
  });
  put(fixed - pointer, last ? 0 : at + length, pointer);
  return bytes;
}
