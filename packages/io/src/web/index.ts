/**
 * Sources in the browser: `@kyn/io/web`. Files that the user picked or dropped, bytes, and Zarr over HTTP; the
 * decoding is the same as on Node. HDF5 files are read where they lie inside a Web Worker, and copied into
 * memory on the page itself.
 */
import { KynError, type LabelSource, type SectionSource, type Vec3 } from '@kyn/core';
import { FetchStore } from 'zarrita';
import { asLabelSource, asSectionSource, closingOnFailure } from '../adapt.ts';
import type { ByteSource } from '../byte-source.ts';
import type { Site } from '../format.ts';
import { inflateStream } from '../inflate.ts';
import { openSite, rooted } from '../open-site.ts';
import { fetchWithRetries } from '../retry.ts';
import { parseVolumeSpec } from '../spec.ts';
import { fileListZarr, isZarrFileList } from './file-list-zarr.ts';
import { hdf5InMemory } from './hdf5-in-memory.ts';

export interface WebOpenOptions {
  /** Path inside a container. */
  readonly dataset?: string;
  /** z, y, x in nm: replaces what the metadata say. */
  readonly voxelSizeNm?: Vec3;
}

/**
 * Opens raw sections from files: one HDF5, TIFF or PNG, many PNG or TIFF sections, or the files of a Zarr
 * folder (picked as a folder, so that they have relative paths).
 * @throws KynError as `openSections` on Node does.
 */
export async function openSectionsFromFiles(
  files: readonly File[],
  options: WebOpenOptions = {},
): Promise<SectionSource> {
  const volume = await openSite(await siteOfFiles(files, options), 'sections');
  return closingOnFailure(volume, () => asSectionSource(volume, options.voxelSizeNm));
}

/** The same for labels. */
export async function openLabelsFromFiles(
  files: readonly File[],
  options: WebOpenOptions = {},
): Promise<LabelSource> {
  const volume = await openSite(await siteOfFiles(files, options), 'labels');
  return closingOnFailure(volume, () => asLabelSource(volume, options.voxelSizeNm));
}

/** Opens raw sections of a Zarr volume by URL (`https://.../volume.zarr`, `...zarr:/inner`). */
export async function openSectionsFromUrl(url: string, options: WebOpenOptions = {}): Promise<SectionSource> {
  const volume = await openSite(siteOfUrl(url, options), 'sections');
  return closingOnFailure(volume, () => asSectionSource(volume, options.voxelSizeNm));
}

/** The same for labels. */
export async function openLabelsFromUrl(url: string, options: WebOpenOptions = {}): Promise<LabelSource> {
  const volume = await openSite(siteOfUrl(url, options), 'labels');
  return closingOnFailure(volume, () => asLabelSource(volume, options.voxelSizeNm));
}

function siteOfUrl(url: string, options: WebOpenOptions): Site {
  const { location, dataset } = parseVolumeSpec(url);
  const zarrAt = (address: string) => ({ store: new FetchStore(address, { fetch: fetchWithRetries }) });
  return {
    location,
    dataset: options.dataset === undefined ? dataset : rooted(options.dataset),
    inflate: inflateStream,
    zarr: () => zarrAt(location),
    zarrAt,
  };
}

async function siteOfFiles(files: readonly File[], options: WebOpenOptions): Promise<Site> {
  if (files.length === 0)
    throw new KynError('not-found', 'no files', { hint: 'choose the sections of a stack' });
  const dataset = options.dataset === undefined ? undefined : rooted(options.dataset);
  const common = { dataset, inflate: inflateStream };
  const [first] = files;
  if (isZarrFileList(files)) {
    const { root, site } = fileListZarr(files);
    return { ...common, location: root, zarr: () => site };
  }
  if (files.length > 1) {
    // as on Node, a picked folder is its own files, not those of the folders in it
    const depthOf = ({ webkitRelativePath }: File) => (webkitRelativePath ?? '').split('/').length;
    const top = Math.min(...files.map(depthOf));
    const byName = new Map(files.filter((file) => depthOf(file) === top).map((file) => [file.name, file]));
    const location = first.webkitRelativePath?.split('/')[0] || `${files.length} files`;
    const open = async (name: string) => {
      const file = byName.get(name);
      if (!file) throw new KynError('not-found', 'there is no such file', { where: name });
      return blobBytes(file);
    };
    return { ...common, location, folder: { name: location, list: async () => [...byName.keys()], open } };
  }
  const file = blobBytes(first);
  return {
    ...common,
    location: first.name,
    file,
    magic: await file.read(0, 16),
    hdf5: () => hdf5InMemory(first),
  };
}

/** A file as bytes; only the parts that are asked for are read. */
function blobBytes(file: File): ByteSource {
  return {
    name: file.name,
    size: file.size,
    read: async (offset, length) => new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
    close: async () => {},
  };
}
