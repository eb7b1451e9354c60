/**
 * Affinities of one section to 2D fragments: a watershed makes supervoxels, a region graph pools what all
 * affinities say about their pairs, average linkage joins them, pieces too small for a profile grow into a
 * neighbour. Every pixel belongs to a fragment (no boundary pixels), every fragment is 4-connected.
 */
import { KynError, throwIfCancelled } from '../errors.ts';
import { type EdgeColumns, EdgeList, IN_PLANE } from '../graph/edge-list.ts';
import { PairTable } from '../graph/pair-table.ts';
import { type NdArray, ndarray, toDense } from '../volume/array.ts';
import type { LabelSection, StageContext } from '../volume/contracts.ts';
import { labelProfiles } from '../volume/profiles.ts';
import { type AgglomerateOptions, absorbSmall, agglomerate, poolAreas } from './agglomerate.ts';
import { type FragmentTable, fragmentTable } from './fragment-table.ts';
import {
  AFFINITY,
  buildRegionGraph,
  CONTACT,
  poolRegions,
  type RegionGraphOptions,
  SAMPLES,
} from './region-graph.ts';
import { basins, interior } from './watershed.ts';

export interface SegmentOptions extends RegionGraphOptions, AgglomerateOptions {
  /** Longest offset that shapes the supervoxels, in pixels. */
  readonly reachPixels: number;
  /** Passes of a 1-2-1 kernel over the relief before its basins are taken. */
  readonly smoothing: number;
  /** Fragments with fewer pixels than this grow into a neighbour. */
  readonly minimumPixels: number;
  /** Tell of the parts of fragments as well. */
  readonly parts?: boolean;
  /** `[height, width]`; 0 = outside tissue, gets label 0. All is tissue where absent. */
  readonly mask?: NdArray<Uint8Array>;
}

/**
 * By per-slice VOI on FIB-SEM of fly neuropil (`bench/segment.ts`), but for the bias: fragments are cut finely, since the
 * partition puts them together better than it could cut them; chosen by 3D VOI of learned links (docs/experiments.md).
 */
export const SEGMENT_DEFAULTS = {
  reachPixels: 3,
  smoothing: 1,
  evidenceReachPixels: 9,
  stride: 3,
  linkage: 'mean',
  bias: 0.7,
  minimumPixels: 25,
} as const satisfies Omit<SegmentOptions, 'offsets' | 'mask'>;

export interface Segmentation {
  /** Dense `[height, width]`, fragments 1..count in order of first pixel; 0 only where the mask is 0. */
  readonly labels: LabelSection;
  readonly count: number;
  /**
   * One in-plane edge for every pair of fragments that touch, ordered by a, then b, with the ids of `labels`:
   * `area` is the contact in pixels, `probability` the mean of the affinities between the two.
   */
  readonly edges: EdgeColumns;
  readonly stats: FragmentTable;
  /** What the fragments are made of, if asked for. */
  readonly parts: FragmentParts | undefined;
}

/** Pieces that fragments fall into along their weakest inner boundaries; a fragment may be of one part. */
export interface FragmentParts {
  /** Dense [height × width], parts 1..count in order of first pixel. */
  readonly labels: Uint32Array;
  readonly count: number;
  /** Pixels of every part; entry 0 is not read. */
  readonly area: Uint32Array;
  /** Fragment of every part; entry 0 is 0. */
  readonly fragment: Uint32Array;
  /** Pairs of parts that some affinity connects, as `buildRegionGraph`. */
  readonly pairs: PairTable;
}

/**
 * Segments one section.
 * @param affinities `[channels, height, width]` float32 in 0..1, one channel per offset; not mutated. NaN counts as 0.
 * @throws KynError `shape` where channels and offsets, or mask and image, do not fit; `model` where no offset is to a
 * neighbouring pixel; `cancelled`.
 */
