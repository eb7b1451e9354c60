/**
 * The region graph of one section: for every pair of regions that some affinity connects, what all affinities
 * between them say, pooled by offset length. Short offsets tell of the membrane where the regions touch, long
 * ones (also between regions that don't touch) tell whether both sides look like one cell.
 */
import { PairTable } from '../graph/pair-table.ts';
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';

export interface RegionGraph {
  /** Distinct offset lengths in pixels, ascending. */
  readonly lengths: readonly number[];
  /**
   * One row per pair of regions (a < b). Columns: contact in pixels (4-neighbour pairs), then for each length
   * the sum of affinities and their number.
   */
  readonly pairs: PairTable;
}

/**
 * Pools `affinities` [C, H, W] over the pairs of `labels` (dense [H × W], 0 belongs to no region).
 * Offsets longer than 3 px are read at every `stride`-th pixel of both axes only.
 */
export function buildRegionGraph(
  affinities: NdArray<Float32Array>,
  offsets: readonly Offset2[],
  labels: Uint32Array,
  stride: number,
): RegionGraph {
  const [, height, width] = affinities.shape;
  const lengths = [...new Set(offsets.map(offsetLength))].sort((x, y) => x - y);
  const columns = 1 + 2 * lengths.length;
  const pairs = new PairTable(columns, 1 << 14);
  offsets.forEach((offset, c) => {
    const length = offsetLength(offset);
    const sample = {
      column: 1 + 2 * lengths.indexOf(length),
      step: length > DENSE_REACH ? stride : 1,
      contact: length === 1 ? 1 : 0,
    };
    poolChannel(affinities, c, offset, labels, height, width, pairs, sample);
  });
  return { lengths, pairs };
}

/** Offsets up to this long are read at every pixel. */
const DENSE_REACH = 3;

function offsetLength([dy, dx]: Offset2): number {
  return Math.round(Math.hypot(dy, dx));
}

function poolChannel(
  affinities: NdArray<Float32Array>,
  channel: number,
  [dy, dx]: Offset2,
  labels: Uint32Array,
  height: number,
  width: number,
  pairs: PairTable,
  { column, step, contact }: { column: number; step: number; contact: number },
): void {
  const { data, stride } = affinities;
  const { columns } = pairs;
  const shift = dy * width + dx;
  const yTo = Math.min(height, height - dy);
  const xFrom = Math.max(0, -dx);
  const xTo = Math.min(width, width - dx);
  let lastA = 0;
  let lastB = 0;
  let at = 0;
  let values = pairs.values;
  for (let y = Math.max(0, -dy); y < yTo; y += step) {
    const row = y * width;
    const base = channel * stride[0] + y * stride[1];
    for (let x = xFrom; x < xTo; x += step) {
      const a = labels[row + x];
      const b = labels[row + x + shift];
      if (a === b || a === 0 || b === 0) continue;
      if (a !== lastA || b !== lastB) {
        at = (a < b ? pairs.slot(a, b) : pairs.slot(b, a)) * columns;
        values = pairs.values;
        lastA = a;
        lastB = b;
      }
      values[at] += contact;
      const value = data[base + x * stride[2]];
      if (value > 0) values[at + column] += value; // NaN counts as 0
      values[at + column + 1]++;
    }
  }
}

/** The graph of the clusters of a graph's regions: rows of equal cluster pair are summed, loops dropped. */
export function poolRegions(graph: RegionGraph, cluster: Uint32Array): RegionGraph {
  const { pairs, lengths } = graph;
  const { columns, values } = pairs;
  const pooled = new PairTable(columns, pairs.count);
  for (let i = 0; i < pairs.count; i++) {
    const a = cluster[pairs.a[i]];
    const b = cluster[pairs.b[i]];
    if (a === b) continue;
    const to = (a < b ? pooled.slot(a, b) : pooled.slot(b, a)) * columns;
    for (let k = 0; k < columns; k++) pooled.values[to + k] += values[i * columns + k];
  }
  return { lengths, pairs: pooled };
}
