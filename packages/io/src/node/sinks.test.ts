/** One conformance suite over every label sink, and what is particular to the Zarr writer. */
import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabelSink, ndarray } from '@kyn/core';
import { describe, expect, it, vi } from 'vitest';
import { labelSection, rawSection, shape, temporaryFolder, voxelSizeNm } from '../testing/volume.ts';
import { outputError, writeFileAtomic } from './atomic.ts';
import { createCremiHdf5, createLabelTiff, createLabelZarr, createRawZarr, openLabels } from './index.ts';

interface Case {
  readonly name: string;
  readonly file: string;
  readonly create: (path: string, overwrite?: boolean) => Promise<LabelSink & { discard?(): Promise<void> }>;
}

const options = { shape, voxelSizeNm };
const cases: readonly Case[] = [
  {
    name: 'Zarr uint32',
    file: 'a.zarr',
    create: (path, overwrite) => createLabelZarr(path, { ...options, overwrite }),
  },
  {
    name: 'Zarr uint64',
    file: 'b.zarr',
    create: (path, overwrite) => createLabelZarr(path, { ...options, dtype: 'uint64', overwrite }),
  },
  {
    name: 'TIFF uint32',
    file: 'a.tif',
    create: (path, overwrite) => createLabelTiff(path, { ...options, overwrite }),
  },
  {
    name: 'TIFF uint16',
    file: 'b.tif',
    create: (path, overwrite) => createLabelTiff(path, { ...options, dtype: 'uint16', overwrite }),
  },
  { name: 'HDF5 uint64', file: 'a.h5', create: (path, overwrite) => hdf5Sink(path, 'uint64', overwrite) },
  { name: 'HDF5 uint32', file: 'b.h5', create: (path, overwrite) => hdf5Sink(path, 'uint32', overwrite) },
];

async function hdf5Sink(path: string, labels: 'uint32' | 'uint64', overwrite?: boolean) {
  const writer = await createCremiHdf5(path, { ...options, labels, overwrite });
  if (!writer.labels) throw new Error('no labels');
  return { write: writer.labels.write, close: () => writer.close(), discard: () => writer.discard() };
}

const order = [3, 0, 4, 1, 2];

describe.each(cases)('$name', ({ file, create }) => {
  it('takes sections in any order and reads back the same', async () => {
    const path = join(await temporaryFolder(), 'new', 'folder', file);
    const sink = await create(path);
    for (const z of order) await sink.write(z, labelSection(z));
    await sink.close();
    const source = await openLabels(path);
    expect(source.info.voxelSizeNm).toEqual(voxelSizeNm);
    expect(source.info.notes).toEqual([]);
    for (let z = 0; z < shape[0]; z++) expect((await source.read(z)).data).toEqual(labelSection(z).data);
    await source.close();
  });

  it('honours strides', async () => {
    const path = join(await temporaryFolder(), file);
    const sink = await create(path);
    for (const z of order) {
      const { data } = labelSection(z);
      // The same section seen in an array that is stored column by column.
      const turned = new Uint32Array(data.length);
      for (let y = 0; y < 12; y++) for (let x = 0; x < 18; x++) turned[x * 12 + y] = data[y * 18 + x];
      await sink.write(z, { data: turned, shape: [12, 18], stride: [1, 12] });
    }
    await sink.close();
    const source = await openLabels(path);
    expect((await source.read(3)).data).toEqual(labelSection(3).data);
    await source.close();
  });

  it('refuses sections of another size or number', async () => {
    const sink = await create(join(await temporaryFolder(), file));
    const small = ndarray(new Uint32Array(6), [2, 3]);
    await expect(sink.write(0, small)).rejects.toMatchObject({ code: 'shape' });
    await expect(sink.write(5, labelSection(0))).rejects.toMatchObject({ code: 'shape' });
    await sink.discard?.();
  });

  it('is not whole before it is closed, nor closes with sections missing', async () => {
    const path = join(await temporaryFolder(), file);
    const sink = await create(path);
    await sink.write(1, labelSection(1));
    const early = await openLabels(path).then(
      (source) => source.info.notes,
      (error: { code?: string }) => [error.code],
    );
    expect(early.join()).toMatch(/not complete|not-found/);
    await expect(sink.close()).rejects.toMatchObject({
      code: 'output',
      message: expect.stringContaining('0, 2, 3, 4'),
    });
  });

  it('replaces what is there only when asked to, and by what is whole', async () => {
    const path = join(await temporaryFolder(), file);
    const first = await create(path);
    for (const z of order) await first.write(z, labelSection(0));
    await first.close();
    await expect(create(path)).rejects.toMatchObject({ code: 'output' });
    const sectionNow = async (z: number) => {
      const source = await openLabels(path);
      const { data } = await source.read(z);
      await source.close();
      return data;
    };
    const given = await create(path, true);
    await given.write(4, labelSection(4));
    expect(await sectionNow(4)).toEqual(labelSection(0).data);
    await given.discard?.();
    const second = await create(path, true);
    for (const z of order) await second.write(z, labelSection(z));
    expect(await sectionNow(4)).toEqual(labelSection(0).data);
    await second.close();
    expect(await sectionNow(4)).toEqual(labelSection(4).data);
    expect(await readdir(join(path, '..'))).toEqual([file]);
  });

  // HDF5 stamps its objects with the second they were made in, which may tick over between the two copies.
  it('gives the same bytes again', { retry: file.endsWith('.h5') ? 3 : 0 }, async () => {
    const folder = await temporaryFolder();
    for (const copy of ['one', 'two']) {
      const sink = await create(join(folder, copy, file));
      for (let z = 0; z < shape[0]; z++) await sink.write(z, labelSection(z));
      await sink.close();
    }
    const [one, two] = await Promise.all(['one', 'two'].map((copy) => allBytes(join(folder, copy))));
    expect(one.size).toBeGreaterThan(0);
    expect(two).toEqual(one);
  });
});

