/** One conformance suite over every format: the same volume reads back the same, in any order. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isKynError, type LabelSource, type NdArray, type SectionSource } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import {
  createCremiHdf5,
  createLabelTiff,
  createLabelZarr,
  createRawZarr,
  openLabels,
  openSections,
} from './node/index.ts';
import { fixture, labelSection, rawSection, shape, temporaryFolder, voxelSizeNm } from './testing/volume.ts';

interface Case {
  readonly name: string;
  readonly open: () => Promise<SectionSource | LabelSource>;
  readonly expected: (z: number) => NdArray;
  readonly dtype: string;
  readonly voxelSize?: 'unknown';
}

const raw8 = (z: number) => rawSection(z, Uint8Array);
const raw16 = (z: number) => rawSection(z, Uint16Array);
const raw32 = (z: number) => rawSection(z, Float32Array);

const cases: readonly Case[] = [
  { name: 'HDF5 raw (h5py)', open: () => openSections(fixture('cremi.h5')), expected: raw8, dtype: 'uint8' },
  {
    name: 'HDF5 labels (h5py)',
    open: () => openLabels(fixture('cremi.h5')),
    expected: labelSection,
    dtype: 'uint64',
  },
  {
    name: 'HDF5 4D, named',
    open: () => openSections(`${fixture('other-names.h5')}:/em`),
    expected: raw8,
    dtype: 'uint8',
  },
  {
    name: 'HDF5, the only labels',
    open: () => openLabels(fixture('other-names.h5')),
    expected: labelSection,
    dtype: 'uint32',
    voxelSize: 'unknown',
  },
  {
    name: 'OME-Zarr 0.4 (v2, blosc, >u2)',
    open: () => openSections(fixture('ome-0.4.zarr')),
    expected: raw16,
    dtype: 'uint16',
  },
  {
    name: 'OME-Zarr 0.5 (v3, sharded)',
    open: () => openSections(fixture('ome-0.5.zarr')),
    expected: raw8,
    dtype: 'uint8',
  },
  {
    name: 'OME-Zarr 0.5, level named',
    open: () => openSections(`${fixture('ome-0.5.zarr')}:/0`),
    expected: raw8,
    dtype: 'uint8',
  },
  {
    name: 'OME-Zarr 0.5 labels inside',
    open: () => openLabels(fixture('ome-0.5.zarr')),
    expected: labelSection,
    dtype: 'uint64',
  },
  {
    name: 'Zarr v2, Fortran order',
    open: () => openSections(fixture('fortran.zarr')),
    expected: raw8,
    dtype: 'uint8',
  },
  {
    name: 'Zarr v3, axes xyz',
    open: () => openSections(fixture('xyz.zarr')),
    expected: raw32,
    dtype: 'float32',
    voxelSize: 'unknown',
  },
  { name: 'TIFF, ImageJ', open: () => openSections(fixture('imagej.tif')), expected: raw8, dtype: 'uint8' },
  {
    name: 'TIFF, big-endian, predictor',
    open: () => openSections(fixture('big-endian.tif')),
    expected: (z) => rawSection(z, Uint16Array, 257),
    dtype: 'uint16',
    voxelSize: 'unknown',
  },
  {
    name: 'BigTIFF, float tiles',
    open: () => openSections(fixture('float-tiled.tif')),
    expected: raw32,
    dtype: 'float32',
    voxelSize: 'unknown',
  },
  {
    name: 'OME-TIFF, first channel',
    open: () => openSections(fixture('ome-channels.ome.tif')),
    expected: raw8,
    dtype: 'uint8',
  },
  {
    name: 'TIFF labels',
    open: () => openLabels(fixture('labels-32.tif')),
    expected: labelSection,
    dtype: 'uint32',
    voxelSize: 'unknown',
  },
  {
    name: 'PNG stack',
    open: () => openSections(fixture('png-stack')),
    expected: raw8,
    dtype: 'uint8',
    voxelSize: 'unknown',
  },
  {
    name: 'TIFF stack, four compressions',
    open: () => openSections(fixture('tiff-stack')),
    expected: raw8,
    dtype: 'uint8',
    voxelSize: 'unknown',
  },
  ...ownWriters(),
];

/** Volumes of our own writers, made when they are opened. */
function ownWriters(): Case[] {
  const sections = Array.from({ length: shape[0] }, (_, z) => z);
  return [
    {
      name: 'our label Zarr',
      dtype: 'uint32',
      expected: labelSection,
      async open() {
        const path = `${await temporaryFolder()}/labels.zarr`;
        const sink = await createLabelZarr(path, { shape, voxelSizeNm });
        for (const z of sections) await sink.write(z, labelSection(z));
        await sink.close();
        return openLabels(path);
      },
    },
    {
      name: 'our raw Zarr',
      dtype: 'uint16',
      expected: raw16,
      async open() {
        const path = `${await temporaryFolder()}/raw.zarr`;
        const sink = await createRawZarr(path, { shape, voxelSizeNm, dtype: 'uint16' });
        for (const z of sections) await sink.write(z, raw16(z));
        await sink.close();
        return openSections(path);
      },
    },
    {
      name: 'our label TIFF',
      dtype: 'uint32',
      expected: labelSection,
      async open() {
        const path = `${await temporaryFolder()}/labels.tif`;
        const sink = await createLabelTiff(path, { shape, voxelSizeNm });
        for (const z of sections) await sink.write(z, labelSection(z));
        await sink.close();
        return openLabels(path);
      },
    },
    {
      name: 'our HDF5',
      dtype: 'uint8',
      expected: raw8,
      async open() {
        const path = `${await temporaryFolder()}/volume.h5`;
        const writer = await createCremiHdf5(path, { shape, voxelSizeNm, raw: 'uint8', labels: 'uint64' });
        for (const z of sections) {
          await writer.raw?.write(z, raw8(z));
          await writer.labels?.write(z, labelSection(z));
        }
        await writer.close();
        return openSections(path);
      },
    },
  ];
}

