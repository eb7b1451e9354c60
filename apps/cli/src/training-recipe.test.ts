import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ndarray } from '@kyn/core';
import { createCremiHdf5, createLabelTiff } from '@kyn/io/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadRecipeVolumes, openRecipeVolume, readRecipe } from './training-recipe.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-recipe-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** How often this process has a file open. */
function timesOpen(path: string): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(join('/proc/self/fd', fd));
    } catch {
      return ''; // the one that lists them
    }
  });
  return targets.filter((target) => target === path).length;
}

const path = join(scratch, 'volume.h5');

beforeAll(async () => {
  const file = await createCremiHdf5(path, {
    shape: [3, 40, 40],
    voxelSizeNm: [40, 8, 8],
    raw: 'uint8',
    labels: 'uint64',
  });
  for (let z = 0; z < 3; z++) {
    await file.raw?.write(
      z,
      ndarray(
        new Uint8Array(1600).map((_, i) => i % 251),
        [40, 40],
      ),
    );
    await file.labels?.write(
      z,
      ndarray(
        new Uint32Array(1600).map((_, i) => 1 + ((i % 40) >> 3)),
        [40, 40],
      ),
    );
  }
  await file.close();
});

const context = { onProgress: () => {} };

it.skipIf(!existsSync('/proc/self/fd'))('closes the files of every volume it has read', async () => {
  const volumes = await loadRecipeVolumes(
    [{ source: 'volume.h5' }, { labels: 'volume.h5', render: { seed: 3 } }],
    scratch,
    context,
  );
  expect(volumes.map(({ raw }) => raw.shape)).toEqual([
    [3, 40, 40],
    [3, 40, 40],
  ]);
  const box = { min: [0, 0, 0], max: [9, 40, 40] } as const;
  await expect(
    loadRecipeVolumes([{ labels: 'volume.h5', bbox: box, render: {} }], scratch, context),
  ).rejects.toThrow(/reaches out/);
  expect(timesOpen(path)).toBe(0);
});

it('takes the voxel size that the recipe gives, whatever the volume is for', async () => {
  const given = { voxelSizeNm: [30, 5, 5], zStep: 2 } as const;
  for (const volume of [
    { source: 'volume.h5', ...given },
    { labels: 'volume.h5', render: {}, ...given },
    { phantom: { shape: [3, 40, 40] }, ...given },
  ] as const) {
    const { raw, labels } = await openRecipeVolume(volume, scratch);
    expect(raw.info.voxelSizeNm).toEqual([60, 5, 5]);
    expect(labels.info.voxelSizeNm).toEqual([60, 5, 5]);
    await Promise.all([raw.close(), labels.close()]);
    expect((await loadRecipeVolumes([volume], scratch, context))[0].voxelSizeNm).toEqual([60, 5, 5]);
  }
});

it('takes volumes and pairs from the recipe beside it that is named', async () => {
  const models = join(import.meta.dirname, '../../../models');
  const names = ['base', 'baseline3d', 'linker', 'wider', 'broader'];
  const [base, baseline, linker, wider, broader] = await Promise.all(
    names.map((name) => readRecipe(join(models, `${name}.recipe.json`))),
  );
  expect(base.volumes.length).toBeGreaterThan(10);
  expect(baseline.volumes).toEqual(base.volumes);
  expect(linker.pairs?.length).toBeGreaterThan(10);
  expect(wider.pairs).toEqual(linker.pairs);
  expect(wider.volumes.length).toBeGreaterThan(linker.volumes.length);
  expect(broader.volumes.length).toBeGreaterThan(wider.volumes.length);
  expect((await readRecipe(join(models, 'baseline3d-wider.recipe.json'))).volumes).toEqual(wider.volumes);
  const longer = await readRecipe(join(models, 'longer.recipe.json'));
  expect(longer.volumes.length).toBeGreaterThan(broader.volumes.length);
  for (const name of ['contested', 'moving', 'baseline3d-contested']) {
    expect((await readRecipe(join(models, `${name}.recipe.json`))).volumes).toEqual(longer.volumes);
  }
});

it('says so where a recipe names itself, or one that lists nothing', async () => {
  const path = join(scratch, 'round.recipe.json');
  writeFileSync(path, JSON.stringify({ name: 'round', volumes: 'round.recipe.json' }));
  await expect(readRecipe(path)).rejects.toThrow(/volumes from round.recipe.json, which lists none/);
  const empty = join(scratch, 'empty.recipe.json');
  writeFileSync(empty, JSON.stringify({ name: 'empty', volumes: [] }));
  await expect(readRecipe(empty)).rejects.toThrow(/lists no volumes/);
});

it('refuses a file with one volume, which would be raw and labels at once', async () => {
  const source = join(scratch, 'one.tif');
  const sink = await createLabelTiff(source, { shape: [1, 40, 40], dtype: 'uint16' });
  await sink.write(0, ndarray(new Uint32Array(1600), [40, 40]));
  await sink.close();
  const context = { onProgress: () => {} };
  await expect(loadRecipeVolumes([{ source }], '.', context)).rejects.toThrow(
    /cannot be both raw and labels/,
  );
});
