/** Input that is no use: one clear line each, of the right kind, never a stack trace or a hang. */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isKynError } from '@kyn/core';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { describeVolume, openLabels, openSections } from './node/index.ts';
import { fixture, temporaryFolder } from './testing/volume.ts';

/** Opens and reads all; returns the error as code and line. */
async function failure(
  spec: string,
  open: typeof openSections | typeof openLabels = openSections,
): Promise<string> {
  try {
    const source = await open(spec);
    try {
      for (let z = 0; z < source.info.shape[0]; z++) await source.read(z);
    } finally {
      await source.close();
    }
  } catch (error) {
    if (!isKynError(error)) throw error;
    expect(error.oneLine()).not.toContain('\n');
    expect(error.where).toBeTruthy();
    return `${error.code}: ${error.oneLine()}`;
  }
  throw new Error(`${spec} was read`);
}

/** A copy of a fixture, cut to a share of its size. */
async function cut(name: string, share: number): Promise<string> {
  const path = join(await temporaryFolder(), name.split('/').at(-1) ?? '');
  await cp(fixture(name), path);
  await truncate(path, Math.floor((await readFile(path)).length * share));
  return path;
}

describe('missing', () => {
  it('a slash before the path inside, which is shown', async () => {
    const path = fixture('cremi.h5');
    expect(await failure(`${path}:volumes/raw`)).toBe(
      `not-found: ${path}:volumes/raw: there is no such file or folder; what lies inside is named with a slash: ${path}:/volumes/raw`,
    );
  });

  it('file, dataset, images', async () => {
    const folder = await temporaryFolder();
    expect(await failure(join(folder, 'no.h5'))).toMatch(/^not-found: .*no\.h5: there is no such file/);
    expect(await failure(folder)).toMatch(/^not-found: .*no PNG or TIFF sections in the folder: it is empty/);
    await writeFile(join(folder, 'a.jpg'), '');
    expect(await failure(folder)).toMatch(/it has a\.jpg/);
    expect(await failure(`${fixture('cremi.h5')}:/volumes/x`)).toMatch(
      /^not-found: .*no dataset \/volumes\/x; it has .*\/volumes\/raw \(5×12×18 uint8\)/,
    );
    expect(await failure(fixture('other-names.h5'))).toMatch(
      /it has \/em .*\/em-float .*\/segmentation .*name one: .*:\/em$/,
    );
    expect(await failure(`${fixture('ome-0.5.zarr')}:/x`)).toMatch(/^not-found: .*no \/x in it; it has \/0 /);
  });
});

describe('cut short or damaged', () => {
  const files = [
    'cremi.h5',
    'imagej.tif',
    'big-endian.tif',
    'float-tiled.tif',
    'noise-lzw.tif',
    'kinds/rgba.png',
  ];
  it.each(files.flatMap((name) => [0.95, 0.6, 0.2, 0.02].map((share) => [name, share] as const)))(
    '%s at %f of its size',
    async (name, share) => {
      expect(await failure(await cut(name, share))).toMatch(/^format: /);
    },
  );

  it('an empty file, text', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.tif'), '');
    await writeFile(join(folder, 'b.h5'), 'hello');
    expect(await failure(join(folder, 'a.tif'))).toMatch(/^format: .*the file is empty/);
    expect(await failure(join(folder, 'b.h5'))).toMatch(/^format: /);
  });

  it('a PNG section with a wrong byte, named', async () => {
    const folder = join(await temporaryFolder(), 'stack');
    await cp(fixture('png-stack'), folder, { recursive: true });
    const path = join(folder, 's11_8bit.png');
    const bytes = await readFile(path);
    bytes[60] ^= 0xff;
    await writeFile(path, bytes);
    expect(await failure(folder)).toMatch(/^format: .*s11_8bit\.png: the PNG is damaged/);
  });

  it.each(['ome-0.4.zarr/0/0.1.0.0', 'ome-0.5.zarr/0/c/0/0/0/0', 'fortran.zarr/1.0.0', 'xyz.zarr/c/0/0/0'])(
    'Zarr chunk %s',
    async (chunk) => {
      const folder = await temporaryFolder();
      const [name, ...rest] = chunk.split('/');
      await cp(fixture(name), join(folder, name), { recursive: true });
      const path = join(folder, name, ...rest);
      await truncate(path, Math.floor((await readFile(path)).length / 2));
      expect(await failure(join(folder, name))).toMatch(/^format: .*chunk/);
    },
  );

  it('Zarr metadata', async () => {
    const folder = join(await temporaryFolder(), 'a.zarr');
    await cp(fixture('xyz.zarr'), folder, { recursive: true });
    await writeFile(join(folder, 'zarr.json'), '{"zarr_format": 3, "node_type":');
    expect(await failure(folder)).toMatch(/^format: .*metadata/);
    await writeFile(join(folder, 'zarr.json'), '{"zarr_format": 3, "node_type": "array", "attributes": {}}');
    expect(await failure(folder)).toMatch(/^format: .*metadata/);
  });
});

