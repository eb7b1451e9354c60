/**
 * What Zarr attributes say about a volume: OME-Zarr multiscales (0.4 in `.zattrs`, 0.5 under `ome`), and the
 * `resolution` or `voxel_size` attributes (nm, zyx) of CREMI-like volumes.
 */
import type { Vec3 } from '@kyn/core';
import { nmPerUnit, tidyNm } from '../length-units.ts';

export interface Multiscales {
  readonly version: string;
  readonly axes: readonly { readonly name: string; readonly unit?: string }[];
  /** Path of level 0 below the group. */
  readonly path: string;
  /** Size of a level-0 pixel along each axis in its unit; empty where it is not given. */
  readonly scale: readonly number[];
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

/** The first multiscale image of a group, or undefined where it has none. */
export function parseMultiscales(attributes: Json): Multiscales | undefined {
  const ome = record(attributes.ome) ?? attributes;
  const image = record(list(ome.multiscales)[0]);
  const level = record(list(image?.datasets)[0]);
  if (!image || typeof level?.path !== 'string') return undefined;
  const axes = list(image.axes).map((axis) => {
    const entry = record(axis);
    const unit = entry?.unit;
    // Version 0.3 has plain names.
    const name = String(entry ? entry.name : axis).toLowerCase();
    return typeof unit === 'string' ? { name, unit } : { name };
  });
  const inner = scaleOf(level.coordinateTransformations);
  const outer = scaleOf(image.coordinateTransformations);
  return {
    version: String(ome.version ?? image.version ?? '0.4'),
    axes,
    path: level.path,
    scale: inner.map((size, axis) => size * (outer[axis] ?? 1)),
    labels: ome['image-label'] !== undefined,
  };
}

function scaleOf(transformations: unknown): number[] {
  for (const entry of list(transformations)) {
    const transformation = record(entry);
    if (transformation?.type === 'scale') return list(transformation.scale).map(Number);
  }
  return [];
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
  readonly notes: readonly string[];
}

/** Finds z, y and x by name; undefined where y or x is not among the names. */
export function spatialAxes(
  names: readonly string[],
  units: readonly (string | undefined)[],
  scale: readonly number[],
): SpatialAxes | undefined {
  const zyx: Vec3 = [names.indexOf('z'), names.indexOf('y'), names.indexOf('x')];
  if (zyx[1] < 0 || zyx[2] < 0) return undefined;
  if (scale.length === 0) return { zyx, voxelSizeNm: undefined, notes: [] };
  const sizes = zyx.map((axis) => {
    const unit = axis < 0 ? undefined : nmPerUnit(units[axis] ?? '');
    return unit !== undefined && scale[axis] > 0 ? tidyNm(scale[axis] * unit) : undefined;
  });
  const [z, y, x] = sizes;
  if (z !== undefined && y !== undefined && x !== undefined)
    return { zyx, voxelSizeNm: [z, y, x], notes: [] };
  const stated = zyx.map((axis) => (axis < 0 ? '?' : `${scale[axis]} ${units[axis] ?? '(no unit)'}`));
  return {
    zyx,
    voxelSizeNm: undefined,
    notes: [`voxel size ${stated.join(', ')} (zyx) is not in a known unit: not used`],
  };
}

/** `resolution` (CREMI) or `voxel_size` (funlib, daisy) in nm, zyx. */
export function attributeVoxelSize(attributes: Json): Vec3 | undefined {
  for (const key of ['resolution', 'voxel_size']) {
    const size = list(attributes[key]).slice(-3).map(Number);
    if (size.length !== 3 || !size.every((nm) => Number.isFinite(nm) && nm > 0)) continue;
    const factors = list(attributes.units)
      .slice(-3)
      .map((unit) => nmPerUnit(String(unit)) ?? 1);
    return [size[0] * (factors[0] ?? 1), size[1] * (factors[1] ?? 1), size[2] * (factors[2] ?? 1)];
  }
  return undefined;
}
