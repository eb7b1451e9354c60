import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ndarray } from '@kyn/core';
import { createLabelZarr, createRawZarr, encodePng } from '@kyn/io/node';
import { decodeModel, encodeModel, SEGMENTER_DEFAULTS, trainSegmenter } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runKyn } from '../testing/run-kyn.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-adapt-'));
const at = (...parts: string[]): string => join(scratch, ...parts);
const [DEPTH, HEIGHT, WIDTH] = [4, 48, 64];
const PIXELS = HEIGHT * WIDTH;

/** Square cells between membranes of 2 px. */
const isMembrane = (p: number): boolean => Math.floor(p / WIDTH) % 12 < 2 || (p % WIDTH) % 16 < 2;

function picture(value: (p: number) => number, height = HEIGHT): Uint8Array {
  const data = Uint8Array.from({ length: height * WIDTH }, (_, p) => value(p));
  return encodePng({ data, width: WIDTH, height, channels: 1 });
}

/** A folder of images by name. */
function folder(name: string, files: Readonly<Record<string, Uint8Array>>): string {
  mkdirSync(at(name));
  for (const [file, bytes] of Object.entries(files)) writeFileSync(at(name, file), bytes);
  return at(name);
}

const kyn = (...words: string[]) => runKyn(['adapt', ...words, '--threads', '1']);

const grey = (z: number) => (p: number) => (isMembrane(p) ? 60 : 190) + ((p * 37 + z * 11) % 50);
const labelled = (p: number): number =>
  isMembrane(p) ? 0 : 1 + 4 * Math.floor(p / WIDTH / 12) + Math.floor((p % WIDTH) / 16);
let raw: string;
let volume: string;
const tiny = at('tiny.kyn');

