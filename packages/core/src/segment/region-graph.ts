/**
 * The region graph of one section: for every pair of regions that some affinity connects, what all affinities
 * between them say. Short offsets tell of the membrane where the regions touch, long ones (also between regions
 * that don't touch) tell whether both sides look like one cell.
 */
import { PairTable } from '../graph/pair-table.ts';
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';

/** Columns of a region graph: one row per pair of regions (a < b). */
export const CONTACT = 0; // 4-neighbour pixel pairs that touch
export const CONTACT_AFFINITY = 1; // sum of their affinities
export const AFFINITY = 2; // sum of the affinities at all offsets
export const SAMPLES = 3; // number of them
const COLUMNS = 4;

export interface RegionGraphOptions {
  /** Affinity channel c at pixel p says how likely p and p + offsets[c] are the same cell. */
  readonly offsets: readonly Offset2[];
  /** Longest offset that is evidence, in pixels. */
  readonly evidenceReachPixels: number;
  /** Offsets longer than 1 px are read at every `stride`-th pixel of both axes. */
  readonly stride: number;
}

/** Pools `affinities` [C, H, W] over the pairs of `labels` (dense [H × W], 0 belongs to no region). NaN counts as 0. */
export function buildRegionGraph(
  affinities: NdArray<Float32Array>,
  labels: Uint32Array,
  options: RegionGraphOptions,
): PairTable {
  const [, height, width] = affinities.shape;
  const pairs = new PairTable(COLUMNS, 1 << 14);
  const regions: RegionImage = { labels, height, width };
  options.offsets.forEach((offset, c) => {
    const length = Math.hypot(offset[0], offset[1]);
    if (length > options.evidenceReachPixels) return;
    poolChannel(pairs, affinities, c, offset, regions, length > 1 ? options.stride : 1);
  });
  return pairs;
}

interface RegionImage {
  readonly labels: Uint32Array;
  readonly height: number;
  readonly width: number;
}

function poolChannel(
  pairs: PairTable,
  affinities: NdArray<Float32Array>,
  channel: number,
  [dy, dx]: Offset2,
  { labels, height, width }: RegionImage,
  step: number,
): void {
  const { data, stride } = affinities;
  const shift = dy * width + dx;
  const contact = Math.abs(dy) + Math.abs(dx) === 1 ? 1 : 0;
  const yTo = Math.min(height, height - dy);
  const xFrom = Math.max(0, -dx);
  const xTo = Math.min(width, width - dx);
  for (let y = Math.max(0, -dy); y < yTo; y += step) {
    const from = channel * stride[0] + y * stride[1] + xFrom * stride[2];
    poolRow(
      pairs,
      data,
      from,
      step * stride[2],
      labels,
      y * width + xFrom,
      y * width + xTo,
      step,
      shift,
      contact,
    );
  }
}

/** One row of a channel; a function of its own, as in `watershed.ts`. */
function poolRow(
  pairs: PairTable,
  data: Float32Array,
  from: number,
  dataStep: number,
  labels: Uint32Array,
  start: number,
  end: number,
  step: number,
  shift: number,
  contact: number,
): void {
  let { values } = pairs;
  let lastA = 0;
  let lastB = 0;
  let at = 0;
  for (let p = start, q = from; p < end; p += step, q += dataStep) {
    const a = labels[p];
    const b = labels[p + shift];
    if (a === b || a === 0 || b === 0) continue;
    if (a !== lastA || b !== lastB) {
      at = (a < b ? pairs.slot(a, b) : pairs.slot(b, a)) * COLUMNS;
      values = pairs.values;
      lastA = a;
      lastB = b;
    }
    values[at + CONTACT] += contact;
    values[at + SAMPLES]++;
    const affinity = data[q];
    if (!(affinity > 0)) continue; // NaN counts as 0
    values[at + CONTACT_AFFINITY] += contact * affinity;
    values[at + AFFINITY] += affinity;
  }
}

/** The graph of the clusters of a graph's regions: rows of equal cluster pair are summed, loops dropped. */
export function poolRegions(pairs: PairTable, cluster: Uint32Array): PairTable {
  const { a, b, values, count } = pairs;
  const pooled = new PairTable(COLUMNS, 1 << 12);
  for (let i = 0; i < count; i++) {
    const from = cluster[a[i]];
    const to = cluster[b[i]];
    if (from === to) continue;
    const at = (from < to ? pooled.slot(from, to) : pooled.slot(to, from)) * COLUMNS;
    for (let k = 0; k < COLUMNS; k++) pooled.values[at + k] += values[i * COLUMNS + k];
  }
  return pooled;
}
