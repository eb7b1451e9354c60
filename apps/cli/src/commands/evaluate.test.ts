/**
 * The scores of `kyn evaluate` on real volumes against an independent scorer: what it said once (the fixtures)
 * and, where it and Python are here, what it says now.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  evaluate,
  evaluatePerSlice,
  type LabelSection,
  type LabelSource,
  ndarray,
  subvolume,
  toDense,
} from '@kyn/core';
import { createLabelZarr, openLabels } from '@kyn/io/node';
import { afterAll, describe, expect, it } from 'vitest';
import fixtures from '../../../../packages/core/src/evaluate/fixtures/scores.json' with { type: 'json' };
import { runKyn } from '../testing/run-kyn.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const data = process.env.KYN_DATA ?? join(root, '../shared/data');
const scorer = process.env.KYN_SCORER ?? join(root, '../shared/tools/score.py');
const python = process.env.KYN_PYTHON ?? 'python3';
const hasScorer =
  existsSync(scorer) && spawnSync(python, ['-c', 'import numpy, scipy, h5py, zarr']).status === 0;
const volumes = [...new Set(fixtures.map((each) => each.volume).filter((name) => name.endsWith('.h5')))];
const inside = ':/volumes/labels/neuron_ids';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-evaluate-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The recipes of make-scores.py. */
function recipe(name: string): (section: LabelSection, z: number) => LabelSection {
  const voxel: Record<string, (row: Uint32Array, z: number, y: number, x: number) => number> = {
    shift: (row, _z, _y, x) => (x < 3 ? 0 : row[x - 3]),
    merge: (row, _z, _y, x) => (row[x] === 0 ? 0 : Math.floor(row[x] / 3) + 1),
    cut: (row, z, y, x) =>
      (x + y + z) % 17 === 0 ? 0 : (row[x] * 64 + Math.floor(z / 8)) * 16 + (Math.floor(y / 64) % 16) + 1,
  };
  return (section, z) => {
    const [height, width] = section.shape;
    const dense = toDense(section).data;
    const out = new Uint32Array(height * width);
    for (let y = 0; y < height; y++) {
      const row = dense.subarray(y * width, (y + 1) * width);
      for (let x = 0; x < width; x++) out[y * width + x] = voxel[name](row, z, y, x);
    }
    return ndarray(out, [height, width]);
  };
}

function fromSections(sections: readonly LabelSection[], info: LabelSource['info']): LabelSource {
  return { info, read: async (z) => sections[z], close: async () => {} };
}

/** The sections of a volume that the fixtures speak of, in memory. */
async function readTruth(volume: string): Promise<{ sections: LabelSection[]; info: LabelSource['info'] }> {
  const whole = await openLabels(join(data, volume) + inside);
  const { first, shape } = fixtures.find((each) => each.volume === volume) ?? { first: 0, shape: [1] };
  const part = subvolume(whole, {
    bbox: { min: [first, 0, 0], max: [first + shape[0], undefined, undefined] },
  });
  const sections: LabelSection[] = [];
  for (let z = 0; z < shape[0]; z++) sections.push(await part.read(z));
  await part.close();
  return { sections, info: part.info };
}

function expectClose(actual: object, wanted: object): void {
  expect(Object.keys(actual)).toEqual(Object.keys(wanted));
  for (const [key, value] of Object.entries(wanted)) {
    expect(Math.abs((actual as Record<string, number>)[key] - value), key).toBeLessThanOrEqual(1e-9);
  }
}

const kyn = (...words: string[]) => runKyn(words);

