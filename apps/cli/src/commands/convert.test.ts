import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LabelSection, ndarray } from '@kyn/core';
import { createCremiHdf5, openLabels } from '@kyn/io/node';
import { afterAll, describe, expect, it } from 'vitest';
import { runKyn } from '../testing/run-kyn.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-convert-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const kyn = (...words: string[]) => runKyn(words);

const section: LabelSection = ndarray(
  Uint32Array.from({ length: 120 }, (_, i) => 1 + ((i % 12) >> 2)),
  [10, 12],
);

function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../../packages/io/fixtures/${name}`, import.meta.url));
}

async function labelsOnly(): Promise<string> {
  const path = join(scratch, 'labels.h5');
  const file = await createCremiHdf5(path, {
    shape: [2, 10, 12],
    voxelSizeNm: [40, 8, 8],
    labels: 'uint64',
    overwrite: true,
  });
  for (const z of [0, 1]) await file.labels?.write(z, section);
  await file.close();
  return path;
}

describe('kyn convert', () => {
  it('takes the labels of a file that has nothing else', async () => {
    const out = join(scratch, 'out.zarr');
    expect(await kyn('convert', await labelsOnly(), out, '--quiet')).toMatchObject({ code: 0, stderr: '' });
    const written = await openLabels(out);
    expect((await written.read(1)).data).toEqual(section.data);
  });

  it('keeps 64-bit ids, and says where the format cannot', async () => {
    const wide = fixture('wide-ids.h5');
    const [zarr, tif] = ['wide.zarr', 'wide.tif'].map((name) => join(scratch, name));
    expect(await kyn('convert', wide, zarr, '--voxel-size', '4,8,40')).toMatchObject({ code: 0 });
    const written = await openLabels(zarr);
    const [first] = (await written.read(0)).data;
    expect(written.info.dtype).toBe('uint64');
    expect(written.wideIds?.get(first)).toBe(2n ** 40n + 1n);
    const { code, stderr } = await kyn('convert', wide, tif);
    expect(code).toBe(0);
    expect(stderr).toMatch(/9 ids are negative or beyond 32 bit, which OUT cannot hold: renumbered/);
  });

  it('keeps where the volume lies, moved to the corner of the box', async () => {
    const path = join(scratch, 'placed.h5');
    const place = { voxelSizeNm: [40, 8, 8], originNm: [400, 80, 0] } as const;
    const file = await createCremiHdf5(path, { shape: [2, 10, 12], ...place, labels: 'uint64' });
    for (const z of [0, 1]) await file.labels?.write(z, section);
    await file.close();
    expect((await kyn('info', path)).stdout).toMatch(/origin nm zyx.*\n.*400, 80, 0/);
    const [whole, part, back] = ['whole.zarr', 'part.zarr', 'back.h5'].map((name) => join(scratch, name));
    expect(await kyn('convert', path, whole, '--quiet')).toMatchObject({ code: 0 });
    expect(await kyn('convert', whole, part, '--bbox', '2:,1:,1:', '--quiet')).toMatchObject({ code: 0 });
    expect(await kyn('convert', part, back, '--quiet')).toMatchObject({ code: 0 });
    const origins = await Promise.all([whole, part, back].map((each) => openLabels(each)));
    expect(origins.map(({ info }) => info.originNm)).toEqual([
      [400, 80, 0],
      [440, 88, 16],
      [440, 88, 16],
    ]);
    await Promise.all(origins.map((each) => each.close()));
  });

  it.each([
    [
      'cremi.h5',
      /only \/volumes\/raw is converted; left out: \/volumes\/labels\/neuron_ids \(5×12×18 uint64\)/,
    ],
    ['ome-0.5.zarr', /only \/0 is converted; left out: \/labels\/neurons\/0 /],
    ['ome-channels.ome.tif', /the first of 2 channels taken/],
    ['hdf5-kinds.h5:/plain/signed', /attributes left out: name\n.*int16 pixels are written as float32/],
    ['png-stack', /sections that are missing leave no gap/],
  ])('says what it leaves out of %s', async (name, note) => {
    const out = join(scratch, `${name.replace(/\W/g, '-')}.zarr`);
    const { code, stderr } = await kyn('convert', fixture(name), out, '--voxel-size', '4,8,40');
    expect(stderr).toMatch(note);
    expect(code).toBe(0);
  });

  it('says that TIFF has no origin, and nothing where all is kept', async () => {
    const out = join(scratch, 'part.tif');
    const { stderr } = await kyn('convert', await labelsOnly(), out, '--bbox', '2:,:,1:');
    expect(stderr).toMatch(/TIFF has no place for the origin \(40, 0, 16 nm, zyx\)/);
    const all = await kyn('convert', await labelsOnly(), join(scratch, 'all.zarr'));
    expect(all.stderr).not.toMatch(/left out/);
  });

  it('names what is missing where there is neither', async () => {
    const none = await kyn('convert', join(scratch, 'nope.h5'), join(scratch, 'x.zarr'));
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/nope\.h5: there is no such file/);
  });
});

describe('places to write to', () => {
  it.each([
    ['convert a.h5 s3://bucket/a.zarr'],
    ['segment a.h5 --out http://example.org/result'],
    ['compare a.h5 --truth b.h5 --out gs://bucket/result'],
    ['adapt a.h5 --labels b --out=file:///a.kyn'],
    ['train segmenter --volume a.h5 --out s3://bucket/a.kyn'],
    ['phantom --out https://example.org/a.h5'],
    ['demo --out s3://bucket/demo'],
  ])('are no URLs: kyn %s', async (line) => {
    const { code, stderr } = await kyn(...line.split(' '));
    expect(stderr).toMatch(/^kyn: [a-z0-9]+:\/\/[^\n]*: results are written to files and folders[^\n]*\n$/);
    expect(code).toBe(2);
  });
});

describe('messages about files of another kind', () => {
  it('says that a text named .png is none', async () => {
    const folder = join(scratch, 'stack');
    mkdirSync(folder);
    for (const text of ['short', 'a text that is longer than the head of a PNG file would be']) {
      writeFileSync(join(folder, 'note.png'), text);
      expect((await kyn('info', folder)).stderr).toMatch(/^kyn: [^\n]*note\.png: not a PNG image[^\n]*\n$/);
    }
  });

  it('reads a model by the path of any file, and says that it is none', async () => {
    const path = join(scratch, 'weights');
    writeFileSync(path, 'no network');
    const raw = join(scratch, 'raw.h5');
    await kyn('phantom', '--out', raw, '--shape', '2,40,50', '--seed', '5', '--quiet');
    const wrong = await kyn('segment', raw, '--out', join(scratch, 'o'), '--model', path, '--quiet');
    expect(wrong.stderr).toMatch(/weights: not a network that ONNX Runtime can load/);
    const folder = await kyn('segment', raw, '--out', join(scratch, 'o'), '--model', scratch, '--quiet');
    expect(folder.stderr).toMatch(/a folder is no model/);
  });

  it('refuses what is no network by its name', async () => {
    const path = join(scratch, 'net.onnx');
    writeFileSync(path, 'no network');
    expect((await kyn('info', path)).stderr).toMatch(/net\.onnx: not a network that ONNX Runtime can load/);
  });
});
