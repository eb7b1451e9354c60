/**
 * The structure of a TIFF file (TIFF 6.0, Adobe 1992; BigTIFF, 2007): header, the chain of image directories,
 * their tags. Only directories are read here, never pixels, so a file of many gigabytes opens at once.
 */
import { KynError } from '@kyn/core';
import { type ByteSource, readExactly } from '../byte-source.ts';

/** Tag numbers that are used. */
export const tag = {
  subfileType: 254,
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  description: 270,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  xResolution: 282,
  yResolution: 283,
  planarConfiguration: 284,
  resolutionUnit: 296,
  software: 305,
  predictor: 317,
  colorMap: 320,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  sampleFormat: 339,
} as const;

/** One image directory: its tags' values (numbers, or text for ASCII tags). */
export class TiffPage {
  private readonly values: ReadonlyMap<number, readonly number[] | string>;
  constructor(values: ReadonlyMap<number, readonly number[] | string>) {
    this.values = values;
  }

  /** First number of a tag. */
  number(id: number): number | undefined {
    const value = this.values.get(id);
    return typeof value === 'string' ? undefined : value?.[0];
  }

  numbers(id: number): readonly number[] {
    const value = this.values.get(id);
    return typeof value === 'string' || value === undefined ? [] : value;
  }

  text(id: number): string | undefined {
    const value = this.values.get(id);
    return typeof value === 'string' ? value : undefined;
  }
}

export interface TiffFile {
  readonly pages: readonly TiffPage[];
  readonly littleEndian: boolean;
}

/** True where the bytes start as a TIFF or BigTIFF does. */
export function isTiff(bytes: Uint8Array): boolean {
  const little = bytes[0] === 0x49 && bytes[1] === 0x49;
  const big = bytes[0] === 0x4d && bytes[1] === 0x4d;
  const version = little ? bytes[2] | (bytes[3] << 8) : (bytes[2] << 8) | bytes[3];
  return (little || big) && (version === 42 || version === 43);
}

/** Bytes of an element by TIFF field type; 0 = not a type. */
const typeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

/** Reads the header and all image directories. */
export async function readTiffFile(source: ByteSource): Promise<TiffFile> {
  const reader = new TiffReader(source);
  return reader.read();
}

class TiffReader {
  private readonly source: ByteSource;
  private littleEndian = true;
  private bigTiff = false;
  /** Directories usually lie close together: one window serves many small reads. */
  private window = new Uint8Array(0);
  private windowStart = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  async read(): Promise<TiffFile> {
    const head = await this.bytes(0, 8);
    if (!isTiff(new Uint8Array(head.buffer, head.byteOffset, 8))) throw this.damaged('not a TIFF image');
    this.littleEndian = head.getUint8(0) === 0x49;
    this.bigTiff = head.getUint16(2, this.littleEndian) === 43;
    let next = this.bigTiff ? await this.offset(8) : head.getUint32(4, this.littleEndian);
    const pages: TiffPage[] = [];
    const seen = new Set<number>();
    while (next !== 0) {
      if (seen.has(next)) throw this.damaged('the TIFF is damaged: its directories form a circle');
      seen.add(next);
      const { page, following } = await this.directory(next);
      pages.push(page);
      next = following;
    }
    if (pages.length === 0) throw this.damaged('the TIFF holds no image');
    return { pages, littleEndian: this.littleEndian };
  }

  private async directory(at: number): Promise<{ page: TiffPage; following: number }> {
    const entryBytes = this.bigTiff ? 20 : 12;
    const countBytes = this.bigTiff ? 8 : 2;
    const count = this.bigTiff
      ? await this.offset(at)
      : (await this.bytes(at, 2)).getUint16(0, this.littleEndian);
    if (count === 0 || count > 4096) throw this.damaged(`the TIFF is damaged: a directory of ${count} tags`);
    const pointerBytes = this.bigTiff ? 8 : 4;
    const view = await this.bytes(at + countBytes, count * entryBytes + pointerBytes);
    // The window may move while values are fetched, so the entries are copied out first.
    const entries = new DataView(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    const values = new Map<number, readonly number[] | string>();
    for (let i = 0; i < count; i++) {
      const entry = i * entryBytes;
      const id = entries.getUint16(entry, this.littleEndian);
      const type = entries.getUint16(entry + 2, this.littleEndian);
      const length = this.pointer(entries, entry + 4);
      const size = (typeBytes[type] ?? 0) * length;
      if (size === 0) continue;
      const inline = entry + 4 + pointerBytes;
      const field =
        size <= pointerBytes
          ? new DataView(entries.buffer, inline, size)
          : wanted.has(id)
            ? await this.bytes(this.pointer(entries, inline), size)
            : undefined;
      if (field) values.set(id, this.decode(field, type, length));
    }
    return { page: new TiffPage(values), following: this.pointer(entries, count * entryBytes) };
  }

  private decode(field: DataView, type: number, count: number): readonly number[] | string {
    if (type === 2) {
      const bytes = new Uint8Array(field.buffer, field.byteOffset, field.byteLength);
      return decodeText(bytes).replace(/\0[\s\S]*$/, '');
    }
    const little = this.littleEndian;
    const size = typeBytes[type];
    const values = new Array<number>(count);
    for (let i = 0; i < count; i++) {
      const at = i * size;
      if (type === 5) values[i] = field.getUint32(at, little) / field.getUint32(at + 4, little);
      else if (type === 10) values[i] = field.getInt32(at, little) / field.getInt32(at + 4, little);
      else if (type === 11) values[i] = field.getFloat32(at, little);
      else if (type === 12) values[i] = field.getFloat64(at, little);
      else if (size === 1) values[i] = field.getUint8(at);
      else if (size === 2) values[i] = field.getUint16(at, little);
      else if (size === 4) values[i] = field.getUint32(at, little);
      else values[i] = Number(field.getBigUint64(at, little));
    }
    return values;
  }

  private pointer(view: DataView, at: number): number {
    return this.bigTiff
      ? Number(view.getBigUint64(at, this.littleEndian))
      : view.getUint32(at, this.littleEndian);
  }

  private async offset(at: number): Promise<number> {
    return Number((await this.bytes(at, 8)).getBigUint64(0, this.littleEndian));
  }

  private async bytes(at: number, length: number): Promise<DataView> {
    const inside = at >= this.windowStart && at + length <= this.windowStart + this.window.length;
    if (!inside) {
      const ahead = Math.max(length, Math.min(16384, this.source.size - at));
      this.window = new Uint8Array(await readExactly(this.source, at, ahead));
      this.windowStart = at;
    }
    return new DataView(this.window.buffer, this.window.byteOffset + at - this.windowStart, length);
  }

  private damaged(message: string): KynError {
    return new KynError('format', message, { where: this.source.name, hint: 'save or copy it again' });
  }
}

const wanted: ReadonlySet<number> = new Set(Object.values(tag));

/** UTF-8 where it is that, else Latin-1 (ImageJ writes µ as one byte). */
function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}
