/**
 * HDF5 volumes in CREMI layout (Funke et al., cremi.org): datasets with `resolution` and `offset` attributes in
 * nm, zyx. Reads go to the disk slab by slab; nothing else of the file is held. What is stored in a plain way is
 * read in script (`hdf5-plain.ts`), which spares the start of a large library; h5wasm reads everything else, and
 * says what is wrong with a file that cannot be read.
 */
import { KynError, type VolumeInfo } from '@kyn/core';
import type { Dataset, File, Filter, Metadata } from 'h5wasm';
import type { DatasetDescription, Format, Hdf5Site, Site } from '../format.ts';
import { allocate, type DtypeName, type PlaneVolume, type Purpose, type StoredData } from '../plane.ts';
import { SlabCache, squeezeToVolume } from '../slab-cache.ts';
import { defaultDatasets, NONE_FITS, onlyVolumeIn, volumesIn } from './default-dataset.ts';
import { hdf5Placement, openPlainVolume, PLACEMENT_ATTRIBUTES } from './hdf5-plain.ts';

const magic = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Most bytes that one read takes through the library's memory, which never shrinks. */
const readBytes = 32 * 2 ** 20;

export const hdf5Format: Format = {
  name: 'HDF5',
  recognises: async (site) => site.hdf5 !== undefined && (await hasSignature(site)),
  async open(site, purpose) {
    const plain = await openPlainVolume(site, site.dataset ?? defaultDatasets[purpose]);
    if (plain) return plain;
    const opened = await openFile(site);
    try {
      return await openDataset(opened, site, purpose);
    } catch (error) {
      await opened.close();
      throw error;
    }
  },
  async describe(site) {
    const opened = await openFile(site);
    try {
      const listed = await attempt(site.location, () => list(opened));
      const datasets = listed.map(({ dataset: _, ...description }) => description);
      return { location: site.location, format: 'HDF5', datasets, notes: [] };
    } finally {
      await opened.close();
    }
  },
};

/** Bytes of a user block, where there is one: a power of two (HDF5 specification, II.A; MATLAB writes 512). */
const userBlocks = Array.from({ length: 12 }, (_, i) => 512 * 2 ** i);

async function hasSignature({ magic: start, file }: Site): Promise<boolean> {
  const isMagic = (bytes: Uint8Array | undefined) => magic.every((byte, i) => bytes?.[i] === byte);
  if (isMagic(start)) return true;
  for (const at of userBlocks) {
    if (!file || at + magic.length > file.size) return false;
    if (isMagic(await file.read(at, magic.length))) return true;
  }
  return false;
}

interface OpenFile {
  readonly file: File;
  readonly library: Hdf5Site['library'];
  close(): Promise<void>;
}

async function openFile(site: Site): Promise<OpenFile> {
  if (!site.hdf5) throw new KynError('format', 'HDF5 can only be read from files', { where: site.location });
  const { library, filename, close } = await site.hdf5();
  (await library.ready).activate_throwing_error_handler(); // else it prints to stderr and goes on
  const file = await attempt(site.location, () => new library.File(filename, 'r')).catch(async (error) => {
    await close();
    throw error;
  });
  return {
    file,
    library,
    async close() {
      file.close();
      await close();
    },
  };
}

/** Runs a library call; its failures mean a damaged file. */
async function attempt<T>(where: string, call: () => T): Promise<T> {
  try {
    return call();
  } catch (cause) {
    throw new KynError('format', 'the HDF5 file is damaged or cut short', {
      where,
      hint: 'copy it again',
      cause,
    });
  }
}

function dtypeOf(metadata: Metadata): DtypeName | undefined {
  if (metadata.vlen || metadata.array_type || metadata.compound_type) return undefined;
  const bits = metadata.size * 8;
  // HDF5 type classes: 0 integer, 1 float, 8 enumeration (h5py's bool).
  if (metadata.type === 1) return bits === 32 ? 'float32' : bits === 64 ? 'float64' : undefined;
  if (metadata.type !== 0 && metadata.type !== 8) return undefined;
  const name = `${metadata.signed && metadata.type === 0 ? 'int' : 'uint'}${bits}`;
  return ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64'].includes(name)
    ? (name as DtypeName)
    : undefined;
}

/** Filters with higher numbers are plug-ins of others (The HDF Group, "Registered Filter Plugins"). */
const lastOwnFilter = 6;

/** `zstd` of "HDF5 zstd filter; see https://..." */
function filterName({ id, name }: Filter): string {
  return name.replace(/;.*/, '').replace(/^HDF5 | filter$/g, '') || `filter ${id}`;
}

function checkFilters(filters: readonly Filter[], where: string): void {
  const foreign = filters.find(({ id }) => id > lastOwnFilter);
  if (!foreign) return;
  throw new KynError(
    'format',
    `compressed with ${filterName(foreign)} (HDF5 filter ${foreign.id}), which cannot be read`,
    {
      where,
      hint: 'compress it with gzip, as by h5repack -f GZIP=1 IN OUT',
    },
  );
}

const placing: ReadonlySet<string> = new Set(PLACEMENT_ATTRIBUTES);

interface Listed extends DatasetDescription {
  readonly dataset: Dataset;
}

