import { type NdArray, ndarray, toDense } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { asSectionSource } from '../adapt.ts';
import { inflateStream } from '../inflate.ts';
import { fileBytes } from '../node/file-bytes.ts';
import { describeVolume, openSections } from '../node/index.ts';
import type { PlaneVolume } from '../plane.ts';
import { fixture, labelSection, rawSection, shape, voxelSizeNm } from '../testing/volume.ts';
import { openPlainVolume, unshuffle } from './hdf5-plain.ts';

async function openPlain(name: string, path: string): Promise<PlaneVolume | undefined> {
  const location = fixture(name);
  const file = await fileBytes(location);
  const volume = await openPlainVolume({ location, file, inflate: inflateStream }, path);
  if (!volume) await file.close();
  return volume;
}

async function paths(name: string, group: string): Promise<string[]> {
  const { datasets } = await describeVolume(fixture(name));
  return datasets.map(({ path }) => path).filter((path) => path.startsWith(`/${group}/`));
}

/** What section `z` of the dataset holds: the formula of `make-io-fixtures.py`. */
function expected(path: string, z: number): NdArray {
  const raw = rawSection(z, Float32Array);
  const sign = path.endsWith('signed') ? -1 : path.endsWith('unwritten') && z === 4 ? 0 : 1;
  return ndarray(
    raw.data.map((value) => sign * value || 0),
    raw.shape,
  );
}

async function numbers(volume: PlaneVolume, z: number): Promise<number[]> {
  return Array.from((await volume.readPlane(z)).data as ArrayLike<number | bigint>, Number);
}

describe.each(['hdf5-kinds.h5', 'hdf5-links.h5'])('%s in script', (name) => {
  it('reads every plain dataset, section by section', async () => {
    const plain = await paths(name, 'plain');
    expect(plain.length).toBeGreaterThanOrEqual(3);
    for (const path of plain) {
      const volume = await openPlain(name, path);
      if (!volume) throw new Error(`${path} was left to the library`);
      const sections = path.endsWith('section') ? 1 : shape[0];
      expect(volume.info.shape, path).toEqual([sections, shape[1], shape[2]]);
      for (const z of [sections - 1, 0, sections >> 1]) {
        expect(await numbers(volume, z), `${path} ${z}`).toEqual(Array.from(expected(path, z).data));
      }
      await volume.close();
    }
  });

  it('leaves the others to the library, which reads them', async () => {
    const others = await paths(name, 'library');
    expect(others.length).toBeGreaterThanOrEqual(4);
    for (const path of [...others, '/library/soft']) {
      expect(await openPlain(name, path), path).toBeUndefined();
      if (/u[48]$/.test(path)) continue; // labels
      const source = await openSections(`${fixture(name)}:${path}`);
      const section = toDense(await source.read(3));
      expect(Array.from(section.data), path).toEqual(Array.from(expected(path, 3).data));
      await source.close();
    }
  });

  it('knows dtypes and voxel sizes as the library does', async () => {
    const { datasets } = await describeVolume(fixture(name));
    for (const { path, dtype, voxelSizeNm: size } of datasets) {
      const volume = await openPlain(name, path);
      if (!volume) continue;
      expect([volume.info.dtype, volume.info.voxelSizeNm], path).toEqual([dtype, size]);
      await volume.close();
    }
    const sized = await openPlain(name, '/plain/contiguous');
    expect(sized?.info.voxelSizeNm).toEqual(voxelSizeNm);
    await sized?.close();
  });

  it('leaves what is not there to the library, which lists what is', async () => {
    for (const path of ['/nothing', '/plain/nothing', '/plain']) {
      expect(await openPlain(name, path)).toBeUndefined();
    }
    await expect(openSections(`${fixture(name)}:/plain/nothing`)).rejects.toThrow(/no dataset/);
  });
});

it('reads shuffled 64-bit numbers as 32-bit ones, until some do not fit', async () => {
  const planeOf = async (volume: PlaneVolume | undefined, z: number) => {
    const { data } = (await volume?.readPlane(z)) ?? {};
    return [data?.constructor.name, Array.from(data as ArrayLike<number | bigint>, BigInt)];
  };
  const truth = (z: number, wide = false) =>
    Array.from(labelSection(z).data, (id) => BigInt(id) + (wide && id % 2 === 1 ? 2n ** 40n : 0n));
  const late = await openPlain('late-wide-ids.h5', '/volumes/labels/neuron_ids');
  expect(late?.info.dtype).toBe('uint64');
  expect(await planeOf(late, 1)).toEqual(['Uint32Array', truth(1)]);
  expect(await planeOf(late, 4)).toEqual(['BigUint64Array', truth(4, true)]);
  const unshuffled = await openPlain('late-wide-ids.h5', '/unshuffled');
  expect(await planeOf(unshuffled, 0)).toEqual(['Uint32Array', truth(0)]);
  expect(await planeOf(unshuffled, 1)).toEqual(['BigUint64Array', truth(1)]);
  await Promise.all([late?.close(), unshuffled?.close()]);
});

it('says where a damaged chunk lies', async () => {
  const location = fixture('hdf5-kinds.h5');
  const file = await fileBytes(location);
  const site = { location, file, inflate: () => Promise.reject(new Error('incorrect data check')) };
  const volume = await openPlainVolume(site, '/plain/chunked-f4');
  if (!volume) throw new Error('left to the library');
  await expect(asSectionSource(volume).read(2)).rejects.toMatchObject({
    code: 'format',
    where: `${location}:/plain/chunked-f4, sections 2 to 3`,
  });
  await volume.close();
});

it('unshuffles elements of every size, byte by byte or four at a time, with a rest', () => {
  for (const size of [1, 2, 3, 4, 8, 12]) {
    for (const count of [7, 64]) {
      const elements = Uint8Array.from({ length: count * size }, (_, i) => {
        const small = Math.floor(i / size) % 16 < 8 && i % size > 1; // whole words of zero
        return small ? 0 : (i * 37) % 256;
      });
      const shuffled = new Uint8Array(count * size + 1).fill(99);
      for (let i = 0; i < count; i++) {
        for (let k = 0; k < size; k++) shuffled[k * count + i] = elements[i * size + k];
      }
      const out = unshuffle(size === 1 ? shuffled.subarray(0, count) : shuffled, size);
      expect(Array.from(out.subarray(0, count * size)), `${count} of ${size}`).toEqual(Array.from(elements));
      if (size > 1) expect(out[count * size]).toBe(99);
    }
  }
});