describe.each(cases)('$name', ({ open, expected, dtype, voxelSize }) => {
  it('says what it is', async () => {
    const source = await open();
    expect(source.info.shape).toEqual(shape);
    expect(source.info.dtype).toBe(dtype);
    expect(source.info.voxelSizeNm).toEqual(voxelSize === 'unknown' ? undefined : voxelSizeNm);
    await source.close();
  });

  it('reads every section, last first, and again', async () => {
    const source = await open();
    for (const z of [4, 3, 2, 1, 0, 0, 4]) {
      const section = await source.read(z);
      expect(section.shape).toEqual([shape[1], shape[2]]);
      expect(section.data).toEqual(expected(z).data);
    }
    await source.close();
  });

  it('gives each reader its own data in overlapping reads', async () => {
    const source = await open();
    const sections = await Promise.all([2, 0, 2, 4, 1, 3].map((z) => source.read(z)));
    sections[0].data.fill(0);
    expect(sections[2].data).toEqual(expected(2).data);
    expect(sections[3].data).toEqual(expected(4).data);
    expect((await source.read(2)).data).toEqual(expected(2).data);
    await source.close();
  });

  it('refuses sections that are not there and stops when told', async () => {
    const source = await open();
    for (const z of [-1, 5, 0.5]) await expect(source.read(z)).rejects.toSatisfy(isKynError);
    await expect(source.read(0, { aborted: true })).rejects.toMatchObject({ code: 'cancelled' });
    await source.close();
  });
});

it('takes the only volume of an HDF5 file, and says so', async () => {
  const source = await openLabels(fixture('other-names.h5'));
  expect(source.info.location).toMatch(/:\/segmentation$/);
  expect(source.info.notes).toEqual(['the only volume in it taken: /segmentation']);
  await source.close();
});

/** A TIFF of 4×3 pixels of 8 bit in strips of `rows`, without the byte counts of strips; the pixels end the file. */
function tiffWithoutCounts(rows: number): Uint8Array {
  const strips = Math.ceil(3 / rows);
  const offsetsAt = 8 + 2 + 12 * 6 + 4;
  const pixelsAt = offsetsAt + 4 * strips;
  const view = new DataView(new ArrayBuffer(pixelsAt + 12));
  const tags = [
    [256, 1, 4],
    [257, 1, 3],
    [258, 1, 8],
    [262, 1, 1],
    [273, strips, strips === 1 ? pixelsAt : offsetsAt],
    [278, 1, rows],
  ];
  view.setUint32(0, 0x002a4949, true);
  view.setUint32(4, 8, true);
  view.setUint16(8, tags.length, true);
  for (const [i, [id, count, value]] of tags.entries()) {
    view.setUint16(10 + 12 * i, id, true);
    view.setUint16(12 + 12 * i, 4, true);
    view.setUint32(14 + 12 * i, count, true);
    view.setUint32(18 + 12 * i, value, true);
  }
  for (let i = 0; i < strips; i++) view.setUint32(offsetsAt + 4 * i, pixelsAt + 4 * rows * i, true);
  for (let i = 0; i < 12; i++) view.setUint8(pixelsAt + i, i);
  return new Uint8Array(view.buffer);
}

it.each([1, 2, 3, 100])(
  'reads a TIFF with strips of %i rows whose byte counts are left out',
  async (rows) => {
    const path = join(await temporaryFolder(), 'a.tif');
    await writeFile(path, tiffWithoutCounts(rows));
    const source = await openSections(path);
    expect([...(await source.read(0)).data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await source.close();
  },
);