beforeAll(async () => {
  raw = folder(
    'raw',
    Object.fromEntries(Array.from({ length: DEPTH }, (_, z) => [`s0${z}.png`, picture(grey(z))])),
  );
  volume = at('volume.zarr');
  const sink = await createRawZarr(volume, {
    shape: [DEPTH, HEIGHT, WIDTH],
    voxelSizeNm: [40, 10, 10],
    dtype: 'uint8',
  });
  const ids = new Uint32Array(DEPTH * PIXELS);
  const data = new Uint8Array(DEPTH * PIXELS);
  for (let z = 0; z < DEPTH; z++) {
    const section = Uint8Array.from({ length: PIXELS }, (_, p) => grey(z)(p));
    data.set(section, z * PIXELS);
    await sink.write(z, ndarray(section, [HEIGHT, WIDTH]));
    ids.set(
      Uint32Array.from({ length: PIXELS }, (_, p) => (isMembrane(p) ? 0 : 1)),
      z * PIXELS,
    );
  }
  await sink.close();
  const shape = [DEPTH, HEIGHT, WIDTH];
  const { model } = await trainSegmenter(
    await nodeRuntime({ threads: 1 }),
    [
      {
        name: 'cells',
        raw: ndarray(data, shape),
        labels: ndarray(ids, shape),
        voxelSizeNm: [40, 10, 10],
        weight: 1,
        boundaryLabel: 0,
      },
    ],
    {
      ...SEGMENTER_DEFAULTS,
      ...{ widths: [2, 4], lsdSigma: 0, size: 32, batch: 1 },
      schedule: { ...SEGMENTER_DEFAULTS.schedule, steps: 3 },
    },
    'tiny',
    { description: 'For tests.', licence: 'none', data: [], command: 'none' },
    { checkpointEvery: 3, recordEvery: 1 },
  );
  writeFileSync(tiny, encodeModel(model));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('kyn adapt', () => {
  it('writes the better model and a report, with labels or masks', async () => {
    const ways = {
      labels: [folder('labels', { 's01-painted.png': picture(labelled) })],
      masks: [folder('masks', { 's02.png': picture((p) => (isMembrane(p) ? 255 : 0)) }), '--mask'],
    };
    for (const [name, words] of Object.entries(ways)) {
      const out = at(`out-${name}`, 'lab.kyn');
      const line = [raw, '--labels', ...words, '--out', out, '--model', tiny, '--minutes', '0.1'];
      const { code, stdout, stderr } = await kyn(...line, '--voxel-size', '10,10,40', '--json');
      expect(stderr).not.toMatch(/kyn:/);
      expect(code).toBe(0);
      const result = JSON.parse(stdout);
      expect(result.sections).toHaveLength(1);
      expect(result.sections[0]).toMatchObject({ z: name === 'labels' ? 1 : 2, profiles: 16 });
      const model = decodeModel(readFileSync(out), out);
      if (result.helped)
        expect(model.description.card.data).toEqual([`painted section ${result.sections[0].name}`]);
      else expect(readFileSync(out)).toEqual(readFileSync(tiny));
      if (result.helped) {
        const mask = name === 'masks' ? ' --mask' : '';
        expect(model.description.card.command).toBe(
          `kyn adapt ${raw} --voxel-size 10,10,40 --labels ${words[0]}${mask} --model ${tiny} --minutes 0.1 --seed 1 --out ${out}`,
        );
      }
      const html = readFileSync(result.report, 'utf8');
      expect(html).toContain(result.helped ? 'Adapting helped' : 'Adapting did not help');
      expect(html).toContain('data:image/png;base64,');
      const again = await kyn(...line);
      expect(again.code).toBe(1);
      expect(again.stderr).toMatch(/is there already.*--overwrite/);
    }
  });

  it('takes one image painted for one image, whatever their names', async () => {
    const cells = at('cells.png');
    writeFileSync(cells, picture(grey(0)));
    writeFileSync(at('painting.png'), picture(labelled));
    const line = [cells, '--labels', at('painting.png'), '--out', at('one.kyn'), '--model', tiny];
    const { code, stdout } = await kyn(...line, '--voxel-size', '10,10,40', '--minutes', '0.1', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).sections).toHaveLength(1);
  });

  it('pairs a volume of labels section by section, and leaves out what is not painted', async () => {
    const labels = at('labels.zarr');
    const sink = await createLabelZarr(labels, { shape: [DEPTH, HEIGHT, WIDTH], voxelSizeNm: [40, 10, 10] });
    for (let z = 0; z < DEPTH; z++) {
      const paint = (_: unknown, p: number) => (z % 2 === 1 && p % WIDTH < 40 ? labelled(p) : 4_294_967_295);
      await sink.write(z, ndarray(Uint32Array.from({ length: PIXELS }, paint), [HEIGHT, WIDTH]));
    }
    await sink.close();
    const words = [volume, '--labels', labels, '--model', tiny, '--minutes', '0.1', '--json'];
    const whole = await kyn(...words, '--out', at('whole.kyn'));
    expect(whole.code).toBe(0);
    expect(JSON.parse(whole.stdout).sections.map((each: { z: number }) => each.z)).toEqual([1, 3]);
    const part = await kyn(...words, '--out', at('part.kyn'), '--bbox', '8:60,0:48,2:4');
    expect(part.code).toBe(0);
    expect(JSON.parse(part.stdout).sections.map((each: { z: number }) => each.z)).toEqual([1]);
  });

  it.each([
    ['a name that fits no section', { 'x7.png': picture(labelled) }, [], /no file is named as a section is/],
    [
      'another size',
      { 's01.png': picture(labelled, 20) },
      [],
      /s01\.png: 20×64 pixels, but the section has 48×64/,
    ],
    ['nothing painted', { 's01.png': picture(() => 255) }, [], /s01\.png: nothing is painted/],
    ['a mask given as labels', { 's01.png': picture((p) => (isMembrane(p) ? 255 : 0)) }, [], /--mask/],
    [
      'labels given as a mask',
      { 's01.png': picture((p) => (isMembrane(p) ? 0 : 255)) },
      ['--mask'],
      /mixed up/,
    ],
    ['a blank mask', { 's01.png': picture(() => 0) }, ['--mask'], /one cell fills all/],
    ['no image', {}, [], /it is empty/],
  ])('refuses %s in one line', async (what, files, more, says) => {
    const labels = folder(`bad ${what}`, files);
    const out = at('bad.kyn');
    const { code, stderr } = await kyn(
      raw,
      '--labels',
      labels,
      '--out',
      out,
      '--model',
      tiny,
      '--quiet',
      ...more,
    );
    expect(stderr).toMatch(says);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code === 1 || code === 2).toBe(true);
    expect(existsSync(out)).toBe(false);
  });

  it('refuses models that cannot be trained on', async () => {
    const labels = folder('good', { 's01.png': picture(labelled) });
    const { weights: _, ...rest } = decodeModel(readFileSync(tiny), tiny);
    writeFileSync(at('bare.kyn'), encodeModel(rest));
    writeFileSync(at('bare.onnx'), rest.segmenter);
    for (const [model, says] of [
      ['bare.kyn', /bare\.kyn: the model holds no weights/],
      ['bare.onnx', /bare\.onnx: a plain ONNX network/],
    ] as const) {
      const { code, stderr } = await kyn(
        raw,
        '--labels',
        labels,
        '--out',
        at('x.kyn'),
        '--model',
        at(model),
        '--quiet',
      );
      expect(code).toBe(1);
      expect(stderr).toMatch(says);
    }
    expect(readdirSync(scratch)).not.toContain('x.kyn');
  });
});
