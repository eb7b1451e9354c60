/** Decodes the pixels of one TIFF page: strips or tiles, chunky or planar, any bit depth, one value a pixel out. */
import { KynError } from '@kyn/core';
import { type ByteSource, readExactly } from '../byte-source.ts';
import { toGrey } from '../grey.ts';
import type { Inflate } from '../inflate.ts';
import { allocate, dtypeBytes, type Plane, type Purpose, type StoredData, viewBytes } from '../plane.ts';
import { decompress, swapBytesInPlace, undoDifferencesInPlace, undoFloatPredictor } from './tiff-codecs.ts';
import { rowBytes, type TiffLayout } from './tiff-layout.ts';

export interface TiffPixels {
  readonly source: ByteSource;
  readonly layout: TiffLayout;
  readonly littleEndian: boolean;
  /** Added to the offsets: the pages of ImageJ stacks that have one directory for all. */
  readonly shift?: number;
  /** For messages. */
  readonly where: string;
}

/** Reads one page. */
export async function decodeTiffPage(pixels: TiffPixels, purpose: Purpose, inflate: Inflate): Promise<Plane> {
  const { layout, where } = pixels;
  const { width, height, channels } = layout;
  const out = allocate(layout.sampleType, width * height * channels);
  const across = Math.ceil(width / layout.blockWidth);
  const down = Math.ceil(height / layout.blockHeight);
  const fetch = await blockReader(pixels);
  for (let plane = 0; plane < (layout.planar ? channels : 1); plane++) {
    for (let row = 0; row < down; row++) {
      for (let column = 0; column < across; column++) {
        const rows = storedRows(layout, row);
        const stored = await fetch((plane * down + row) * across + column);
        const block = await decodeBlock(stored, rows, pixels, inflate);
        place(block, out, layout, row * layout.blockHeight, column * layout.blockWidth, plane);
      }
    }
  }
  return { data: toValues(out, layout, purpose, where), width, height };
}

/** Rows of a strip or tile in the file: the last strip may have fewer, tiles are all alike. */
function storedRows({ tiled, height, blockHeight }: TiffLayout, row: number): number {
  return tiled ? blockHeight : Math.min(blockHeight, height - row * blockHeight);
}

/** Reads blocks one by one, or all at once where they lie together. */
async function blockReader(pixels: TiffPixels): Promise<(block: number) => Promise<Uint8Array>> {
  const { source, layout, shift = 0 } = pixels;
  const { offsets } = layout;
  const down = Math.ceil(layout.height / layout.blockHeight);
  const countOf = (block: number) =>
    layout.byteCounts[block] ?? rowBytes(layout, layout.blockWidth) * storedRows(layout, block % down);
  let start = Number.POSITIVE_INFINITY;
  let stop = 0;
  let total = 0;
  for (let block = 0; block < offsets.length; block++) {
    start = Math.min(start, offsets[block]);
    stop = Math.max(stop, offsets[block] + countOf(block));
    total += countOf(block);
  }
  const together = offsets.length > 1 && stop - start <= total + 65536;
  const all = together ? await readExactly(source, start + shift, stop - start) : undefined;
  return async (block) =>
    all
      ? all.subarray(offsets[block] - start, offsets[block] - start + countOf(block))
      : readExactly(source, offsets[block] + shift, countOf(block));
}

/** One strip or tile as little-endian samples, a typed element each. */
async function decodeBlock(
  stored: Uint8Array,
  rows: number,
  pixels: TiffPixels,
  inflate: Inflate,
): Promise<StoredData> {
  const { layout, where } = pixels;
  const line = rowBytes(layout, layout.blockWidth);
  const size = line * rows;
  const unpacked = await decompress(stored, layout.compression, size, inflate).catch((cause: unknown) => {
    throw damaged('its pixels do not decompress', where, cause);
  });
  if (!unpacked || unpacked.length < size) throw damaged('rows are missing', where);
  let bytes = unpacked.subarray(0, size);
  const samples = layout.planar ? 1 : layout.samples;
  const rowSamples = layout.blockWidth * samples;
  if (layout.bits % 8 !== 0) return unpackBitFields(bytes, rows, rowSamples, line, layout.bits);
  const sampleBytes = layout.bits / 8;
  if (layout.predictor === 3) {
    bytes = undoFloatPredictor(bytes, rowSamples, samples, sampleBytes);
  } else if (!pixels.littleEndian && sampleBytes > 1) {
    bytes = bytes.slice();
    swapBytesInPlace(bytes, sampleBytes);
  }
  if (layout.predictor === 2) {
    const unsigned = ({ 1: 'uint8', 2: 'uint16', 4: 'uint32', 8: 'uint64' } as const)[sampleBytes];
    if (!unsigned) throw damaged(`predictor with ${layout.bits} bit`, where);
    const copy = viewBytes(unsigned, bytes.slice());
    undoDifferencesInPlace(
      copy as Uint8Array | Uint16Array | Uint32Array | BigUint64Array,
      rowSamples,
      samples,
    );
    bytes = new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength);
  }
  if (layout.halfFloat) return fromHalf(viewBytes('uint16', bytes) as Uint16Array);
  return viewBytes(layout.sampleType, bytes);
}