export function segment(
  affinities: NdArray<Float32Array>,
  options: SegmentOptions,
  context: StageContext = {},
): Segmentation {
  throwIfCancelled(context.signal);
  const [, height, width] = checkShapes(affinities, options);
  const mask = options.mask && toDense(options.mask).data;
  const { offsets, reachPixels, smoothing, minimumPixels } = options;

  const relief = interior(affinities, offsets, reachPixels, smoothing);
  const { labels, count: regions } = basins(relief, height, width, mask);
  let pairs = buildRegionGraph(affinities, labels, options);
  throwIfCancelled(context.signal);

  let area: Uint32Array = new Uint32Array(regions + 1);
  for (let y = 0; y < height; y++) countRow(labels, y * width, (y + 1) * width, area);
  area[0] = 0;
  if (options.parts) {
    const partOf = agglomerate(pairs, regions, options, false);
    for (let y = 0; y < height; y++) relabelRow(labels, y * width, (y + 1) * width, partOf);
    pairs = poolRegions(pairs, partOf);
    area = poolAreas(area, partOf);
  }
  const cluster = agglomerate(pairs, area.length - 1, options);
  const grown = absorbSmall(poolRegions(pairs, cluster), poolAreas(area, cluster), minimumPixels);
  const fragment = new Uint32Array(area.length);
  compose(cluster, grown, fragment);
  const parts = { labels, count: area.length - 1, area, fragment, pairs };
  return options.parts
    ? joinParts(parts, [height, width])
    : joinInPlace(labels, parts, [height, width], undefined);
}

/**
 * The same from labels that somebody gave: every 4-connected piece of one of them is a fragment, whose parts are what
 * `segment` finds within it. What is 0 belongs to none.
 * @param given `[height, width]`, any stride; not mutated
 * @throws KynError as `segment`
 */
export function segmentFrom(
  given: LabelSection,
  affinities: NdArray<Float32Array>,
  options: SegmentOptions,
  context: StageContext = {},
): Segmentation {
  throwIfCancelled(context.signal);
  const [, height, width] = checkShapes(affinities, options);
  const { offsets, reachPixels, smoothing } = options;
  const pieces = toDense(given).data;
  const mask = Uint8Array.from(pieces, (id) => Number(id !== 0));
  const { labels: supervoxels } = basins(
    interior(affinities, offsets, reachPixels, smoothing),
    height,
    width,
    mask,
  );
  // a piece of a supervoxel within one label; numbers of both together tell them apart
  const both = new PairTable(0, 1 << 14);
  const cut = supervoxels.map((id, p) => (id === 0 ? 0 : 1 + both.slot(id, pieces[p])));
  const shape = [height, width] as const;
  const { labels: cells, count: regionCount } = labelProfiles(ndarray(cut, shape));
  const regions = cells.data;
  const fragments = labelProfiles(given).labels.data;
  const fragmentOf = new Uint32Array(regionCount + 1);
  for (let p = 0; p < regions.length; p++) fragmentOf[regions[p]] = fragments[p];
  fragmentOf[0] = 0;
  const graph = buildRegionGraph(affinities, regions, options);
  const within = filterPairs(graph, (a, b) => fragmentOf[a] === fragmentOf[b]);
  const partOf = agglomerate(within, regionCount, options, false);
  const area = new Uint32Array(regionCount + 1);
  for (let y = 0; y < height; y++) {
    countRow(regions, y * width, (y + 1) * width, area);
    relabelRow(regions, y * width, (y + 1) * width, partOf);
  }
  area[0] = 0;
  const parts = poolAreas(area, partOf);
  const fragment = new Uint32Array(parts.length);
  partOf.forEach((part, region) => {
    fragment[part] = fragmentOf[region];
  });
  return joinParts(
    { labels: regions, count: parts.length - 1, area: parts, fragment, pairs: poolRegions(graph, partOf) },
    shape,
  );
}