function runScorer(...args: string[]): Record<string, number> {
  const { status, stdout, stderr } = spawnSync(python, [scorer, ...args, '--json'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('scores on real volumes, against the scorer’s recorded ones', () => {
  for (const volume of volumes) {
    it.skipIf(!existsSync(join(data, volume)))(volume, async () => {
      const { sections, info } = await readTruth(volume);
      const truth = fromSections(sections, info);
      for (const { recipe: name, scores, per_slice } of fixtures.filter((each) => each.volume === volume)) {
        const segmentation = fromSections(sections.map(recipe(name)), info);
        expectClose(await evaluate({ segmentation, truth }), scores);
        expectClose((await evaluatePerSlice({ segmentation, truth })).mean, per_slice);
      }
    });
  }
  it('has five volumes', () => expect(volumes.length).toBe(5));
});

describe('kyn evaluate', () => {
  /** A label volume of 6×20×30 as a TIFF, and a coarser one. */
  async function files(): Promise<[seg: string, truth: string]> {
    const pair: [string, string] = [join(scratch, 'seg.zarr'), join(scratch, 'truth.zarr')];
    if (existsSync(pair[0])) return pair;
    const { createLabelZarr } = await import('@kyn/io/node');
    for (const [path, side] of [
      [pair[0], 4],
      [pair[1], 6],
    ] as const) {
      const sink = await createLabelZarr(path, { shape: [6, 20, 30], voxelSizeNm: [40, 8, 8] });
      for (let z = 0; z < 6; z++) {
        const data = Uint32Array.from({ length: 600 }, (_, i) => {
          const [y, x] = [Math.floor(i / 30), i % 30];
          return x === 0 ? 0 : Math.floor(y / side) * 10 + Math.floor((x + z) / side) + 1;
        });
        await sink.write(z, ndarray(data, [20, 30]));
      }
      await sink.close();
    }
    return pair;
  }

  it.skipIf(!hasScorer)('agrees with the scorer run beside it', async () => {
    const pair = await files();
    for (const mode of [[], ['--per-slice']]) {
      const { stdout, code } = await kyn('evaluate', ...pair, ...mode, '--json', '--quiet');
      expect(code).toBe(0);
      expectClose(JSON.parse(stdout), runScorer(...pair, ...mode));
    }
  });

  it('prints one flat document with the agreed keys', async () => {
    const { stdout } = await kyn('evaluate', ...(await files()), '--json');
    const keys = ['voi_split', 'voi_merge', 'voi', 'arand', 'cremi', 'voxels', 'segments', 'truth'];
    expect(Object.keys(JSON.parse(stdout))).toEqual(keys);
  });

  it('cuts both volumes, or only the one that is whole', async () => {
    const [seg, truth] = await files();
    const part = join(scratch, 'part.tif');
    const flags = ['--bbox', '0:30,0:20,1:6', '--z-step', '2'];
    expect((await kyn('convert', seg, part, ...flags, '--overwrite')).code).toBe(0);
    const both = await kyn('evaluate', seg, truth, ...flags, '--json');
    const one = await kyn('evaluate', part, truth, ...flags, '--json');
    expect(JSON.parse(both.stdout).voxels).toBe(3 * 20 * 29);
    expect(JSON.parse(one.stdout)).toEqual(JSON.parse(both.stdout));
  });

  it('says where the errors are', async () => {
    const [seg, truth] = await files();
    const { stdout } = await kyn('evaluate', seg, truth, '--details', '--fragments', seg, '--json');
    const found = JSON.parse(stdout);
    expect(found.perfect_links.voi).toBeGreaterThan(0);
    expect(found.perfect_fragments.voi).toBeLessThan(found.voi);
    expect(found.links.right).toBeGreaterThan(0);
    expect(found.merges[0].bits).toBeGreaterThanOrEqual(found.merges[1].bits);
    const text = (await kyn('evaluate', seg, truth, '--details')).stdout;
    expect(text).toContain('were every 2D profile right');
    expect(text).toContain('Costliest merges');
  });

  it('names ids as they are in the files, however large, and says so where there are no links', async () => {
    const [one, wide] = [join(scratch, 'one.zarr'), join(scratch, 'wide.zarr')];
    const size = { shape: [1, 2, 4], voxelSizeNm: [40, 8, 8] } as const;
    const whole = await createLabelZarr(one, size);
    await whole.write(0, ndarray(new Uint32Array(8).fill(7), [2, 4]));
    const wideIds = new Map([1, 2].map((id) => [id, 2n ** 60n + BigInt(id)]));
    const halves = await createLabelZarr(wide, { ...size, dtype: 'uint64', wideIds });
    await halves.write(0, ndarray(Uint32Array.of(1, 1, 2, 2, 1, 1, 2, 2), [2, 4]));
    await Promise.all([whole.close(), halves.close()]);
    const { merges } = JSON.parse((await kyn('evaluate', one, wide, '--details', '--json')).stdout);
    expect(merges).toHaveLength(1);
    expect(merges[0].id).toBe(7);
    const parts: { id: string; voxels: number }[] = merges[0].parts;
    expect(parts.map(({ id }) => id).sort()).toEqual(['1152921504606846977', '1152921504606846978']);
    const { splits } = JSON.parse((await kyn('evaluate', wide, one, '--details', '--json')).stdout);
    expect(splits[0].parts[0].id).toMatch(/^115292150460684697[78]$/);
    const { stdout } = await kyn('evaluate', one, wide, '--details');
    expect(stdout).toContain('links: none to judge');
    const slices = JSON.parse((await kyn('evaluate', one, wide, '--per-slice', '--json')).stdout);
    expect(slices.sections).toBe(1);
  });

  it('takes the segmentation of an output folder', async () => {
    const [seg, truth] = await files();
    const folder = join(scratch, 'out');
    await kyn('convert', seg, join(folder, 'segmentation.zarr'));
    const direct = await kyn('evaluate', seg, truth, '--json');
    expect((await kyn('evaluate', folder, truth, '--json')).stdout).toBe(direct.stdout);
  });

  it('refuses an image in the place of labels', async () => {
    const [seg] = await files();
    const raw = join(scratch, 'raw.h5');
    await kyn('phantom', '--out', raw, '--shape', '3,40,50', '--seed', '5', '--quiet');
    const wrong = await kyn('evaluate', `${raw}:/volumes/labels/neuron_ids`, `${raw}:/volumes/raw`);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(/raw\.h5:\/volumes\/raw: it looks like an image.*give a label volume\n$/);
    expect((await kyn('evaluate', seg, seg)).code).toBe(0);
  });

  it('refuses another part of the truth than the run was over', async () => {
    const [seg, truth] = await files();
    const folder = join(scratch, 'part');
    await kyn('convert', seg, join(folder, 'segmentation.zarr'), '--bbox', '0:10,0:20,0:4');
    const box = { min: [0, 0, 0], max: [4, null, 10] };
    writeFileSync(join(folder, 'report.json'), JSON.stringify({ program: 'kyn', run: { box, 'z step': 1 } }));
    expect((await kyn('evaluate', folder, truth, '--bbox', '0:10,0:20,0:4')).code).toBe(0);
    const other = await kyn('evaluate', folder, truth, '--bbox', '20:30,0:20,0:4');
    expect(other).toMatchObject({ code: 2, stdout: '' });
    expect(other.stderr).toContain(
      'part: it was made with --bbox 0:10,0:,0:4 --z-step 1; give the same here',
    );
    const step = await kyn('evaluate', folder, truth, '--bbox', '0:10,0:20,:', '--z-step', '2');
    expect(step.code).not.toBe(0);
  });

  it('finds a smaller part in what was made of a part', async () => {
    const [seg, truth] = await files();
    const folder = join(scratch, 'inner');
    const made = ['--bbox', '6:26,2:20,1:6', '--z-step', '2'];
    for (const name of ['segmentation', 'fragments']) {
      await kyn('convert', seg, join(folder, `${name}.zarr`), ...made);
    }
    const run = { box: { min: [1, 2, 6], max: [6, 20, 26] }, 'z step': 2 };
    writeFileSync(join(folder, 'report.json'), JSON.stringify({ program: 'kyn', run }));
    for (const part of [made, ['--bbox', '10:20,4:16,3:6', '--z-step', '2']]) {
      const direct = await kyn('evaluate', seg, truth, ...part, '--fragments', seg, '--details', '--json');
      expect(direct.code).toBe(0);
      const found = await kyn('evaluate', folder, truth, ...part, '--details', '--json');
      expect(found.stdout).toBe(direct.stdout);
    }
    const outside = await kyn('evaluate', folder, truth, '--bbox', '0:10,2:20,1:6', '--z-step', '2');
    expect(outside).toMatchObject({ code: 2 });
    expect(outside.stderr).toMatch(
      /inner: it was made with --bbox 6:26,2:20,1:6 --z-step 2; give the same here, or a part of it\n$/,
    );
  });

  it('refuses a segmentation that has lost a piece', async () => {
    const [seg, truth] = await files();
    const folder = join(scratch, 'lost');
    await kyn('convert', seg, join(folder, 'segmentation.zarr'));
    rmSync(join(folder, 'segmentation.zarr/0/c/3'), { recursive: true });
    const lost = await kyn('evaluate', folder, truth);
    expect(lost).toMatchObject({ code: 1, stdout: '' });
    expect(lost.stderr).toMatch(/segmentation\.zarr\/0\/c\/3\/0\/0: a chunk of the volume is lost/);
  });

  it('refuses what cannot be scored, in one line', async () => {
    const [seg, truth] = await files();
    const part = join(scratch, 'small.tif');
    await kyn('convert', seg, part, '--bbox', '0:10,:,:');
    const line = /^kyn: [^\n]+\n$/;
    const shapes = await kyn('evaluate', part, truth);
    expect(shapes).toMatchObject({ code: 1, stdout: '' });
    expect(shapes.stderr).toMatch(/6×20×30 against 6×20×10 voxels/);
    const missing = await kyn('evaluate', join(scratch, 'nope.h5'), truth);
    expect(missing).toMatchObject({ code: 1 });
    const outside = await kyn('evaluate', seg, truth, '--bbox', '0:99,:,:');
    expect(outside).toMatchObject({ code: 2 });
    writeFileSync(join(scratch, 'text.h5'), 'not HDF5');
    const broken = await kyn('evaluate', seg, join(scratch, 'text.h5'));
    expect(broken).toMatchObject({ code: 1 });
    const both = await kyn('evaluate', seg, truth, '--per-slice', '--details');
    const unused = await kyn('evaluate', seg, truth, '--fragments', seg);
    expect([both.code, unused.code]).toEqual([2, 2]);
    for (const { stderr } of [shapes, missing, outside, broken, both, unused]) expect(stderr).toMatch(line);
  });
});
