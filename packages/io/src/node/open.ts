/** Opens volumes by path or URL. */
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { KynError, type LabelSource, type SectionSource, type Vec3 } from '@kyn/core';
import { asLabelSource, asSectionSource, closingOnFailure } from '../adapt.ts';
import { namedDatasets } from '../file-name.ts';
import type { Site, VolumeDescription } from '../format.ts';
import { openSite, recognise, rooted } from '../open-site.ts';
import { parseVolumeSpec } from '../spec.ts';
import { fileBytes, fileFolder, inputError } from './file-bytes.ts';
import { inflateWhole } from './unpack.ts';
import { folderZarr, webZarr } from './zarr-store.ts';

export interface OpenOptions {
  /** Path inside the container; the same as writing `FILE:/path`. */
  readonly dataset?: string;
  /** z, y, x in nm: replaces what the metadata say. */
  readonly voxelSizeNm?: Vec3;
}

/**
 * Opens a raw volume: HDF5 (`FILE.h5:/volumes/raw`), Zarr v2/v3 and OME-Zarr (path or URL), a folder of PNG
 * or TIFF sections, a multi-page TIFF, one PNG.
 * @throws KynError `not-found`, `format`, `shape`, or `content` for integers wider than 16 bit (labels).
 */
export async function openSections(spec: string, options: OpenOptions = {}): Promise<SectionSource> {
  const volume = await openSite(await siteOf(spec, options), 'sections');
  return closingOnFailure(volume, () => asSectionSource(volume, options.voxelSizeNm));
}

/** Opens a label volume of any integer dtype; ids beyond uint32 are renumbered, the same id alike. */
export async function openLabels(spec: string, options: OpenOptions = {}): Promise<LabelSource> {
  const volume = await openSite(await siteOf(spec, options), 'labels');
  return closingOnFailure(volume, () => asLabelSource(volume, options.voxelSizeNm));
}

/**
 * Lists the datasets of a file, folder or URL, or of the path named in it: shapes, dtypes, voxel sizes.
 * @throws KynError `not-found`, `format`, `shape`.
 */
export async function describeVolume(spec: string): Promise<VolumeDescription> {
  const site = await siteOf(spec, {});
  try {
    const { format, notes } = await recognise(site);
    const description = await format.describe(site);
    return {
      ...description,
      datasets: namedDatasets(description.datasets, site),
      notes: [...notes, ...description.notes],
    };
  } finally {
    await site.file?.close().catch(() => {});
  }
}

async function siteOf(spec: string, options: OpenOptions): Promise<Site> {
  const { location, dataset: named, isUrl } = parseVolumeSpec(spec);
  const dataset = options.dataset === undefined ? named : rooted(options.dataset);
  const common = { location, dataset, inflate: inflateWhole };
  if (isUrl) return { ...common, zarr: () => webZarr(location), zarrAt: webZarr };
  const path = resolve(location);
  const found = await stat(path).catch((error: unknown) => {
    throw (dataset === undefined && withoutSlash(location)) || inputError(error, location);
  });
  if (!found.isFile() && !found.isDirectory()) {
    throw new KynError('format', 'it is neither a file nor a folder', {
      where: location,
      hint: 'write what comes out of it to a file first',
    });
  }
  if (found.isDirectory()) {
    const zarrAt = (folder: string) => folderZarr(resolve(folder));
    return { ...common, folder: fileFolder(path), zarr: () => zarrAt(path), zarrAt };
  }
  const file = await fileBytes(path, location);
  return {
    ...common,
    file,
    magic: await file.read(0, 16),
    async hdf5() {
      const library = await import('h5wasm/node');
      await library.ready;
      return { library, filename: path, close: () => file.close() };
    },
  };
}

/** `FILE.h5:volumes/raw` in place of `FILE.h5:/volumes/raw`; undefined for all else. */
function withoutSlash(location: string): KynError | undefined {
  const [, file, dataset] = /^(.+):([^/\\][^:]*)$/.exec(location) ?? [];
  if (file === undefined || !existsSync(file)) return undefined;
  return new KynError('not-found', 'there is no such file or folder', {
    where: location,
    hint: `what lies inside is named with a slash: ${file}:/${dataset}`,
  });
}