/** The rows of a region graph whose two regions `keep` wants. */
function filterPairs(pairs: PairTable, keep: (a: number, b: number) => boolean): PairTable {
  const { a, b, values, columns, count } = pairs;
  const kept = new PairTable(columns, 1 << 12);
  for (let i = 0; i < count; i++) {
    if (!keep(a[i], b[i])) continue;
    const at = kept.slot(a[i], b[i]) * columns;
    for (let k = 0; k < columns; k++) kept.values[at + k] = values[i * columns + k];
  }
  return kept;
}

/**
 * Fragments that parts make up, with those parts.
 * @param parts `fragment` says how: any numbers, the same for parts of one fragment; nothing is mutated
 */
export function joinParts(
  { labels, count, area, fragment: group, pairs }: FragmentParts,
  shape: readonly [number, number],
): Segmentation {
  const parts = { labels, count, area, fragment: numbered(group), pairs };
  return joinInPlace(labels.slice(), parts, shape, parts);
}

/** The same on `labels` of the parts, which become those of the fragments, numbered already. @param kept comes with it */
function joinInPlace(
  labels: Uint32Array,
  { fragment, pairs }: FragmentParts,
  [height, width]: readonly [number, number],
  kept: FragmentParts | undefined,
): Segmentation {
  for (let y = 0; y < height; y++) relabelRow(labels, y * width, (y + 1) * width, fragment);
  const count = largest(fragment);
  return {
    labels: ndarray(labels, [height, width]),
    count,
    edges: touchingPairs(poolRegions(pairs, fragment)),
    stats: fragmentTable(labels, height, width, count),
    parts: kept,
  };
}

/** Numbers 1, 2, ... in order of first part; entry 0 stays 0. */
function numbered(group: Uint32Array): Uint32Array {
  const number = new Map<number, number>();
  return group.map((id, part) => {
    if (part === 0) return 0;
    const known = number.get(id) ?? number.size + 1;
    number.set(id, known);
    return known;
  });
}

// Loops over pixels stand in functions for one row, as in `watershed.ts`.

function countRow(labels: Uint32Array, from: number, to: number, area: Uint32Array): void {
  for (let p = from; p < to; p++) area[labels[p]]++;
}

function relabelRow(labels: Uint32Array, from: number, to: number, fragmentOf: Uint32Array): void {
  for (let p = from; p < to; p++) labels[p] = fragmentOf[labels[p]];
}

function compose(first: Uint32Array, second: Uint32Array, out: Uint32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = second[first[i]];
}

function largest(values: Uint32Array): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
  return most;
}

function checkShapes(affinities: NdArray, options: SegmentOptions): readonly number[] {
  const { shape } = affinities;
  const { offsets, mask } = options;
  if (shape.length !== 3 || shape[0] !== offsets.length) {
    throw new KynError('shape', `affinities of shape ${shape.join('×')} for ${offsets.length} offsets`);
  }
  if (!offsets.some(([dy, dx]) => Math.abs(dy) + Math.abs(dx) === 1)) {
    throw new KynError('model', 'no affinity between neighbouring pixels among the offsets', {
      hint: 'segmenting needs at least the offset (-1, 0) or (0, -1)',
    });
  }
  if (mask && (mask.shape[0] !== shape[1] || mask.shape[1] !== shape[2])) {
    throw new KynError(
      'shape',
      `tissue mask of ${mask.shape.join('×')} for a section of ${shape[1]}×${shape[2]}`,
    );
  }
  return shape;
}

function touchingPairs(pairs: PairTable): EdgeColumns {
  const { a, b, values, columns } = pairs;
  const touching: number[] = [];
  for (let i = 0; i < pairs.count; i++) if (values[i * columns + CONTACT] > 0) touching.push(i);
  touching.sort((i, j) => a[i] - a[j] || b[i] - b[j]);
  const edges = new EdgeList(touching.length);
  for (const i of touching) {
    const at = i * columns;
    edges.push(a[i], b[i], IN_PLANE, values[at + CONTACT], values[at + AFFINITY] / values[at + SAMPLES]);
  }
  return edges.columns();
}
