/** Colours, bit depths, compressions and notes of image files that other programs wrote. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { unpackBits } from './formats/tiff-codecs.ts';
import { sectionPages } from './formats/tiff-metadata.ts';
import { openLabels, openSections } from './node/index.ts';
import { fixture, rawSection, temporaryFolder } from './testing/volume.ts';

const raw = rawSection(0, Uint8Array).data;

async function only(path: string) {
  const source = await openSections(path);
  const { data } = await source.read(0);
  await source.close();
  return { data, info: source.info };
}

describe('PNG', () => {
  it('reads 16-bit grey', async () => {
    const { data, info } = await only(fixture('kinds', 'grey-16.png'));
    expect(data).toEqual(Uint16Array.from(raw, (value) => value * 257));
    expect(info).toMatchObject({ dtype: 'uint16', format: 'PNG', shape: [1, 12, 18], notes: [] });
  });

  it('takes the luminance of colours and says so', async () => {
    const { data, info } = await only(fixture('kinds', 'rgba.png'));
    const luminance = raw.map((v) =>
      Math.floor(0.299 * v + 0.587 * (250 - v) + 0.114 * Math.floor(v / 2) + 0.5),
    );
    expect(data).toEqual(luminance);
    expect(info.notes).toEqual(['RGB images: luminance taken, transparency ignored']);
    expect((await only(fixture('kinds', 'rgb.png'))).data).toEqual(raw);
    expect((await only(fixture('kinds', 'grey-alpha.png'))).data).toEqual(raw);
  });

  it('spreads one bit over 0..255 in images and keeps it in labels', async () => {
    const { data } = await only(fixture('kinds', 'bits.png'));
    expect(data).toEqual(raw.map((v) => (v > 125 ? 255 : 0)));
    const labels = await openLabels(fixture('kinds', 'bits.png'));
    expect((await labels.read(0)).data).toEqual(Uint32Array.from(raw, (v) => (v > 125 ? 1 : 0)));
    await labels.close();
  });

  it('reads palettes: colours in images, indices in labels', async () => {
    const index = (i: number) => 1 + Math.floor((i % 18) / 6) + 3 * Math.floor(Math.floor(i / 18) / 6);
    const labels = await openLabels(fixture('kinds', 'palette.png'));
    expect((await labels.read(0)).data).toEqual(Uint32Array.from(raw, (_, i) => index(i)));
    await labels.close();
    const { data, info } = await only(fixture('kinds', 'palette.png'));
    const grey = (v: number) => Math.floor(0.299 * v * 16 + 0.587 * (255 - v * 16) + 0.114 * 7 + 0.5);
    expect(data).toEqual(Uint8Array.from(raw, (_, i) => grey(index(i))));
    expect(info.notes).toEqual(['palette images: luminance taken']);
  });

  it('refuses coloured labels', async () => {
    const labels = await openLabels(fixture('kinds', 'rgba.png'));
    await expect(labels.read(0)).rejects.toMatchObject({ code: 'content' });
    await labels.close();
  });

  it.each([1, 7, 8, 9, 18])('reads interlaced images %i pixels wide', async (width) => {
    const path = join(await temporaryFolder(), 'adam7.png');
    const data = Uint8Array.from({ length: width * 11 }, (_, i) => (i * 97) % 256);
    await writeFile(path, encode({ width, height: 11, channels: 1, data }, { interlace: 'Adam7' }));
    expect((await only(path)).data).toEqual(data);
  });
});

describe('TIFF', () => {
  it('reads LZW with codes of every width and table resets', async () => {
    const { data, info } = await only(fixture('noise-lzw.tif'));
    const noise = Uint16Array.from({ length: 96 * 80 }, (_, i) => Math.floor((i * i * 40503) / 8) % 65536);
    expect(info.shape).toEqual([1, 96, 80]);
    expect(data).toEqual(noise);
  });

  it.each(['lzw-predictor.tif', 'planar-rgb.tif', 'palette.tif'])('reads %s', async (name) => {
    expect((await only(fixture(name))).data).toEqual(raw);
  });

  it('reads half floats and single bits', async () => {
    expect((await only(fixture('half.tif'))).data).toEqual(Float32Array.from(raw));
    expect((await only(fixture('bits.tif'))).data).toEqual(raw.map((v) => (v > 125 ? 255 : 0)));
  });

  it('notes the channels it leaves out', async () => {
    expect((await only(fixture('ome-channels.ome.tif'))).info.notes).toEqual([
      'the first of 2 channels taken',
    ]);
  });

  it('takes many channels for sections where there are no others: that is what tifffile calls the pages of a stack', () => {
    const pagesOf = (...axes: [name: 'z' | 'c' | 't', extent: number][]) =>
      sectionPages(
        {
          pixelNm: undefined,
          spacingNm: undefined,
          imagejPlanes: 1,
          axes: axes.map(([name, extent]) => ({ name, extent })),
        },
        axes.reduce((pages, [, extent]) => pages * extent, 1),
      );
    expect(pagesOf(['c', 5])).toEqual({ indices: [0, 1, 2, 3, 4], note: 'channels taken as sections' });
    expect(pagesOf(['c', 4])).toEqual({ indices: [0], note: 'the first of 4 channels taken' });
    const colours = 'time points taken as sections; the first of 6 channels taken';
    expect(pagesOf(['c', 6], ['t', 2])).toEqual({ indices: [0, 6], note: colours });
    expect(pagesOf(['c', 6], ['z', 2]).indices).toEqual([0, 6]);
  });

  it('unpacks PackBits (the example of the TIFF specification)', () => {
    const packed = [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa];
    const plain = 'aaaaaa80002aaaaaaaaa80002a22aaaaaaaaaaaaaaaaaaaa';
    expect(Buffer.from(unpackBits(Uint8Array.from(packed), 24)).toString('hex')).toBe(plain);
  });
});

describe('stacks', () => {
  it('finds gaps in the numbers and notes other files', async () => {
    const { info } = await openSections(fixture('png-stack'));
    expect(info.sectionNames).toEqual([
      's9_8bit.png',
      's10_8bit.png',
      's11_8bit.png',
      's13_8bit.png',
      's14_8bit.png',
    ]);
    expect(info.sectionPositions).toEqual([0, 1, 2, 4, 5]);
    expect(info.notes).toEqual(['not read: readme.txt', 'missing sections (gaps in the file numbers): 12']);
    expect(info.format).toBe('PNG stack');
  });

  it('has no positions where nothing is missing', async () => {
    const { info } = await openSections(fixture('tiff-stack'));
    expect(info.sectionNames?.[0]).toBe('section_8.tif');
    expect(info.sectionPositions).toBeUndefined();
    expect(info.notes).toEqual([]);
  });
});
