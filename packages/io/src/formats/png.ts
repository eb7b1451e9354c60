/**
 * PNG images to one value a pixel, after the PNG specification (W3C, third edition): all colour types and bit
 * depths, palettes, Adam7. Inflating is left to the platform.
 */
import { KynError } from '@kyn/core';
import { type ByteSource, readAll } from '../byte-source.ts';
import { toGrey } from '../grey.ts';
import type { Inflate } from '../inflate.ts';
import type { Purpose } from '../plane.ts';

export interface PngHeader {
  readonly width: number;
  readonly height: number;
  /** Bits a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** Samples a pixel: 1 grey or palette index, 2 grey + alpha, 3 RGB, 4 RGB + alpha. */
  readonly channels: number;
  readonly palette: boolean;
  readonly interlaced: boolean;
}

export interface PngImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint16Array;
}

const signature = [137, 80, 78, 71, 13, 10, 26, 10];
const channelsOfType: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const headerLength = 33;

/** True where the bytes start as a PNG does. */
export function isPng(bytes: Uint8Array): boolean {
  return signature.every((value, i) => bytes[i] === value);
}

/** Reads the size and kind of a PNG without its pixels. */
export async function readPngHeader(source: ByteSource): Promise<PngHeader> {
  return parseHeader(await source.read(0, headerLength), source.name);
}

function parseHeader(bytes: Uint8Array, where: string): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isPng(bytes)) throw damaged('not a PNG image', where);
  if (bytes.length < headerLength) throw damaged('the PNG is cut short', where);
  if (chunkName(bytes, 12) !== 'IHDR') throw damaged('not a PNG image', where);
  const type = bytes[25];
  const header = {
    width: view.getUint32(16),
    height: view.getUint32(20),
    depth: bytes[24],
    channels: channelsOfType[type],
    palette: type === 3,
    interlaced: bytes[28] === 1,
  };
  if (header.channels === undefined || ![1, 2, 4, 8, 16].includes(header.depth)) {
    throw damaged(`PNG colour type ${type} with ${header.depth} bit does not exist`, where);
  }
  if (header.width === 0 || header.height === 0) throw damaged('the image has no pixels', where);
  return header;
}

/** The passes that have pixels, with their rows, columns and bytes a row; each row has a byte for its filter besides. */
function passesOf({ width, height, channels, depth, interlaced }: PngHeader) {
  return (interlaced ? adam7 : wholeImage)
    .map((pass) => {
      const columns = Math.ceil((width - pass.x) / pass.dx);
      const rows = Math.ceil((height - pass.y) / pass.dy);
      return { pass, rows, columns, rowBytes: Math.ceil((columns * channels * depth) / 8) };
    })
    .filter(({ rows, columns }) => rows > 0 && columns > 0);
}

/**
 * Decodes a PNG. For `sections`: luminance, grey below 8 bit spread over 0..255. For `labels`: the values as
 * they are, palette indices included.
 */
export async function decodePng(source: ByteSource, purpose: Purpose, inflate: Inflate): Promise<PngImage> {
  const where = source.name;
  const bytes = await readAll(source);
  const header = parseHeader(bytes, where);
  const { parts, palette } = readChunks(bytes, where);
  const passes = passesOf(header);
  const size = passes.reduce((sum, { rows, rowBytes }) => sum + rows * (rowBytes + 1), 0);
  const packed = await inflate(concat(parts), size).catch((cause: unknown) => {
    throw damaged('the PNG is damaged: its pixels do not decompress', where, cause);
  });
  const bytesPerPixel = Math.max(1, (header.channels * header.depth) >> 3);
  const samples = allocateSamples(header);
  let from = 0;
  for (const { pass, rows, columns, rowBytes } of passes) {
    const stop = from + rows * (rowBytes + 1);
    if (stop > packed.length) throw damaged('the PNG is cut short: rows are missing', where);
    const lines = unfilter(packed.subarray(from, stop), rows, rowBytes, bytesPerPixel, where);
    unpack(lines, rows, rowBytes, columns, header, pass, samples);
    from = stop;
  }
  const { width, height } = header;
  if (header.palette && purpose === 'sections') {
    if (!palette) throw damaged('the PNG has no palette', where);
    return { width, height, data: toGrey(applyPalette(samples, palette), 3, purpose, where) };
  }
  if (header.depth < 8 && purpose === 'sections') {
    const scale = 255 / (2 ** header.depth - 1);
    for (let i = 0; i < samples.length; i++) samples[i] *= scale;
  }
  return { width, height, data: toGrey(samples, header.channels, purpose, where) };
}

