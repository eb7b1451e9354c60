/** Finds the array that a user means inside a Zarr hierarchy. */
import { isKynError, KynError } from '@kyn/core';
import * as zarr from 'zarrita';
import './zarr-codecs.ts';
import type { Site } from '../format.ts';
import type { Purpose } from '../plane.ts';
import { defaultDatasets, NONE_FITS, onlyVolumeIn, volumesIn } from './default-dataset.ts';
import { isBioformatsContainer, labelNames, type Multiscales, parseMultiscales } from './zarr-metadata.ts';

export type ZarrArray = zarr.Array<zarr.DataType, zarr.Readable>;
type ZarrNode = ZarrArray | zarr.Group<zarr.Readable>;

export interface ZarrChoice {
  readonly array: ZarrArray;
  /** Path of the array in the container, `/0`. */
  readonly path: string;
  readonly multiscales: Multiscales | undefined;
  /** Attributes of the group around the array. */
  readonly groupAttributes: zarr.Attributes;
  readonly notes: readonly string[];
}

/** The node at a path, or undefined where there is none. */
export async function nodeAt(site: Site, path: string): Promise<ZarrNode | undefined> {
  const store = site.zarr?.().store;
  if (!store) return undefined;
  try {
    return await zarr.open(zarr.root(store).resolve(path.replace(/^\/+/, '')));
  } catch (error) {
    if (zarr.isZarritaError(error, 'NotFoundError')) return undefined;
    if (isKynError(error)) throw error;
    // The reader takes metadata at their word, so whatever else goes wrong is in them.
    throw unreadableMetadata(error, `${site.location}${path === '' ? '' : `:${path}`}`);
  }
}

/** The array for a purpose: the one named, level 0 of the image named, or the container's only volume. */
export async function chooseArray(site: Site, purpose: Purpose): Promise<ZarrChoice> {
  const asked = (site.dataset ?? '').replace(/\/+$/, '');
  const node = await nodeAt(site, asked);
  if (!node) {
    const listed = asked === '' ? '' : listing(await listArrays(site));
    throw new KynError('not-found', asked === '' ? 'no Zarr volume there' : `no ${asked} in it${listed}`, {
      where: site.location,
      hint: 'check the path',
    });
  }
  if (node.kind === 'array') return named(site, node, asked);
  const found =
    (await fromImage(site, node, asked, purpose)) ??
    (await fromDefaults(site, asked, purpose)) ??
    (await onlyVolume(site, asked, purpose));
  if (found) return found;
  const arrays = await listArrays(site);
  const fitting = arrays.length > 0 ? volumesIn(described(arrays), purpose)[0]?.path : '/path';
  throw new KynError('not-found', `no one volume to take${listing(arrays)}`, {
    where: site.location,
    hint: fitting === undefined ? NONE_FITS[purpose] : `name one: ${site.location}:${fitting}`,
  });
}

