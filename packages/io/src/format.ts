/**
 * A format is one object: it says whether a site (a file, folder or URL) is its own, lists the datasets
 * inside, and opens one as planes. How bytes are reached (Node files, browser files, fetch) is the site's
 * business, so decoding is shared by all runtimes.
 */
import type { Vec3 } from '@kyn/core';
import type { AsyncReadable } from 'zarrita';
import type { ByteSource, Folder } from './byte-source.ts';
import type { Inflate } from './inflate.ts';
import type { PlaneVolume, Purpose } from './plane.ts';

/** One dataset inside a file or container. */
export interface DatasetDescription {
  /** Path inside the container, `/volumes/raw`; empty for a file that is one volume. */
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly voxelSizeNm?: Vec3;
  readonly originNm?: Vec3;
  readonly chunks?: readonly number[];
  readonly compression?: string;
  /** Names of the attributes that are not among the above. */
  readonly attributes?: readonly string[];
}

/** What `kyn info` prints. */
export interface VolumeDescription {
  readonly location: string;
  readonly format: string;
  readonly datasets: readonly DatasetDescription[];
  readonly notes: readonly string[];
}

/** A Zarr store that may know its keys (a folder does, a URL does not). */
export interface ZarrSite {
  readonly store: AsyncReadable;
  /** Paths of the groups and arrays below the root (`''` is the root), where they can be listed. */
  listNodes?(): Promise<string[]>;
}

/** An HDF5 library and the name under which its file system has the file. */
export interface Hdf5Site {
  readonly library: typeof import('h5wasm');
  readonly filename: string;
  close(): Promise<void>;
}

/** Where a volume lies. Exactly one of `file`, `folder` is set, or neither for a URL. */
export interface Site {
  /** Path or URL as the user gave it, without the dataset. */
  readonly location: string;
  /** Path inside the container, `/volumes/raw`, where the user named one. */
  readonly dataset?: string;
  readonly file?: ByteSource;
  readonly folder?: Folder;
  readonly inflate: Inflate;
  /** The first bytes of `file` (at least 8 where it has them). */
  readonly magic?: Uint8Array;
  zarr?(): ZarrSite;
  /** Another folder or address as a store, where sites have neighbours. */
  zarrAt?(location: string): ZarrSite;
  hdf5?(): Promise<Hdf5Site>;
}

export interface Format {
  readonly name: string;
  recognises(site: Site): Promise<boolean>;
  open(site: Site, purpose: Purpose): Promise<PlaneVolume>;
  describe(site: Site): Promise<VolumeDescription>;
}