/** Samples of 1..15 bits that are no whole bytes, most significant bit first, rows at whole bytes. */
function unpackBitFields(
  bytes: Uint8Array,
  rows: number,
  rowSamples: number,
  line: number,
  bits: number,
): Uint8Array | Uint16Array {
  const out = bits <= 8 ? new Uint8Array(rows * rowSamples) : new Uint16Array(rows * rowSamples);
  const mask = 2 ** bits - 1;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < rowSamples; i++) {
      const bit = i * bits;
      const at = row * line + (bit >> 3);
      const three = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      out[row * rowSamples + i] = (three >> (24 - bits - (bit & 7))) & mask;
    }
  }
  return out;
}

/** Copies the counted channels of a block to its place; what lies beyond the image is cut off. */
function place(
  block: StoredData,
  out: StoredData,
  layout: TiffLayout,
  y: number,
  x: number,
  plane: number,
): void {
  const { width, height, channels, blockWidth } = layout;
  const samples = layout.planar ? 1 : layout.samples;
  const columns = Math.min(blockWidth, width - x);
  const rows = Math.min(Math.floor(block.length / (blockWidth * samples)), height - y);
  for (let row = 0; row < rows; row++) {
    const from = row * blockWidth * samples;
    const to = ((y + row) * width + x) * channels;
    if (samples === channels && channels === 1) {
      // Same dtype on both sides; the union of typed arrays has no common `set`.
      (out as Uint8Array).set(block.subarray(from, from + columns) as Uint8Array, to);
      continue;
    }
    const each = layout.planar ? 1 : channels;
    for (let i = 0; i < columns; i++) {
      for (let c = 0; c < each; c++) out[to + i * channels + plane + c] = block[from + i * samples + c];
    }
  }
}

/** Palette, inverted grey, colours and bit depths below 8, made one value a pixel. */
function toValues(data: StoredData, layout: TiffLayout, purpose: Purpose, where: string): StoredData {
  if (layout.channels === 3) {
    if (data instanceof Uint8Array || data instanceof Uint16Array || data instanceof Float32Array) {
      return toGrey(data, 3, purpose, where);
    }
    throw new KynError('format', `RGB of ${layout.sampleType} cannot be read`, {
      where,
      hint: 'save it as grey',
    });
  }
  if (purpose === 'labels') return data;
  if (layout.palette && (data instanceof Uint8Array || data instanceof Uint16Array)) {
    return paletteGrey(data, layout.palette, where);
  }
  if (!(data instanceof Uint8Array || data instanceof Uint16Array)) return data;
  const top = 2 ** layout.bits - 1;
  const scale = layout.bits < 8 ? 255 / top : 1;
  if (layout.inverted) for (let i = 0; i < data.length; i++) data[i] = (top - data[i]) * scale;
  else if (scale !== 1) for (let i = 0; i < data.length; i++) data[i] *= scale;
  return data;
}

function paletteGrey(
  indices: Uint8Array | Uint16Array,
  palette: readonly number[],
  where: string,
): Uint8Array {
  const count = palette.length / 3;
  const rgb = Uint8Array.from(
    { length: count * 3 },
    (_, i) => palette[(i % 3) * count + Math.floor(i / 3)] >> 8,
  );
  const grey = toGrey(rgb, 3, 'sections', where);
  return Uint8Array.from(indices, (index) => grey[index] ?? 0);
}

/** IEEE 754 half precision. */
function fromHalf(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** Size of one uncompressed page in bytes. */
export function pageBytes(layout: TiffLayout): number {
  return layout.width * layout.height * layout.samples * dtypeBytes(layout.sampleType);
}

function damaged(what: string, where: string, cause?: unknown): KynError {
  return new KynError('format', `the TIFF is damaged: ${what}`, {
    where,
    hint: 'save or copy it again',
    cause,
  });
}