describe('of the wrong kind', () => {
  it('labels given as raw', async () => {
    expect(await failure(`${fixture('cremi.h5')}:/volumes/labels/neuron_ids`)).toMatch(
      /^content: .*uint64 pixels look like labels/,
    );
    expect(await failure(fixture('labels-32.tif'))).toMatch(/^content: .*labels/);
  });

  it('fractions given as labels', async () => {
    const folder = await temporaryFolder();
    const { createRawZarr } = await import('./node/index.ts');
    const path = join(folder, 'a.zarr');
    const sink = await createRawZarr(path, { shape: [1, 1, 2], voxelSizeNm: [1, 1, 1], dtype: 'float32' });
    await sink.write(0, { data: Float32Array.of(1, 2.5), shape: [1, 2], stride: [2, 1] });
    await sink.close();
    expect(await failure(path, openLabels)).toMatch(/^content: .*whole numbers, found 2\.5/);
  });

  it('HDF5 filters of others, named', async () => {
    const lzf = fixture('lzf.h5');
    expect(await failure(lzf)).toMatch(
      /^format: .*lzf\.h5:\/volumes\/raw: compressed with lzf \(HDF5 filter 32000\).*; compress it with gzip/,
    );
    expect((await describeVolume(lzf)).datasets[0].compression).toBe('lzf');
  });

  it('raw where CREMI has it, when labels are asked for', async () => {
    expect(await failure(fixture('lzf.h5'), openLabels)).toMatch(
      /^not-found: .*no dataset \/volumes\/labels\/neuron_ids; it has \/volumes\/raw/,
    );
  });

  it('a dataset that is no volume', async () => {
    expect(await failure(`${fixture('other-names.h5')}:/table`)).toMatch(/^shape: .*shape 7 is not a volume/);
  });

  it('sections of different sizes, the odd one named', async () => {
    const folder = await temporaryFolder();
    for (const [name, width] of [
      ['1.png', 8],
      ['2.png', 8],
      ['3.png', 9],
    ] as const) {
      await writeFile(
        join(folder, name),
        encode({ width, height: 4, channels: 1, data: new Uint8Array(width * 4) }),
      );
    }
    expect(await failure(folder)).toMatch(
      /^shape: .*section 3\.png is 9×4 uint8, the ones before it are 8×4/,
    );
  });

  it('PNG and TIFF in one folder; many pages among sections', async () => {
    const folder = join(await temporaryFolder(), 'mixed');
    await cp(fixture('png-stack'), folder, { recursive: true });
    await cp(fixture('imagej.tif'), join(folder, 'a.tif'));
    expect(await failure(folder)).toMatch(/^format: .*5 PNG and 1 TIFF/);
    const pages = join(await temporaryFolder(), 'pages');
    await mkdir(pages);
    await cp(fixture('imagej.tif'), join(pages, 'a.tif'));
    expect(await failure(pages)).toMatch(/^shape: .*5 pages/);
  });
});

