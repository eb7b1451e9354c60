/** Reads training recipes and the volumes that they name. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import {
  createPhantom,
  KynError,
  type LabelSource,
  PHANTOM_DEFAULTS,
  renderOver,
  type SectionSource,
  type StageContext,
  subvolume,
} from '@kyn/core';
import { closingOnFailure, parseVolumeSpec } from '@kyn/io';
import { openLabels, openSections } from '@kyn/io/node';
import { loadTrainingVolume, type TrainingVolume } from '@kyn/nn';
import { checkRecipe } from './check-recipe.ts';
import type { Recipe, RecipeVolume } from './recipe.ts';
import { cutOrClose, refuseImage, volumeSpec } from './volumes.ts';

/** A recipe as it is written: in place of volumes, or of pairs, it may name the recipe beside it that has them. */
type WrittenRecipe<O> = Omit<Recipe<O>, 'volumes' | 'pairs'> & {
  readonly volumes: Recipe<O>['volumes'] | string;
  readonly pairs?: Recipe<O>['pairs'] | string;
};

/** @throws KynError `format` where the file, or one that it takes a list from, is not a recipe. */
export async function readRecipe<O>(path: string): Promise<Recipe<O>> {
  const { volumes: ownVolumes, pairs: ownPairs, ...rest } = await readWritten<O>(path);
  const listed = async <T>(key: 'volumes' | 'pairs', own: T | string): Promise<T> => {
    if (typeof own !== 'string') return own;
    const list = (await readWritten<O>(join(dirname(path), own)))[key];
    if (Array.isArray(list)) return list as T;
    throw new KynError('format', `the recipe takes its ${key} from ${own}, which lists none`, {
      where: path,
    });
  };
  const volumes = await listed('volumes', ownVolumes);
  const pairs = await listed('pairs', ownPairs);
  if (!Array.isArray(volumes) || volumes.length === 0) {
    throw new KynError('format', 'the recipe lists no volumes', {
      where: path,
      hint: 'see models/base.recipe.json',
    });
  }
  return { ...rest, volumes, ...(pairs ? { pairs } : {}) };
}

async function readWritten<O>(path: string): Promise<WrittenRecipe<O>> {
  const written = await readJson(path);
  checkRecipe(written, path);
  return written as WrittenRecipe<O>;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ENOENT';
    throw new KynError(missing ? 'not-found' : 'format', missing ? 'no such file' : 'not a recipe in JSON', {
      where: path,
      hint: 'see models/base.recipe.json',
      cause,
    });
  }
}

/** A volume that the command line names: its path is from the current folder, not from the data's. */
export function namedVolume(spec: string): RecipeVolume {
  return { source: parseVolumeSpec(spec).isUrl ? spec : resolve(volumeSpec(spec)), name: spec };
}

/**
 * True where two volumes show some of the same tissue, however it is drawn or cut.
 * @param folder of the data
 */
export function showSameTissue(a: RecipeVolume, b: RecipeVolume, folder: string): boolean {
  if (a.phantom || b.phantom) return grownFrom(a) === grownFrom(b);
  const files = ({ source, labels }: RecipeVolume): string[] =>
    [source, labels]
      .flatMap((spec) => spec ?? [])
      .map((spec) => resolve(folder, parseVolumeSpec(spec).location));
  const ofOther = files(b);
  if (!files(a).some((file) => ofOther.includes(file))) return false;
  const isBefore = (one: RecipeVolume, other: RecipeVolume): boolean =>
    [0, 1, 2].some(
      (axis) => (one.bbox?.max[axis] ?? Number.POSITIVE_INFINITY) <= (other.bbox?.min[axis] ?? 0),
    );
  return !isBefore(a, b) && !isBefore(b, a);
}

/** What decides the neurites of a phantom. */
function grownFrom({ phantom }: RecipeVolume): string | undefined {
  const { seed, geometry } = { ...PHANTOM_DEFAULTS, ...phantom };
  return phantom && JSON.stringify([seed, geometry]);
}

/** Opens what a run will need later and closes it again, so that what is missing is told at once. */
export async function checkRecipeVolumes(volumes: readonly RecipeVolume[], folder: string): Promise<void> {
  for (const volume of volumes) {
    if (volume.phantom) continue;
    const { raw, labels } = await openRecipeVolume(volume, folder);
    await Promise.all([raw.close(), labels.close()]);
  }
}

/**
 * Raw and labels of a recipe's volume, opened; the caller closes both.
 * @throws KynError `content` where the labels are an image, and whatever opening throws.
 */
export async function openRecipeVolume(
  volume: RecipeVolume,
  folder: string,
): Promise<{ raw: SectionSource; labels: LabelSource }> {
  const { source, phantom, render, voxelSizeNm } = volume;
  const size = voxelSizeNm ? { voxelSizeNm } : {};
  if (phantom) {
    const { raw, labels } = createPhantom({ ...size, ...phantom });
    return { raw: subvolume(raw, volume), labels: subvolume(labels, volume) };
  }
  const place = (spec: string): string => {
    if (isAbsolute(spec) || parseVolumeSpec(spec).isUrl) return spec;
    const path = join(folder, spec);
    if (existsSync(parseVolumeSpec(path).location)) return path;
    throw new KynError('not-found', 'there is no such file or folder', {
      where: path,
      hint: 'name the folder of the data with --data',
    });
  };
  const labelSpec = volume.labels ?? source;
  if (labelSpec === undefined)
    throw new KynError('format', 'a recipe volume names no source, phantom or labels');
  if (!render && source === undefined)
    throw new KynError('format', 'a recipe volume has labels but no source', { where: labelSpec });
  const whole = await openLabels(place(labelSpec), size);
  return closingOnFailure(whole, async () => {
    await refuseImage(whole);
    const labels = subvolume(whole, volume);
    if (render) {
      // what is drawn reads the labels, and does not own them
      const drawn = renderOver(labels, render);
      return { raw: drawn.raw, labels: { ...drawn.labels, close: () => whole.close() } };
    }
    const raw = await openSections(place(source as string), size);
    if (raw.info.location === whole.info.location) {
      await raw.close();
      throw new KynError('content', 'there is one volume in it, which cannot be both raw and labels', {
        where: whole.info.location,
        hint: 'give a file with both, or a recipe that names them',
      });
    }
    return { raw: await cutOrClose(raw, volume), labels };
  });
}

/** Reads the recipe's volumes into memory. */
export async function loadRecipeVolumes(
  volumes: readonly RecipeVolume[],
  folder: string,
  context: Required<Pick<StageContext, 'onProgress'>> & StageContext,
): Promise<TrainingVolume[]> {
  const loaded: TrainingVolume[] = [];
  for (const volume of volumes) {
    context.onProgress({ stage: 'read', done: loaded.length, total: volumes.length, unit: 'volumes' });
    const {
      source,
      labels: _labels,
      phantom: _phantom,
      render,
      bbox: _bbox,
      zStep: _zStep,
      voxelSizeNm: _voxelSizeNm,
      ...options
    } = volume;
    const opened = await openRecipeVolume(volume, folder);
    const name =
      volume.name ??
      source ??
      (render ? `${volume.labels}, drawn over, seed ${render.seed ?? 0}` : opened.raw.info.location);
    try {
      loaded.push(await loadTrainingVolume(opened.raw, opened.labels, { ...options, name }, context.signal));
    } finally {
      await Promise.all([opened.raw.close(), opened.labels.close()]);
    }
  }
  context.onProgress({ stage: 'read', done: volumes.length, total: volumes.length, unit: 'volumes' });
  return loaded;
}
