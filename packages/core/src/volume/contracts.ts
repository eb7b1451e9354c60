/**
 * The interfaces between the pipeline and the world: where sections come from, what predicts, where labels go.
 * `packages/io` and `packages/nn` implement them for Node and the browser; the pipeline knows only these.
 */
import type { Signal } from '../errors.ts';
import type { NdArray, Vec3 } from './array.ts';

/** A 2D image, `[height, width]`, in the dtype it was stored in where that is one of these; others come as Float32. */
export type RawSection = NdArray<Uint8Array | Uint16Array | Float32Array>;

/** A 2D label image, `[height, width]`; 0 is background. */
export type LabelSection = NdArray<Uint32Array>;

export interface VolumeInfo {
  /** Sections, rows, columns. */
  readonly shape: Vec3;
  /** From the file's metadata; undefined where it has none. */
  readonly voxelSizeNm: Vec3 | undefined;
  /** Position of the first voxel, z, y, x in nm; left out where neither metadata nor a box say it. */
  readonly originNm?: Vec3 | undefined;
  /** dtype as stored: `uint8`, `uint16`, `float32`, `uint64`, ... */
  readonly dtype: string;
  /** Format name for people: `HDF5`, `PNG stack`, `OME-Zarr 0.5`, ... */
  readonly format: string;
  /** Path or URL as the user gave it, for messages. */
  readonly location: string;
  /** One name a section (file names of a stack), where there are names. */
  readonly sectionNames?: readonly string[];
  /**
   * Position of every section in units of the section thickness, where it is not 0, 1, 2, ...: a stack whose
   * file numbers have gaps (10, 11, 13) has [0, 1, 3].
   */
  readonly sectionPositions?: readonly number[];
  /** What was done to read it, one line each, for people ("RGB images: luminance taken"). */
  readonly notes: readonly string[];
}

/** A volume that is read section by section. Reads may overlap in time and come in any order. */
export interface SectionSource {
  readonly info: VolumeInfo;
  /** Section `z` (0 ≤ z < shape[0]). NaN pixels come as NaN; the pipeline handles them. */
  read(z: number, signal?: Signal): Promise<RawSection>;
  close(): Promise<void>;
}

/** A label volume that is read section by section. 64-bit ids beyond uint32 are renumbered, the same id alike. */
export interface LabelSource {
  readonly info: VolumeInfo;
  read(z: number, signal?: Signal): Promise<LabelSection>;
  /** What the renumbered ids of the sections read so far are in the file: number in the sections -> id. */
  readonly wideIds?: ReadonlyMap<number, bigint>;
  close(): Promise<void>;
}

/** A label volume that is written section by section, each section once, in any order. */
export interface LabelSink {
  write(z: number, labels: LabelSection): Promise<void>;
  /** Completes the volume: after this it reads as whole. */
  close(): Promise<void>;
}

/** Progress of a stage: `done` of `total` units. */
export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

/** How every stage is called besides its input and options. */
export interface StageContext {
  readonly signal?: Signal;
  readonly onProgress?: (progress: Progress) => void;
  /** A remark for the user, one line ("section 12 is empty: passed over"). */
  readonly onNote?: (note: string) => void;
}

/** In-plane offset of an affinity channel, in pixels of the predictor. */
export type Offset2 = readonly [dy: number, dx: number];

/** Sizes a network works at. */
export interface PredictorInfo {
  readonly name: string;
  /** Voxel size it was trained for (z may be a typical value); undefined: sections are given as they are. */
  readonly voxelSizeNm: Vec3 | undefined;
  /** Sections on either side that the network sees beside the one it is asked about. */
  readonly contextSections: number;
  /** What it says of neighbouring sections, if anything; it sees at least one on either side then. */
  readonly cross?: CrossInfo | undefined;
  /** Affinity channel `c` at pixel p says how likely p and p + offsets[c] are the same cell. */
  readonly offsets: readonly Offset2[];
  /** Tile side must be a multiple of this many pixels. */
  readonly tileMultiple: number;
  /** Tile side it runs best at. */
  readonly tileSize: number;
  /** Pixels at each tile edge that lack context and are blended away. */
  readonly halo: number;
  /** Multiply-adds counted as two; NaN where nobody knows. */
  readonly flopPerPixel: number;
}

/** What a 2D network says of the sections on either side of the one it is asked about. */
export interface CrossInfo {
  /**
   * Channel 0: is pixel p the same cell as pixel p of the section before? Channel 1: as pixel p of the section after?
   * Then, one channel each: as pixel p + displacements[i] of the section after?
   */
  readonly displacements: readonly Offset2[];
  /** Every this many pixels of the network, along both axes, there is an answer. */
  readonly stride: number;
}

/** What a network says of some tiles. */
export interface Prediction {
  /** `[n, channels, h, w]` in 0..1: affinities at `info.offsets`. */
  readonly affinities: NdArray<Float32Array>;
  /** `[n, 2 + displacements, h / stride, w / stride]` in 0..1, as `info.cross` says; undefined without it. */
  readonly cross?: NdArray<Float32Array> | undefined;
}

/** Sizes a 3D network works at; those of tiles are of its blocks' rows and columns. */
export interface BlockPredictorInfo extends Omit<PredictorInfo, 'contextSections' | 'cross'> {
  /** After the in-plane channels: how likely a pixel and the one this many sections before it are the same cell. */
  readonly zReach: readonly number[];
  /** Sections of a block, and how many at either end lack context and are blended away. */
  readonly blockDepth: number;
  readonly haloDepth: number;
}

/** A 3D network: normalised blocks of sections in, affinities out. */
export interface BlockPredictor {
  readonly info: BlockPredictorInfo;
  /**
   * @param blocks `[n, 1, d, h, w]` float32, contrast-normalised; h and w multiples of `tileMultiple`.
   * @returns `[n, offsets + zReach, d, h, w]` in 0..1
   */
  predict(blocks: NdArray<Float32Array>, signal?: Signal): Promise<NdArray<Float32Array>>;
  close(): Promise<void>;
}

/** A 2D network: normalised tiles in, affinities out. */
export interface Predictor {
  readonly info: PredictorInfo;
  /**
   * Of a network of which it has to be told from its output how that is meant: shown tiles of a few sections before a run, so
   * that all of the volume, and a run that is resumed, is read in one way.
   */
  prepare?(tiles: readonly NdArray<Float32Array>[], signal?: Signal): Promise<void>;
  /**
   * @param tiles `[n, 1 + 2 * contextSections, h, w]` float32, contrast-normalised, in order of depth, the section
   *   asked about in the middle; h and w multiples of `tileMultiple`.
   */
  predict(tiles: NdArray<Float32Array>, signal?: Signal): Promise<Prediction>;
  close(): Promise<void>;
}
