import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ndarray, type RawSection } from '@kyn/core';
import { createLabelZarr, createRawZarr } from '@kyn/io/node';
import { decodeBaseline3d } from '@kyn/nn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runKyn } from '../testing/run-kyn.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-baseline3d-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const kyn = (...words: string[]) => runKyn(words);

const shape = [5, 40, 44] as const;
const voxelSizeNm = [40, 10, 10] as const;
const raw = join(scratch, 'raw.zarr');
const labels = join(scratch, 'labels.zarr');
const model = join(scratch, 'b.kyn');

/** Stripes that drift, with dark lines between them. */
beforeAll(async () => {
  const image = await createRawZarr(raw, { shape, voxelSizeNm, dtype: 'uint8' });
  const truth = await createLabelZarr(labels, { shape, voxelSizeNm });
  for (let z = 0; z < shape[0]; z++) {
    const grey = new Uint8Array(40 * 44);
    const ids = new Uint32Array(40 * 44);
    for (let p = 0; p < ids.length; p++) {
      const x = (p % 44) + z;
      ids[p] = 1 + Math.floor(x / 11);
      grey[p] = (x % 11 < 2 ? 60 : 150) + ((p * 7919) % 41);
    }
    await image.write(z, ndarray(grey, [40, 44]) as RawSection);
    await truth.write(z, ndarray(ids, [40, 44]));
  }
  await Promise.all([image.close(), truth.close()]);
});

describe('kyn train baseline3d', () => {
  const recipe = join(scratch, 'recipe.json');
  const train = ['train', 'baseline3d', '--recipe', recipe, '--out', model, '--workers', '0', '--quiet'];

  it('trains from another recipe’s volumes, and refuses to go on to another length too late', async () => {
    const common = { name: 'tiny', description: 'tiny', licence: 'none', data: [] };
    const volume = { source: raw, labels };
    writeFileSync(join(scratch, 'volumes.json'), JSON.stringify({ ...common, volumes: [volume] }));
    const options = { widths: [4, 6], zReach: [1], depth: 3, size: 16, schedule: { decay: 1, warmup: 1 } };
    const written = { ...common, options, volumes: 'volumes.json', validation: [volume] };
    writeFileSync(recipe, JSON.stringify(written));

    const first = await kyn(...train, '--steps', '2');
    expect(first.stderr).toBe('');
    expect(first.code).toBe(0);
    expect((await kyn(...train, '--steps', '2')).code).toBe(1);
    expect((await kyn(...train, '--steps', '4', '--resume')).stderr).toMatch(/other settings/);
    const { stdout } = await kyn(...train, '--steps', '4', '--overwrite', '--json');
    const { steps, figures } = JSON.parse(stdout);
    expect(steps).toBe(4);
    expect(figures).toMatchObject({ validation: expect.any(Number), voi: expect.any(Number) });
    expect(readFileSync(join(scratch, 'b.kyn.run', 'report.html'), 'utf8')).toContain('a row a section');
    const { description } = decodeBaseline3d(readFileSync(model), model);
    expect(description.card.command).toBe(`kyn train baseline3d --recipe ${recipe} --steps 4 --out ${model}`);
  });

  it('looks for what it needs late before it begins', async () => {
    const out = join(scratch, 'late.kyn');
    const common = ['--volume', raw, '--out', out, '--steps', '1', '--quiet'];
    const missing = join(scratch, 'no.h5');
    const validation = await kyn('train', 'baseline3d', ...common, '--validate', missing);
    expect(validation).toMatchObject({ code: 1 });
    expect(validation.stderr).toMatch(/no\.h5/);
    const withoutPairs = await kyn(
      'train',
      'linker',
      '--recipe',
      join(scratch, 'volumes.json'),
      '--out',
      out,
    );
    expect(withoutPairs).toMatchObject({ code: 2 });
    expect(withoutPairs.stderr).toMatch(/it has no pairs for the classifier/);
    const onGpu = await kyn('train', 'segmenter', ...common, '--device', 'webgpu');
    expect(onGpu).toMatchObject({ code: 2 });
    expect(existsSync(`${out}.run`)).toBe(false);
  });

  it('makes a model that kyn segment runs and kyn info shows', async () => {
    const out = join(scratch, 'out');
    const done = await kyn('segment', raw, '--model', model, '--out', out, '--json', '--accurate');
    expect(done.code).toBe(0);
    expect(done.stderr).toMatch(/--accurate changes nothing/);
    const report = JSON.parse(done.stdout);
    expect(report).toMatchObject({ sections: 5, edges: { skip: 0 }, network: { name: 'tiny' } });
    expect(existsSync(join(out, 'segmentation.zarr'))).toBe(true);
    expect((await kyn('info', model)).stdout).toMatch(/model +tiny/);
    expect((await kyn('info', 'baseline3d')).stdout).toMatch(/model +baseline3d\n.*3D affinities/s);
  });
});
