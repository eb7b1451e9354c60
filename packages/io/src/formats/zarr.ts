/** Zarr v2 and v3 arrays and OME-Zarr images, read through zarrita. */
import { KynError, type Vec3, type VolumeInfo } from '@kyn/core';
import type { DatasetDescription, Format, Site } from '../format.ts';
import { inParallel } from '../in-parallel.ts';
import {
  allocate,
  type DtypeName,
  isDtypeName,
  type PlaneVolume,
  type Purpose,
  type StoredData,
} from '../plane.ts';
import { SlabCache, squeezeToVolume } from '../slab-cache.ts';
import {
  attributeOrigin,
  attributeVoxelSize,
  furtherAttributes,
  parseMultiscales,
  type SpatialAxes,
  spatialAxes,
} from './zarr-metadata.ts';
import {
  chooseArray,
  compressionAt,
  inContainer,
  listArrays,
  nodeAt,
  wholeOnly,
  type ZarrArray,
  type ZarrChoice,
  zarrError,
} from './zarr-select.ts';

/** Chunks fetched and decoded at the same time. */
const parallelChunks = 8;

export const zarrFormat: Format = {
  name: 'Zarr',
  recognises: async (site) => site.zarr !== undefined && (await nodeAt(site, '')) !== undefined,
  async open(given, purpose) {
    const site = await inContainer(given);
    return openArray(site, await wholeOnly(site, await chooseArray(site, purpose)), purpose);
  },
  describe,
};

async function describe(given: Site): ReturnType<Format['describe']> {
  const site = await inContainer(given);
  const notes: string[] = [];
  const datasets: DatasetDescription[] = [];
  const root = await nodeAt(site, '');
  if (!root)
    throw new KynError('not-found', 'no Zarr volume there', { where: site.location, hint: 'check the path' });
  const multiscales = root.kind === 'group' ? parseMultiscales(root.attrs) : undefined;
  const arrays = site === given ? await listArrays(site) : [];
  if (arrays.length === 0) {
    const choice = await chooseArray(site, 'sections');
    arrays.push({ path: choice.path, array: choice.array });
    if (site === given) notes.push('the server cannot list what is there: only this array is shown');
  }
  for (const { path, array } of arrays) {
    const choice = await chooseArray({ ...site, dataset: path }, 'sections');
    datasets.push({
      path,
      shape: array.shape,
      dtype: array.dtype,
      ...placement(choice, axesOf(choice)),
      chunks: array.chunks,
      compression: await compressionAt(site, path),
      attributes: [...new Set([choice.groupAttributes, array.attrs].flatMap(furtherAttributes))],
    });
  }
  const format = multiscales ? `OME-Zarr ${multiscales.version}` : 'Zarr';
  return { location: site.location, format, datasets, notes };
}

/** Axes from OME metadata, else from Zarr v3's dimension names. */
function axesOf(choice: ZarrChoice): SpatialAxes | undefined {
  const { array, multiscales } = choice;
  if (multiscales && multiscales.axes.length === array.shape.length) {
    const names = multiscales.axes.map((axis) => axis.name);
    return spatialAxes(
      names,
      multiscales.axes.map((axis) => axis.unit),
      multiscales.scale,
      multiscales.translation,
    );
  }
  const names = array.dimensionNames?.map((name) => String(name).toLowerCase());
  return names && spatialAxes(names, [], [], []);
}

/** Voxel size and origin by the axes, else by attributes of the array or of the group around it. */
function placement({ array, groupAttributes }: ZarrChoice, axes: SpatialAxes | undefined) {
  const { attrs } = array;
  return {
    voxelSizeNm: axes?.voxelSizeNm ?? attributeVoxelSize(attrs) ?? attributeVoxelSize(groupAttributes),
    originNm: axes?.originNm ?? attributeOrigin(attrs) ?? attributeOrigin(groupAttributes),
  };
}

interface Geometry {
  readonly shape: Vec3;
  /** Axis of z (-1: there is none), y and x in the array. */
  readonly zyx: Vec3;
  readonly notes: readonly string[];
}

function geometry(choice: ZarrChoice, axes: SpatialAxes | undefined, where: string): Geometry {
  const extents = choice.array.shape;
  if (!axes) {
    const { shape, leading } = squeezeToVolume(extents, where);
    return { shape, zyx: [leading, leading + 1, leading + 2], notes: [] };
  }
  const names = choice.multiscales?.axes.map((axis) => axis.name) ?? choice.array.dimensionNames ?? [];
  const notes = [...axes.notes];
  extents.forEach((extent, axis) => {
    if (!axes.zyx.includes(axis) && extent > 1)
      notes.push(`the first of ${extent} along axis ${names[axis]} taken`);
  });
  const [z, y, x] = axes.zyx;
  return { shape: [z < 0 ? 1 : extents[z], extents[y], extents[x]], zyx: axes.zyx, notes };
}