describe('describeVolume', () => {
  it('reads HDF5 behind a user block, as MATLAB writes it', async () => {
    const path = join(await temporaryFolder(), 'a.mat');
    const plain = await readFile(fixture('cremi.h5'));
    await writeFile(path, Buffer.concat([Buffer.from('MATLAB 7.3 MAT-file'.padEnd(512)), plain]));
    const { datasets } = await describeVolume(path);
    expect(datasets).toEqual((await describeVolume(fixture('cremi.h5'))).datasets);
    const [there, here] = await Promise.all([openSections(fixture('cremi.h5')), openSections(path)]);
    expect((await here.read(2)).data).toEqual((await there.read(2)).data);
    await Promise.all([there.close(), here.close()]);
  });

  it('lists datasets', async () => {
    const hdf5 = await describeVolume(fixture('cremi.h5'));
    expect(hdf5.datasets).toMatchObject([
      {
        path: '/volumes/labels/neuron_ids',
        shape: [5, 12, 18],
        dtype: 'uint64',
        voxelSizeNm: [40, 8, 4],
        chunks: [4, 8, 8],
      },
      { path: '/volumes/raw', dtype: 'uint8', compression: 'shuffle deflate' },
    ]);
    const zarr = await describeVolume(fixture('ome-0.5.zarr'));
    expect(zarr.format).toBe('OME-Zarr 0.5');
    expect((await describeVolume(fixture('lzw-predictor.tif'))).datasets[0].compression).toBe('LZW');
    expect(zarr.datasets.map(({ path, dtype }) => [path, dtype])).toEqual([
      ['/0', 'uint8'],
      ['/labels/neurons/0', 'uint64'],
    ]);
    expect(zarr.datasets[1].voxelSizeNm).toEqual([40, 8, 4]);
    const png = await describeVolume(fixture('png-stack'));
    expect(png).toMatchObject({ format: 'PNG stack', datasets: [{ shape: [5, 12, 18], dtype: 'uint8' }] });
    expect(JSON.parse(JSON.stringify(hdf5)).datasets).toHaveLength(2);
  });

  it('lists the dataset that is named, or those below a group', async () => {
    const pathsIn = async (spec: string) => (await describeVolume(spec)).datasets.map(({ path }) => path);
    const file = fixture('cremi.h5');
    expect(await pathsIn(`${file}:/volumes/raw`)).toEqual(['/volumes/raw']);
    expect(await pathsIn(`${file}:/volumes/labels`)).toEqual(['/volumes/labels/neuron_ids']);
    expect(await pathsIn(`${file}:/`)).toHaveLength(2);
    await expect(describeVolume(`${file}:/vol`)).rejects.toThrow(
      'no /vol in it; it has /volumes/labels/neuron_ids, /volumes/raw',
    );
  });
});

it.skipIf(!existsSync('/dev/zero'))('what is neither a file nor a folder is refused', async () => {
  await expect(openSections('/dev/zero')).rejects.toThrow('neither a file nor a folder');
});

describe('a name', () => {
  it('that ends as another format’s does not hinder, but is told of', async () => {
    const misnamed = join(await temporaryFolder(), 'stack.h5');
    await cp(fixture('imagej.tif'), misnamed);
    const note = expect.stringMatching(/named \.h5, but it is no HDF5: read as TIFF/);
    expect((await describeVolume(misnamed)).notes).toContainEqual(note);
    const source = await openSections(misnamed);
    expect(source.info.notes).toContainEqual(note);
    expect((await source.read(0)).shape).toEqual(source.info.shape.slice(1));
    await source.close();
    const named = await openSections(fixture('imagej.tif'));
    expect(named.info.notes).not.toContainEqual(expect.stringMatching(/named/));
    await named.close();
  });

  it('of a path in a file that has none is refused', async () => {
    for (const spec of [fixture('imagej.tif:/volumes/raw'), fixture('png-stack:/0')]) {
      await expect(openSections(spec)).rejects.toThrow(/it is one volume/);
      await expect(describeVolume(spec)).rejects.toThrow(/it is one volume/);
    }
  });
});