function readChunks(bytes: Uint8Array, where: string): { parts: Uint8Array[]; palette?: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let at = signature.length;
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at);
    const name = chunkName(bytes, at + 4);
    if (at + 12 + length > bytes.length) break;
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (name === 'IEND') return { parts, palette };
    if (name === 'IDAT' || name === 'PLTE') {
      if (crc32(bytes, at + 4, at + 8 + length) !== view.getUint32(at + 8 + length)) {
        throw damaged(`the PNG is damaged: wrong checksum in ${name}`, where);
      }
      if (name === 'IDAT') parts.push(body);
      else palette = body;
    }
    at += 12 + length;
  }
  throw damaged('the PNG is cut short', where);
}

function chunkName(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Undoes the row filters; each input row starts with its filter type. */
function unfilter(
  packed: Uint8Array,
  rows: number,
  rowBytes: number,
  bytesPerPixel: number,
  where: string,
): Uint8Array {
  const out = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) {
    const from = row * (rowBytes + 1) + 1;
    const to = row * rowBytes;
    const filter = packed[from - 1];
    if (filter > 4) throw damaged(`the PNG is damaged: row filter ${filter}`, where);
    for (let i = 0; i < rowBytes; i++) {
      const left = i >= bytesPerPixel ? out[to + i - bytesPerPixel] : 0;
      const up = row > 0 ? out[to + i - rowBytes] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = up;
      else if (filter === 3) guess = (left + up) >> 1;
      else if (filter === 4) {
        const corner = row > 0 && i >= bytesPerPixel ? out[to + i - rowBytes - bytesPerPixel] : 0;
        guess = paeth(left, up, corner);
      }
      out[to + i] = packed[from + i] + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

interface Pass {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

const wholeImage: readonly Pass[] = [{ x: 0, y: 0, dx: 1, dy: 1 }];
const adam7: readonly Pass[] = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
];

function allocateSamples(header: PngHeader): Uint8Array | Uint16Array {
  const count = header.width * header.height * header.channels;
  return header.depth === 16 ? new Uint16Array(count) : new Uint8Array(count);
}

/** Spreads the rows of one pass over the image, a sample an element. */
function unpack(
  lines: Uint8Array,
  rows: number,
  rowBytes: number,
  columns: number,
  header: PngHeader,
  pass: Pass,
  out: Uint8Array | Uint16Array,
): void {
  const { width, channels, depth } = header;
  if (depth === 8 && pass.dx === 1 && pass.dy === 1) {
    out.set(lines);
    return;
  }
  const mask = 2 ** depth - 1;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns * channels; i++) {
      const column = Math.floor(i / channels);
      const bit = i * depth;
      const at = row * rowBytes + (bit >> 3);
      const to = ((pass.y + row * pass.dy) * width + pass.x + column * pass.dx) * channels + (i % channels);
      if (depth === 16) out[to] = (lines[at] << 8) | lines[at + 1];
      else out[to] = (lines[at] >> (8 - depth - (bit & 7))) & mask;
    }
  }
}

function applyPalette(indices: Uint8Array | Uint16Array, palette: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(indices.length * 3);
  for (let i = 0; i < indices.length; i++) {
    for (let c = 0; c < 3; c++) rgb[i * 3 + c] = palette[indices[i] * 3 + c] ?? 0;
  }
  return rgb;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffffffff;
  for (let i = from; i < to; i++) crc = crcTable[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function damaged(message: string, where: string, cause?: unknown): KynError {
  return new KynError('format', message, { where, hint: 'save or copy it again', cause });
}
