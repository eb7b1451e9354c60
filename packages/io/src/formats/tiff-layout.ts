/** How the pixels of one TIFF page are laid out, checked to be something that can be read. */
import { KynError } from '@kyn/core';
import type { DtypeName, Purpose } from '../plane.ts';
import { compressionNames } from './tiff-codecs.ts';
import { type TiffPage, tag } from './tiff-file.ts';

export interface TiffLayout {
  readonly width: number;
  readonly height: number;
  /** Samples a pixel as stored. */
  readonly samples: number;
  /** Samples a pixel that count: 1, or 3 for RGB. The others (transparency, more channels) are passed over. */
  readonly channels: 1 | 3;
  readonly bits: number;
  /** dtype of one sample; bits below 8 come as uint8, 12 as uint16. */
  readonly sampleType: DtypeName;
  readonly halfFloat: boolean;
  readonly compression: number;
  readonly predictor: number;
  /** True where each sample has its own strips. */
  readonly planar: boolean;
  readonly inverted: boolean;
  readonly palette: readonly number[] | undefined;
  readonly blockWidth: number;
  readonly blockHeight: number;
  readonly tiled: boolean;
  readonly offsets: readonly number[];
  readonly byteCounts: readonly number[];
}

/** Bytes of one row of samples, which starts at a whole byte. */
export function rowBytes(layout: TiffLayout, columns: number): number {
  return Math.ceil((columns * (layout.planar ? 1 : layout.samples) * layout.bits) / 8);
}

/** dtype of the decoded page for a purpose (a palette gives colours for images, indices for labels). */
export function pageDtype(layout: TiffLayout, purpose: Purpose): DtypeName {
  return layout.palette && purpose === 'sections' ? 'uint8' : layout.sampleType;
}

/** True where two pages can be sections of one volume. */
export function sameKind(a: TiffLayout, b: TiffLayout): boolean {
  return a.sampleType === b.sampleType;
}

/** Reads and checks a page's layout. */
export function tiffLayout(page: TiffPage, where: string): TiffLayout {
  const width = page.number(tag.width) ?? 0;
  const height = page.number(tag.height) ?? 0;
  if (width < 1 || height < 1) throw unreadable('the TIFF has no pixels', where);
  const samples = page.number(tag.samplesPerPixel) ?? 1;
  const allBits = page.numbers(tag.bitsPerSample);
  const bits = allBits[0] ?? 1;
  if (allBits.some((b) => b !== bits))
    throw unreadable(`channels of different bits (${allBits.join(', ')})`, where);
  const photometric = page.number(tag.photometric) ?? 1;
  if (photometric > 3) throw unreadable(`TIFF colours of kind ${photometric}`, where);
  const compression = page.number(tag.compression) ?? 1;
  const tiled = page.number(tag.tileWidth) !== undefined;
  const format = page.number(tag.sampleFormat) ?? 1;
  const layout: TiffLayout = {
    width,
    height,
    samples,
    channels: photometric === 2 && samples >= 3 ? 3 : 1,
    bits,
    sampleType: sampleType(bits, format, where),
    halfFloat: format === 3 && bits === 16,
    compression,
    predictor: page.number(tag.predictor) ?? 1,
    planar: page.number(tag.planarConfiguration) === 2 && samples > 1,
    inverted: photometric === 0,
    palette: photometric === 3 ? page.numbers(tag.colorMap) : undefined,
    tiled,
    blockWidth: tiled ? (page.number(tag.tileWidth) ?? width) : width,
    blockHeight: tiled
      ? (page.number(tag.tileHeight) ?? height)
      : Math.min(height, page.number(tag.rowsPerStrip) ?? height),
    offsets: page.numbers(tiled ? tag.tileOffsets : tag.stripOffsets),
    byteCounts: page.numbers(tiled ? tag.tileByteCounts : tag.stripByteCounts),
  };
  checkBlocks(layout, where);
  return layout;
}

function sampleType(bits: number, format: number, where: string): DtypeName {
  if (format === 3) {
    if (bits === 16 || bits === 32) return 'float32';
    if (bits === 64) return 'float64';
  } else if (format === 2) {
    const type = ({ 8: 'int8', 16: 'int16', 32: 'int32', 64: 'int64' } as const)[bits];
    if (type) return type;
  } else if (format === 1 || format === 4) {
    if (bits >= 1 && bits <= 8) return 'uint8';
    if (bits <= 16) return 'uint16';
    if (bits === 32) return 'uint32';
    if (bits === 64) return 'uint64';
  }
  throw unreadable(`TIFF pixels of ${bits} bit, format ${format}`, where);
}

function checkBlocks(layout: TiffLayout, where: string): void {
  if (layout.compression > 1 && !decodable.has(layout.compression)) {
    const name = compressionNames[layout.compression] ?? `number ${layout.compression}`;
    throw unreadable(`TIFF compression ${name}`, where);
  }
  const across = Math.ceil(layout.width / layout.blockWidth);
  const down = Math.ceil(layout.height / layout.blockHeight);
  const blocks = across * down * (layout.planar ? layout.samples : 1);
  // Some old writers leave the byte counts of uncompressed strips out.
  const counts = layout.byteCounts.length > 0 || layout.compression > 1 ? layout.byteCounts.length : blocks;
  if (!(blocks >= 1) || layout.offsets.length < blocks || counts < blocks) {
    throw new KynError('format', 'the TIFF is damaged: parts of the image are not listed', {
      where,
      hint: 'save or copy it again',
    });
  }
}

const decodable: ReadonlySet<number> = new Set([5, 8, 32946, 32773, 50000]);

function unreadable(message: string, where: string): KynError {
  return new KynError('format', `${message} cannot be read`, {
    where,
    hint: 'save it as a grey 8 or 16-bit TIFF, uncompressed, LZW or deflate',
  });
}
