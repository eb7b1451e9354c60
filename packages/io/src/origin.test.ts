/** Where the first voxel lies, as far as a file says: it must come through, for results are laid over each other by it. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ndarray, type Vec3 } from '@kyn/core';
import { expect, it } from 'vitest';
import { createCremiHdf5, createRawZarr, describeVolume, openLabels, openSections } from './node/index.ts';
import { fixture, temporaryFolder } from './testing/volume.ts';

const size = { shape: [1, 2, 3], voxelSizeNm: [40, 8, 4] } as const;
const originNm: Vec3 = [1480, 36.5, 4];

async function rawZarr(): Promise<string> {
  const path = join(await temporaryFolder(), 'raw.zarr');
  const sink = await createRawZarr(path, { ...size, originNm, dtype: 'uint8' });
  await sink.write(0, ndarray(new Uint8Array(6), [2, 3]));
  await sink.close();
  return path;
}

/** Changes what `zarr.json` of the group or array says. */
async function editMetadata(path: string, edit: (attributes: Record<string, unknown>) => void) {
  const file = join(path, 'zarr.json');
  const metadata = JSON.parse(await readFile(file, 'utf8'));
  edit(metadata.attributes);
  await writeFile(file, JSON.stringify(metadata));
}

async function originOf(path: string): Promise<Vec3 | undefined> {
  const source = await openSections(path);
  await source.close();
  const { datasets } = await describeVolume(path);
  expect(datasets[0].originNm).toEqual(source.info.originNm);
  return source.info.originNm;
}

it('is read from the offset of HDF5 datasets', async () => {
  const path = join(await temporaryFolder(), 'a.h5');
  const file = await createCremiHdf5(path, { ...size, originNm, raw: 'uint8', labels: 'uint64' });
  await file.raw?.write(0, ndarray(new Uint8Array(6), [2, 3]));
  await file.labels?.write(0, ndarray(new Uint32Array(6), [2, 3]));
  await file.close();
  const { datasets } = await describeVolume(path);
  expect(datasets.map((dataset) => dataset.originNm)).toEqual([originNm, originNm]);
  for (const open of [openSections, openLabels]) {
    const source = await open(path);
    expect(source.info.originNm).toEqual(originNm);
    await source.close();
  }
});

it('is read from the translation of OME-Zarr, whatever its unit', async () => {
  const path = await rawZarr();
  expect(await originOf(path)).toEqual(originNm);
  await editMetadata(path, (attributes) => {
    const axes = ['z', 'y', 'x'].map((name) => ({ name, type: 'space', unit: 'micrometer' }));
    const inner = [
      { type: 'scale', scale: [0.02, 0.004, 0.002] },
      { type: 'translation', translation: [0.25, 0.5, 1.0001] },
    ];
    const outer = [
      { type: 'scale', scale: [2, 2, 2] },
      { type: 'translation', translation: [1, 0, -1] },
    ];
    const datasets = [{ path: '0', coordinateTransformations: inner }];
    attributes.ome = { version: '0.5', multiscales: [{ axes, datasets, coordinateTransformations: outer }] };
  });
  expect(await originOf(path)).toEqual([1500, 1000, 1000.2]);
});

it('is that of the level that is named, by its path in the image or as a folder of its own', async () => {
  const path = await rawZarr();
  await cp(join(path, '0'), join(path, 'half'), { recursive: true });
  await editMetadata(path, (attributes) => {
    const axes = ['x', 'y', 'z'].map((name) => ({ name, type: 'space', unit: 'nanometer' }));
    const level = (at: string, size: number) => ({
      path: at,
      coordinateTransformations: [
        { type: 'scale', scale: [size, size, 40] },
        { type: 'translation', translation: [size / 2, size / 2, 80] },
      ],
    });
    const datasets = [level('0', 4), level('half', 8)];
    attributes.ome = { version: '0.5', multiscales: [{ axes, datasets }] };
  });
  for (const named of [`${path}:/half`, join(path, 'half'), `${join(path, 'half')}/`]) {
    const { info, close } = await openSections(named);
    expect(info).toMatchObject({ shape: [3, 2, 1], voxelSizeNm: [40, 8, 8], originNm: [80, 4, 4] });
    await close();
    const { datasets } = await describeVolume(named);
    expect(datasets).toMatchObject([{ path: '/half', voxelSizeNm: [40, 8, 8], compression: 'gzip' }]);
  }
});

it('is read from the attributes of plain Zarr', async () => {
  const path = await rawZarr();
  await editMetadata(path, (attributes) => delete attributes.ome);
  await editMetadata(join(path, '0'), (attributes) => {
    attributes.voxel_size = [40, 8, 4];
    attributes.offset = [400, 80, 40];
  });
  expect(await originOf(path)).toEqual([400, 80, 40]);
  await editMetadata(join(path, '0'), (attributes) => {
    attributes.origin = [1, 2, 3];
    delete attributes.offset;
  });
  expect(await originOf(path)).toEqual([1, 2, 3]);
});

it('is left open where nothing says it', async () => {
  expect(await originOf(fixture('fortran.zarr'))).toBeUndefined();
  expect(await originOf(`${fixture('other-names.h5')}:/em`)).toBeUndefined();
});