/** An array that was named by itself: the groups around it may still know its axes. */
async function named(site: Site, array: ZarrArray, path: string): Promise<ZarrChoice> {
  let nearest: zarr.Attributes | undefined;
  for (let end = path.lastIndexOf('/'); end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {
    const attributes = (await nodeAt(site, path.slice(0, end)))?.attrs ?? {};
    nearest ??= attributes;
    const multiscales = parseMultiscales(attributes, path.slice(end + 1));
    if (multiscales) return { array, path, multiscales, groupAttributes: attributes, notes: [] };
  }
  return { array, path, multiscales: undefined, groupAttributes: nearest ?? {}, notes: [] };
}

/**
 * A site that is an array inside a container (`image.zarr/s1`), as that array of the container, whose metadata know its axes and
 * its size; any other site as it is.
 */
export async function inContainer(site: Site): Promise<Site> {
  const { zarrAt } = site;
  if (!zarrAt || site.dataset !== undefined || (await nodeAt(site, ''))?.kind !== 'array') return site;
  const whole = site.location.replace(/[\\/]+$/, '');
  const at = (location: string): Site => ({ ...site, location, zarr: () => zarrAt(location) });
  const isGroup = async (location: string): Promise<boolean> =>
    (await nodeAt(at(location), '').catch(() => undefined))?.kind === 'group';
  let container: string | undefined;
  for (let above = parentOf(whole); above !== undefined && (await isGroup(above)); above = parentOf(above)) {
    container = above;
  }
  if (container === undefined) return site;
  const inside = whole.slice(container.length).replaceAll('\\', '/');
  return { ...at(container), dataset: inside.replace(/\/(\.?\/)+/g, '/') };
}

/** The folder that a path or URL lies in; undefined for the topmost that it names. */
function parentOf(location: string): string | undefined {
  const parent = location.replace(/[\\/]+[^\\/]+$/, '');
  return parent === location || parent === '' || /^[a-z]+:$/i.test(parent) ? undefined : parent;
}

/**
 * A volume that our own writer has finished has all its chunks, so one that is not there is lost; in others it is a
 * chunk of nothing but the fill value.
 */
export async function wholeOnly(site: Site, choice: ZarrChoice): Promise<ZarrChoice> {
  const mark = choice.groupAttributes.kyn as { complete?: unknown } | undefined;
  const store = site.zarr?.().store;
  if (mark?.complete !== true || !store) return choice;
  const strict: zarr.AsyncReadable = {
    async get(key, options) {
      const bytes = await store.get(key, options);
      if (bytes || !key.startsWith(`${choice.path}/c/`)) return bytes;
      throw new KynError('format', 'a chunk of the volume is lost', {
        where: `${site.location}${key}`,
        hint: 'make the volume again, or copy it again',
      });
    },
  };
  const array = await zarr.open(zarr.root(strict).resolve(choice.path.replace(/^\/+/, '')), {
    kind: 'array',
  });
  return { ...choice, array };
}

/** Names of what compresses the chunks of an array, as its metadata have them; undefined where nothing does. */
export async function compressionAt(site: Site, path: string): Promise<string | undefined> {
  const store = site.zarr?.().store;
  const metadata = async (name: string) => {
    const bytes = await store?.get(`${path}/${name}` as zarr.AbsolutePath);
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  };
  const names = compressors(await metadata('zarr.json')) ?? compressors(await metadata('.zarray'));
  return names?.join(' ') || undefined;
}

type Codec = {
  readonly name?: string;
  readonly id?: string;
  readonly configuration?: { codecs?: readonly Codec[] };
};

/** Codecs of Zarr v3 that compress nothing; shards are looked into. */
const arranging = new Set(['bytes', 'transpose', 'crc32c', 'sharding_indexed']);

function compressors(
  metadata: { codecs?: readonly Codec[]; compressor?: Codec | null } | undefined,
): string[] | undefined {
  if (metadata?.codecs) {
    const all = metadata.codecs.flatMap((codec) => [codec, ...(codec.configuration?.codecs ?? [])]);
    return all.flatMap(({ name }) => (name === undefined || arranging.has(name) ? [] : [name]));
  }
  const { id } = metadata?.compressor ?? {};
  return id === undefined ? undefined : [id];
}

async function fromImage(
  site: Site,
  group: zarr.Group<zarr.Readable>,
  path: string,
  purpose: Purpose,
): Promise<ZarrChoice | undefined> {
  if (isBioformatsContainer(group.attrs)) {
    const image = await nodeAt(site, `${path}/0`);
    return image?.kind === 'group' ? fromImage(site, image, `${path}/0`, purpose) : undefined;
  }
  const multiscales = parseMultiscales(group.attrs);
  if (!multiscales) return undefined;
  if (purpose === 'labels' && !multiscales.labels) {
    const inner = await labelImage(site, path);
    if (inner) return inner;
  }
  const level = `${path}/${multiscales.path}`;
  const array = await nodeAt(site, level);
  if (array?.kind !== 'array') {
    throw new KynError('format', `the image says its level 0 is ${level}, but there is no array`, {
      where: site.location,
      hint: 'copy it again',
    });
  }
  return { array, path: level, multiscales, groupAttributes: group.attrs, notes: [] };
}

/** The one label image that lies inside an image, where labels are asked for. */
async function labelImage(site: Site, path: string): Promise<ZarrChoice | undefined> {
  const group = await nodeAt(site, `${path}/labels`);
  const names = group ? labelNames(group.attrs) : [];
  if (names.length === 0) return undefined;
  const inner = `${path}/labels/${names[0]}`;
  if (names.length > 1) {
    throw new KynError('not-found', `several label images: ${names.join(', ')}`, {
      where: site.location,
      hint: `name one: ${site.location}:${inner}`,
    });
  }
  const image = await nodeAt(site, inner);
  const choice = image?.kind === 'group' ? await fromImage(site, image, inner, 'sections') : undefined;
  return choice && { ...choice, notes: [...choice.notes, `labels taken from ${inner}`] };
}

async function fromDefaults(site: Site, path: string, purpose: Purpose): Promise<ZarrChoice | undefined> {
  const inner = `${path}${defaultDatasets[purpose]}`;
  const array = await nodeAt(site, inner);
  return array?.kind === 'array' ? named(site, array, inner) : undefined;
}

async function onlyVolume(site: Site, path: string, purpose: Purpose): Promise<ZarrChoice | undefined> {
  const arrays = (await listArrays(site)).filter(
    (entry) => entry.path === path || entry.path.startsWith(`${path}/`),
  );
  const volume = onlyVolumeIn(described(arrays), purpose);
  const only = arrays.find((entry) => entry.path === volume?.path);
  if (!only) return undefined;
  const choice = await named(site, only.array, only.path);
  return { ...choice, notes: [`the only volume in it taken: ${only.path}`] };
}

interface ListedArray {
  readonly path: string;
  readonly array: ZarrArray;
}

const described = (arrays: readonly ListedArray[]) =>
  arrays.map(({ path, array: { shape, dtype } }) => ({ path, shape, dtype }));

/** All arrays below the root, where the store can be listed. */
export async function listArrays(site: Site): Promise<ListedArray[]> {
  const paths = (await site.zarr?.().listNodes?.()) ?? (await consolidatedNodes(site));
  const arrays: ListedArray[] = [];
  for (const path of paths) {
    const node = await nodeAt(site, path);
    if (node?.kind === 'array') arrays.push({ path: path === '' ? '' : `/${path}`, array: node });
  }
  return arrays;
}

/** Paths from consolidated metadata: all that a web server can tell. */
async function consolidatedNodes(site: Site): Promise<string[]> {
  const store = site.zarr?.().store;
  if (!store) return [];
  const listable = await zarr.withMaybeConsolidatedMetadata(store);
  return 'contents' in listable ? listable.contents().map(({ path }) => path.replace(/^\/+/, '')) : [];
}

function listing(arrays: readonly ListedArray[]): string {
  if (arrays.length === 0) return '';
  const entries = arrays.map(({ path, array }) => `${path || '/'} (${array.shape.join('×')} ${array.dtype})`);
  const shown = entries.slice(0, 8).join(', ');
  return `; it has ${shown}${entries.length > 8 ? ` and ${entries.length - 8} more` : ''}`;
}

/** A failure of the Zarr reader, for people. */
export function zarrError(error: unknown, where: string): unknown {
  if (zarr.isZarritaError(error, 'UnknownCodecError')) {
    return new KynError('format', `compressed with ${error.codec}, which cannot be read`, {
      where,
      hint: 'use gzip, zstd, lz4 or blosc',
      cause: error,
    });
  }
  if (zarr.isZarritaError(error, 'CodecPipelineError')) {
    return new KynError('format', `a chunk is damaged: ${error.codec ?? 'its codec'} cannot decode it`, {
      where,
      hint: 'copy the volume again',
      cause: error,
    });
  }
  return zarr.isZarritaError(error) ? unreadableMetadata(error, where) : error;
}

function unreadableMetadata(cause: unknown, where: string): KynError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new KynError('format', `its Zarr metadata cannot be read (${reason})`, {
    where,
    hint: 'copy the volume again',
    cause,
  });
}