function openArray(site: Site, choice: ZarrChoice, purpose: Purpose): PlaneVolume {
  const { array, multiscales, path } = choice;
  const where = `${site.location}${path === '' ? '' : `:${path}`}`;
  const dtype: string = array.dtype === 'bool' ? 'uint8' : array.dtype;
  if (!isDtypeName(dtype)) {
    throw new KynError('format', `pixels of type ${array.dtype} cannot be read`, {
      where,
      hint: 'convert it to integers or 32-bit floats',
    });
  }
  const axes = axesOf(choice);
  const { shape, zyx, notes } = geometry(choice, axes, where);
  if (shape.some((extent) => extent < 1)) {
    throw new KynError('shape', `the volume is empty (${array.shape.join('×')})`, {
      where,
      hint: 'check the path',
    });
  }
  const info: VolumeInfo = {
    shape,
    ...placement(choice, axes),
    dtype,
    format: multiscales ? `OME-Zarr ${multiscales.version}` : 'Zarr',
    location: where,
    notes: [...choice.notes, ...notes, ...incompleteNote(choice, purpose)],
  };
  const reader = new ChunkReader(array, dtype, shape, zyx, where);
  const depth = zyx[0] < 0 ? 1 : array.chunks[zyx[0]];
  const cache = new SlabCache(shape, dtype, depth, (start, stop) => reader.slab(start, stop));
  return {
    info,
    readPlane: (z) => cache.plane(z),
    close: async () => cache.clear(),
  };
}

/** A volume that our own writer has not finished says so. */
function incompleteNote(choice: ZarrChoice, purpose: Purpose): string[] {
  const mark = choice.groupAttributes.kyn as { complete?: unknown } | undefined;
  return mark?.complete === false
    ? [`this ${purpose === 'labels' ? 'label ' : ''}volume is not complete: its run did not finish`]
    : [];
}

/** Assembles slabs of sections from chunks, whatever the order of the axes. */
class ChunkReader {
  private readonly array: ZarrArray;
  private readonly dtype: DtypeName;
  private readonly shape: Vec3;
  private readonly zyx: Vec3;
  private readonly where: string;

  constructor(array: ZarrArray, dtype: DtypeName, shape: Vec3, zyx: Vec3, where: string) {
    this.array = array;
    this.dtype = dtype;
    this.shape = shape;
    this.zyx = zyx;
    this.where = where;
  }

  async slab(start: number, stop: number): Promise<StoredData> {
    const [, height, width] = this.shape;
    const out = allocate(this.dtype, (stop - start) * height * width);
    const chunk = this.chunkShape();
    const jobs: Vec3[] = [];
    for (let z = Math.floor(start / chunk[0]); z * chunk[0] < stop; z++) {
      for (let y = 0; y * chunk[1] < height; y++) {
        for (let x = 0; x * chunk[2] < width; x++) jobs.push([z, y, x]);
      }
    }
    await inParallel(parallelChunks, jobs, (job) => this.place(job, chunk, start, stop, out));
    return out;
  }

  private chunkShape(): Vec3 {
    const [z, y, x] = this.zyx;
    const { chunks } = this.array;
    return [z < 0 ? 1 : chunks[z], chunks[y], chunks[x]];
  }

  /** Decodes a chunk and copies what lies in the slab. */
  private async place(at: Vec3, chunk: Vec3, start: number, stop: number, out: StoredData): Promise<void> {
    const coordinates = new Array<number>(this.array.shape.length).fill(0);
    this.zyx.forEach((axis, i) => {
      if (axis >= 0) coordinates[axis] = at[i];
    });
    const { data, stride } = await this.decode(coordinates);
    const [, height, width] = this.shape;
    const [dz, dy, dx] = this.zyx.map((axis) => (axis < 0 ? 0 : stride[axis]));
    const columns = Math.min(chunk[2], width - at[2] * chunk[2]);
    for (let z = Math.max(start, at[0] * chunk[0]); z < Math.min(stop, (at[0] + 1) * chunk[0]); z++) {
      for (let y = at[1] * chunk[1]; y < Math.min(height, (at[1] + 1) * chunk[1]); y++) {
        const from = (z - at[0] * chunk[0]) * dz + (y - at[1] * chunk[1]) * dy;
        const to = ((z - start) * height + y) * width + at[2] * chunk[2];
        if (dx === 1) {
          // Same dtype on both sides; the union of typed arrays has no common `set`.
          (out as Uint8Array).set(data.subarray(from, from + columns) as Uint8Array, to);
        } else {
          for (let x = 0; x < columns; x++) out[to + x] = data[from + x * dx];
        }
      }
    }
  }

  private async decode(coordinates: number[]): Promise<{ data: StoredData; stride: number[] }> {
    const where = `${this.where}, chunk ${coordinates.join('/')}`;
    const chunk = await this.array.getChunk(coordinates).catch((error: unknown) => {
      throw error instanceof RangeError ? truncated(where, error) : zarrError(error, where);
    });
    const data = chunk.data as unknown as
      | StoredData
      | { buffer: ArrayBuffer; byteOffset: number; length: number };
    const values = ArrayBuffer.isView(data)
      ? data
      : new Uint8Array(data.buffer, data.byteOffset, data.length);
    if (values.length < chunk.shape.reduce((product, extent) => product * extent, 1)) throw truncated(where);
    return { data: values, stride: chunk.stride };
  }
}

function truncated(where: string, cause?: unknown): KynError {
  return new KynError('format', 'a chunk is cut short', { where, hint: 'copy the volume again', cause });
}
