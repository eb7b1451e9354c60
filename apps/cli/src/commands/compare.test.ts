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
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runKyn } from '../testing/run-kyn.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const built = existsSync(join(root, 'dist/kyn.js'));
const scratch = mkdtempSync(join(tmpdir(), 'kyn-compare-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const kyn = (...words: string[]) => runKyn(words);

const file = join(scratch, 'phantom.h5');
const raw = `${file}:/volumes/raw`;
const truth = `${file}:/volumes/labels/neuron_ids`;
const baseline = join(scratch, 'tiny.kyn');
const part = ['--bbox', '0:96,0:80,1:7', '--z-step', '2'];

/** Where temporary folders go meanwhile, so that none of another run is seen. */
const temporary = join(scratch, 'temporary');
const leftovers = () => readdirSync(temporary).filter((name) => name.startsWith('kyn-'));

beforeAll(async () => {
  const made = await kyn('phantom', '--out', file, '--shape', '8,96,96', '--seed', '3', '--quiet');
  expect(made.stderr).toBe('');
  const recipe = join(scratch, 'recipe.json');
  const options = { widths: [4, 6], zReach: [1], depth: 3, size: 16, schedule: { decay: 1, warmup: 1 } };
  const volumes = [{ source: raw, labels: truth }];
  const about = { name: 'tiny', description: 'tiny', licence: 'none', data: [] };
  writeFileSync(recipe, JSON.stringify({ ...about, options, volumes }));
  const words = ['--recipe', recipe, '--out', baseline, '--workers', '0', '--steps', '2', '--quiet'];
  expect(await kyn('train', 'baseline3d', ...words)).toMatchObject({ code: 0, stderr: '' });
});

describe.skipIf(!built)('kyn compare', () => {
  it('runs both ways, keeps them, and reports as agreed', async () => {
    const out = join(scratch, 'both');
    const words = [raw, '--truth', truth, '--baseline', baseline, ...part, '--threads', '1'];
    const done = await kyn('compare', ...words, '--out', out, '--membranes', 'bright', '--json', '--quiet');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    const found = JSON.parse(done.stdout);
    expect(Object.keys(found)).toEqual(['link2d', 'baseline3d', 'published3d']);
    for (const way of ['link2d', 'baseline3d']) {
      const { model, stages, ...figures } = found[way];
      const told = JSON.parse(readFileSync(join(out, way, 'report.json'), 'utf8'));
      expect(told).toMatchObject({ contrastTurned: true });
      const scored = await kyn('evaluate', join(out, way), truth, ...part, '--json', '--quiet');
      expect(figures).toMatchObject(JSON.parse(scored.stdout));
      expect(figures.voxels).toBeGreaterThan(10_000);
      expect(Object.keys(figures)).toEqual(
        expect.arrayContaining(['merges_to_fix', 'splits_to_fix', 'merging_segments', 'split_neurons']),
      );
      expect(figures.mvx_per_s * figures.seconds).toBeCloseTo((3 * 80 * 96) / 1e6, 9);
      expect(figures.peak_memory_bytes).toBeGreaterThan(1e7);
      expect(figures.flop_per_voxel).toBeGreaterThan(100);
      expect(stages.predict).toBeGreaterThan(0);
      expect(stages).toMatchObject({ files: expect.any(Number), engine: expect.any(Number) });
    }
    expect(found.baseline3d.model_bytes).toBe(readFileSync(baseline).length);
    expect(found.link2d.model_bytes).toBe(readFileSync(join(root, 'models/base.kyn')).length);
    expect(found.published3d.flop_per_voxel).toBeGreaterThan(1e5);
    expect(found.published3d.mvx_per_s).toBeGreaterThan(0);
    expect(JSON.parse(readFileSync(join(out, 'compare.json'), 'utf8'))).toEqual(found);
    const html = readFileSync(join(out, 'compare.html'), 'utf8');
    expect(html.match(/data:image\/png;base64,iVBOR/g)).toHaveLength(2);
    expect(html.match(/<svg/g)).toHaveLength(2);
    // pictures aside: in base64 any three letters turn up sooner or later
    const text = html.replaceAll(/data:image\/png;base64,[^"]*/g, 'data:');
    expect(text).not.toMatch(/NaN|undefined|(src|href)="(?!data:)/);

    const again = await kyn('compare', ...words, '--out', out);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^kyn: [^\n]*not empty[^\n]*--overwrite\n$/);
  }, 120_000);

  it('takes the shipped baseline, and keeps nothing, unless told otherwise', async () => {
    const around = readdirSync(scratch);
    const done = await kyn('compare', raw, '--truth', truth, ...part, '--json', '--quiet');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    const { link2d, baseline3d } = JSON.parse(done.stdout);
    expect([link2d.model, baseline3d.model]).toEqual(['base', 'baseline3d']);
    expect(baseline3d.model_bytes).toBe(readFileSync(join(root, 'models/baseline3d.kyn')).length);
    expect(baseline3d.voxels).toBe(link2d.voxels);
    expect(baseline3d.stages.predict).toBeGreaterThan(0);
    expect(readdirSync(scratch)).toEqual(around);
  }, 120_000);

  it('passes on what stops a run, and leaves nothing', async () => {
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    const blank = join(scratch, 'blank.zarr');
    const { createRawZarr } = await import('@kyn/io/node');
    const { ndarray } = await import('@kyn/core');
    const sink = await createRawZarr(blank, { shape: [8, 96, 96], voxelSizeNm: [40, 8, 8], dtype: 'uint8' });
    for (let z = 0; z < 8; z++) await sink.write(z, ndarray(new Uint8Array(96 * 96).fill(9), [96, 96]));
    await sink.close();
    const failed = await kyn('compare', blank, '--truth', truth, '--baseline', baseline, '--quiet');
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr).toMatch(/^kyn: 2D\+link: [^\n]*every section is empty[^\n]*\n$/);
    expect(leftovers()).toEqual([]);

    const controller = new AbortController();
    const words = ['compare', raw, '--truth', truth, '--baseline', baseline, '--quiet'];
    const stopped = runKyn(words, controller.signal);
    const soon = setInterval(() => leftovers().length > 0 && controller.abort(), 20);
    expect(await stopped).toMatchObject({ code: 130, stdout: '', stderr: 'kyn: stopped\n' });
    clearInterval(soon);
    expect(leftovers()).toEqual([]);
    vi.unstubAllEnvs();
  }, 60_000);
});

describe('kyn compare refuses before it runs anything', () => {
  it.each([
    ['no truth', ['RAW'], 2, /--truth/],
    ['a truth that is an image', ['RAW', '--truth', 'RAW'], 1, /looks like an image/],
    ['a truth of another size', ['RAW', '--truth', 'SMALL'], 1, /truth of 8×96×50 for 8×96×96 voxels/],
    ['a missing input', ['nowhere.h5', '--truth', 'TRUTH'], 1, /nowhere\.h5/],
    ['a missing baseline', ['RAW', '--truth', 'TRUTH', '--baseline', 'no.kyn'], 1, /no\.kyn: no such model/],
    ['a 2D baseline', ['RAW', '--truth', 'TRUTH', '--baseline', 'base'], 1, /base: it is no 3D network/],
    ['a 3D model as the 2D one', ['RAW', '--truth', 'TRUTH', '--model', 'TINY'], 1, /give it as --baseline/],
    ['an output that holds the input', ['RAW', '--truth', 'TRUTH', '--out', 'HERE'], 1, /it holds the input/],
  ])('%s', async (_, words, exit, says) => {
    const small = join(scratch, 'small.tif');
    if (!existsSync(small)) await kyn('convert', truth, small, '--bbox', '0:50,:,:', '--quiet');
    const names: Record<string, string> = {
      RAW: raw,
      TRUTH: truth,
      SMALL: small,
      TINY: baseline,
      HERE: scratch,
    };
    const given = words.map((word) => names[word] ?? word);
    const more = words.includes('--baseline') ? [] : ['--baseline', baseline];
    const { code, stdout, stderr } = await kyn('compare', ...given, ...more, '--quiet');
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr).toMatch(/^kyn: [^\n]+\n$/);
    expect(stderr).toMatch(says);
  });
});