function list({ file, library }: OpenFile): Listed[] {
  const found: Listed[] = [];
  for (const path of file.paths()) {
    const entity = file.get(path);
    if (!(entity instanceof library.Dataset) || !entity.shape) continue;
    const { metadata, shape } = entity;
    found.push({
      path: path.startsWith('/') ? path : `/${path}`,
      shape,
      dtype: dtypeOf(metadata) ?? 'other',
      ...placement(entity),
      chunks: metadata.chunks ?? undefined,
      attributes: Object.keys(entity.attrs).filter((name) => !placing.has(name)),
      compression: entity.filters.map(filterName).join(' ') || undefined,
      dataset: entity,
    });
  }
  return found;
}

function placement(dataset: Dataset): ReturnType<typeof hdf5Placement> {
  const attributes: Record<string, number[]> = {};
  for (const name of PLACEMENT_ATTRIBUTES) {
    const value = dataset.attrs[name]?.value;
    if (value !== undefined && value !== null && typeof value === 'object') {
      attributes[name] = Array.from(value as ArrayLike<number | bigint>, Number);
    }
  }
  return hdf5Placement(attributes);
}

async function openDataset(opened: OpenFile, site: Site, purpose: Purpose): Promise<PlaneVolume> {
  const { dataset, path, notes } = await choose(opened, site, purpose);
  const where = `${site.location}:${path}`;
  const metadata = await attempt(where, () => dataset.metadata);
  const dtype = dtypeOf(metadata);
  if (!dtype || !metadata.shape) {
    throw new KynError('format', 'its values are no integers or floats that can be read', {
      where,
      hint: 'give another dataset',
    });
  }
  checkFilters(await attempt(where, () => dataset.filters), where);
  const { shape, leading } = squeezeToVolume(metadata.shape, where);
  const chunks = metadata.chunks ?? undefined;
  const depth = chunks && metadata.shape.length > 2 ? chunks[leading] : 1;
  const info: VolumeInfo = {
    shape,
    ...(await attempt(where, () => placement(dataset))),
    dtype,
    format: 'HDF5',
    location: where,
    notes,
  };
  const chunkRows = chunks ? chunks[chunks.length - 2] : 1;
  const ranges = (start: number, stop: number, top: number, bottom: number): [number, number][] => [
    ...Array.from({ length: Math.max(0, leading) }, (): [number, number] => [0, 1]),
    ...(metadata.shape && metadata.shape.length > 2 ? [[start, stop] as [number, number]] : []),
    [top, bottom],
    [0, shape[2]],
  ];
  const cache = new SlabCache(shape, dtype, depth, async (start, stop) => {
    const [, height, width] = shape;
    const out = allocate(dtype, (stop - start) * height * width);
    const fitting = Math.floor(readBytes / ((stop - start) * width * metadata.size));
    const rows = Math.max(chunkRows, Math.floor(fitting / chunkRows) * chunkRows);
    for (let top = 0; top < height; top += rows) {
      const bottom = Math.min(top + rows, height);
      const part = await attempt(`${where}, sections ${start} to ${stop - 1}`, () =>
        dataset.slice(ranges(start, stop, top, bottom)),
      );
      place(part as unknown as StoredData, out, stop - start, top, bottom, height, width);
    }
    return out;
  });
  return {
    info,
    readPlane: (z) => cache.plane(z),
    async close() {
      cache.clear();
      await opened.close();
    },
  };
}

function place(
  part: StoredData,
  out: StoredData,
  depth: number,
  top: number,
  bottom: number,
  height: number,
  width: number,
): void {
  const size = (bottom - top) * width;
  for (let z = 0; z < depth; z++) {
    const from = part.subarray(z * size, (z + 1) * size);
    // Same dtype on both sides; the union of typed arrays has no common `set`.
    (out as Uint8Array).set(from as Uint8Array, (z * height + top) * width);
  }
}

/** The entity at a path, undefined where there is none. */
function entityAt({ file }: OpenFile, path: string) {
  try {
    return file.get(path);
  } catch {
    return undefined; // the library throws for paths that are not there
  }
}

interface Choice {
  readonly dataset: Dataset;
  readonly path: string;
  readonly notes: readonly string[];
}

/** The dataset that is named, or where CREMI has it, or the only one that fits. */
async function choose(opened: OpenFile, site: Site, purpose: Purpose): Promise<Choice> {
  const path = site.dataset ?? defaultDatasets[purpose];
  const entity = entityAt(opened, path);
  if (entity instanceof opened.library.Dataset) return { dataset: entity, path, notes: [] };
  const all = await attempt(site.location, () => list(opened));
  const only = site.dataset === undefined ? onlyVolumeIn(all, purpose) : undefined;
  if (only) return { ...only, notes: [`the only volume in it taken: ${only.path}`] };
  const fitting = volumesIn(all, purpose)[0]?.path;
  const listed = all
    .filter((entry) => entry.shape.length >= 2)
    .map((entry) => `${entry.path} (${entry.shape.join('×')} ${entry.dtype})`);
  const has = listed.length > 0 ? `it has ${listed.slice(0, 8).join(', ')}` : 'it has no image datasets';
  throw new KynError('not-found', `no dataset ${path}; ${has}`, {
    where: site.location,
    hint: fitting === undefined ? NONE_FITS[purpose] : `name one: ${site.location}:${fitting}`,
  });
}
