/**
 * What Zarr attributes say about a volume: OME-Zarr multiscales (0.4 in `.zattrs`, 0.5 under `ome`), and the
 * `resolution` or `voxel_size` and `offset` attributes (nm, zyx) of CREMI-like volumes.
 */
import type { Vec3 } from '@kyn/core';
import { nmPerUnit } from '../length-units.ts';

export interface Multiscales {
  readonly version: string;
  readonly axes: readonly { readonly name: string; readonly unit?: string }[];
  /** Path of the level below the group. */
  readonly path: string;
  /** Size of a pixel of the level along each axis in its unit; empty where it is not given. */
  readonly scale: readonly number[];
  /** Position of the first pixel of the level in the same units; empty where it is not given. */
  readonly translation: readonly number[];
  /** True for a label image. */
  readonly labels: boolean;
}

type Json = Readonly<Record<string, unknown>>;

function record(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * The first multiscale image of a group, or undefined where it has none.
 * @param path of the level, below the group; level 0 where it is left out
 */
export function parseMultiscales(attributes: Json, path?: string): Multiscales | undefined {
  const ome = record(attributes.ome) ?? attributes;
  const image = record(list(ome.multiscales)[0]);
  const level = list(image?.datasets)
    .map(record)
    .find((entry) => path === undefined || entry?.path === path);
  if (!image || typeof level?.path !== 'string') return undefined;
  const axes = list(image.axes).map((axis) => {
    const entry = record(axis);
    const unit = entry?.unit;
    // Version 0.3 has plain names.
    const name = String(entry ? entry.name : axis).toLowerCase();
    return typeof unit === 'string' ? { name, unit } : { name };
  });
  const inner = transformation(level.coordinateTransformations);
  const outer = transformation(image.coordinateTransformations);
  const { scale } = inner;
  const moved = inner.translation.length > 0 || outer.translation.length > 0;
  return {
    version: String(ome.version ?? image.version ?? '0.4'),
    axes,
    path: level.path,
    scale: scale.map((size, axis) => size * (outer.scale[axis] ?? 1)),
    translation: (moved ? axes : []).map(
      (_, axis) => (inner.translation[axis] ?? 0) * (outer.scale[axis] ?? 1) + (outer.translation[axis] ?? 0),
    ),
    labels: ome['image-label'] !== undefined,
  };
}

/** The scale, and the translation that follows it; empty where there is none. */
function transformation(entries: unknown): { scale: number[]; translation: number[] } {
  const numbers = (type: string) => {
    const found = list(entries)
      .map(record)
      .find((entry) => entry?.type === type);
    return list(found?.[type]).map(Number);
  };
  return { scale: numbers('scale'), translation: numbers('translation') };
}

/** Names of the label images of an OME-Zarr `labels` group. */
export function labelNames(attributes: Json): string[] {
  return list((record(attributes.ome) ?? attributes).labels).map(String);
}

/** True for the container that bioformats2raw writes around images `0`, `1`, ... */
export function isBioformatsContainer(attributes: Json): boolean {
  return (record(attributes.ome) ?? attributes)['bioformats2raw.layout'] !== undefined;
}

export interface SpatialAxes {
  /** Axis number of z (-1 for a single section), y and x. */
  readonly zyx: Vec3;
  readonly voxelSizeNm: Vec3 | undefined;
  readonly originNm: Vec3 | undefined;
  readonly notes: readonly string[];
}

/** Finds z, y and x by name; undefined where y or x is not among the names. */
export function spatialAxes(
  names: readonly string[],
  units: readonly (string | undefined)[],
  scale: readonly number[],
  translation: readonly number[],
): SpatialAxes | undefined {
  const zyx: Vec3 = [names.indexOf('z'), names.indexOf('y'), names.indexOf('x')];
  if (zyx[1] < 0 || zyx[2] < 0) return undefined;
  if (scale.length === 0) return { zyx, voxelSizeNm: undefined, originNm: undefined, notes: [] };
  const inNm = (values: readonly number[], digits: number) =>
    asVec3(
      zyx.map((axis) => {
        const unit = axis < 0 ? undefined : nmPerUnit(units[axis] ?? '');
        return unit === undefined ? Number.NaN : Number((values[axis] * unit).toPrecision(digits));
      }),
    );
  const size = inNm(scale, 7);
  if (size?.every((nm) => nm > 0)) {
    return { zyx, voxelSizeNm: size, originNm: inNm(translation, 12), notes: [] };
  }
  const stated = zyx.map((axis) => (axis < 0 ? '?' : `${scale[axis]} ${units[axis] ?? '(no unit)'}`));
  return {
    zyx,
    voxelSizeNm: undefined,
    originNm: undefined,
    notes: [`voxel size ${stated.join(', ')} (zyx) is not in a known unit: not used`],
  };
}

/** Three finite numbers, else undefined. */
function asVec3(values: readonly number[]): Vec3 | undefined {
  const [z, y, x] = values;
  return values.length === 3 && values.every(Number.isFinite) ? [z, y, x] : undefined;
}

/** `resolution` (CREMI) or `voxel_size` (funlib, daisy) in nm, zyx. */
export function attributeVoxelSize(attributes: Json): Vec3 | undefined {
  return (['resolution', 'voxel_size'] as const)
    .map((key) => attributeNm(attributes, key))
    .find((size) => size?.every((nm) => nm > 0));
}

/** Position of the first voxel in nm, zyx: `offset` (CREMI, funlib) or `origin`. */
export function attributeOrigin(attributes: Json): Vec3 | undefined {
  return attributeNm(attributes, 'offset') ?? attributeNm(attributes, 'origin');
}

/** What is used of the attributes, and what only says how the file is made. */
const USED_ATTRIBUTES: ReadonlySet<string> = new Set([
  ...['ome', 'version', 'multiscales', 'image-label', 'labels', 'bioformats2raw.layout', 'kyn'],
  ...['resolution', 'voxel_size', 'units', 'offset', 'origin', '_ARRAY_DIMENSIONS'],
]);

/** Names of the attributes that no volume here has a place for. */
export function furtherAttributes(attributes: Json): string[] {
  const names = [...Object.keys(attributes), ...Object.keys(record(attributes.ome) ?? {})];
  return names.filter((name) => !USED_ATTRIBUTES.has(name));
}

/** The last three numbers of an attribute, in nm where `units` does not say otherwise. */
function attributeNm(attributes: Json, key: string): Vec3 | undefined {
  const factors = list(attributes.units)
    .slice(-3)
    .map((unit) => nmPerUnit(String(unit)) ?? 1);
  const values = list(attributes[key]).slice(-3).map(Number);
  return asVec3(values.map((value, axis) => value * (factors[axis] ?? 1)));
}