/** Every file below a folder by its path in it. */
async function allBytes(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const files = new Map<string, string>();
  for (const entry of names) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    files.set(path.slice(folder.length), (await readFile(path)).toString('hex'));
  }
  return new Map([...files].sort());
}

describe('label Zarr', () => {
  it('cuts large sections into even chunks', async () => {
    const path = join(await temporaryFolder(), 'large.zarr');
    const size = [1500, 1030] as const;
    const data = Uint32Array.from({ length: size[0] * size[1] }, (_, i) => (i * 2654435761) >>> 20);
    const sink = await createLabelZarr(path, { shape: [1, ...size], voxelSizeNm });
    await sink.write(0, ndarray(data, size));
    await sink.close();
    const { chunk_grid } = JSON.parse(await readFile(join(path, '0', 'zarr.json'), 'utf8'));
    expect(chunk_grid.configuration.chunk_shape).toEqual([1, 750, 515]);
    const read = (await (await openLabels(path)).read(0)).data;
    // `toEqual` takes half a minute for so many numbers.
    expect(Buffer.from(read.buffer).equals(Buffer.from(data.buffer))).toBe(true);
  });

  it('leaves nothing where one of several chunks cannot be written', async () => {
    const folder = await temporaryFolder();
    const size = [2100, 1030] as const;
    const sink = await createLabelZarr(join(folder, 'a.zarr'), { shape: [1, ...size], voxelSizeNm });
    await writeFileAtomic(join(folder, 'a.zarr.partial/0/c/0/0'), 'where a folder must be');
    const data = Uint32Array.from({ length: size[0] * size[1] }, (_, i) => Math.imul(i, 2654435761));
    await expect(sink.write(0, ndarray(data, size))).rejects.toMatchObject({ code: 'output' });
    await sink.discard();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await readdir(folder)).toEqual([]);
  });

  it('goes on after a kill with the bytes of an undisturbed run', async () => {
    const folder = await temporaryFolder();
    const whole = await createLabelZarr(join(folder, 'whole', 'a.zarr'), options);
    for (let z = 0; z < shape[0]; z++) await whole.write(z, labelSection(z));
    await whole.close();
    const path = join(folder, 'cut', 'a.zarr');
    const cut = await createLabelZarr(path, { ...options, resume: false });
    await cut.write(0, labelSection(0));
    await cut.write(3, labelSection(3));
    // A kill in the middle of a chunk leaves its temporary file.
    await writeFileAtomic(join(path, '0/c/1/0/x'), '');
    await rm(join(path, '0/c/1/0/x'));
    await writeFile(join(path, '0/c/1/0/0.partial'), 'half a chunk');
    const again = await createLabelZarr(path, { ...options, resume: true });
    const there = await Promise.all(Array.from({ length: shape[0] }, (_, z) => again.has(z)));
    expect(there).toEqual([true, false, false, true, false]);
    for (const z of [1, 2, 4]) await again.write(z, labelSection(z));
    await again.close();
    expect(await allBytes(join(folder, 'cut'))).toEqual(await allBytes(join(folder, 'whole')));
  });

  it('does not go on with another volume, nor replace what is no Zarr', async () => {
    const folder = await temporaryFolder();
    await createLabelZarr(join(folder, 'a.zarr'), { ...options, resume: false });
    const other = { ...options, shape: [5, 12, 19] as const, resume: true };
    await expect(createLabelZarr(join(folder, 'a.zarr'), other)).rejects.toMatchObject({ code: 'output' });
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await expect(createLabelZarr(folder, { ...options, overwrite: true })).rejects.toMatchObject({
      code: 'output',
    });
    expect(await readFile(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('carries OME-Zarr 0.5 metadata', async () => {
    const path = join(await temporaryFolder(), 'seg.zarr');
    const more = { originNm: [80, 0, 4], attributes: { source: 'test' }, resume: false } as const;
    await createLabelZarr(path, { ...options, ...more });
    const { attributes } = JSON.parse(await readFile(join(path, 'zarr.json'), 'utf8'));
    expect(attributes.ome.version).toBe('0.5');
    expect(attributes.ome['image-label']).toBeDefined();
    expect(attributes.ome.multiscales[0]).toEqual({
      name: 'seg',
      axes: ['z', 'y', 'x'].map((name) => ({ name, type: 'space', unit: 'nanometer' })),
      datasets: [
        {
          path: '0',
          coordinateTransformations: [
            { type: 'scale', scale: [40, 8, 4] },
            { type: 'translation', translation: [80, 0, 4] },
          ],
        },
      ],
    });
    expect(attributes.source).toBe('test');
    expect(attributes.kyn).toEqual({ complete: false });
  });
});

it('refuses raw sections of another dtype', async () => {
  const sink = await createRawZarr(join(await temporaryFolder(), 'raw.zarr'), {
    ...options,
    dtype: 'uint16',
  });
  await expect(sink.write(0, rawSection(0, Uint8Array))).rejects.toMatchObject({ code: 'shape' });
});

it('writes a whole TIFF where the disk takes a few bytes at a time', async () => {
  const path = join(await temporaryFolder(), 'a.tif');
  const handle = await open(path, 'w');
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  const { write } = prototype;
  const short = vi.spyOn(prototype, 'write').mockImplementation(function (this: unknown, ...args: unknown[]) {
    const [bytes, from, length, at] = args as [Uint8Array, number, number, number];
    return write.call(this, bytes, from, Math.min(7, length), at);
  });
  const sink = await createLabelTiff(path, { ...options, overwrite: true });
  for (const z of order) await sink.write(z, labelSection(z));
  await sink.close();
  short.mockRestore();
  const source = await openLabels(path);
  for (const z of order) expect((await source.read(z)).data).toEqual(labelSection(z).data);
  await source.close();
});

it('refuses 16-bit TIFF labels beyond 16 bit', async () => {
  const sink = await createLabelTiff(join(await temporaryFolder(), 'a.tif'), { ...options, dtype: 'uint16' });
  const wide = ndarray(new Uint32Array(12 * 18).fill(65536), [12, 18]);
  await expect(sink.write(0, wide)).rejects.toMatchObject({
    code: 'output',
    message: expect.stringContaining('65536'),
  });
});

it.skipIf(process.platform !== 'linux')('says that the disk is full', async () => {
  const error = await writeFile('/dev/full', 'x').catch((cause: unknown) => outputError(cause, 'a.bin'));
  expect(error).toMatchObject({ code: 'output', message: 'the disk is full', where: 'a.bin' });
});
