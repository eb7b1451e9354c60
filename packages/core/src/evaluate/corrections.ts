/**
 * What a proofreader would have to do: how many cuts free wrongly merged neurons from each other, how many joins put
 * split ones together. Unlike VOI these count errors and not voxels, so crumbs are left out by a threshold.
 */
import type { ContingencyTable } from './contingency.ts';

/** Voxels that a segment and a neuron must share for the pair to count. */
const LEAST_SHARED_VOXELS = 1000;

export interface Corrections {
  /** Cuts: a segment that holds k neurons needs k - 1. */
  readonly merges: number;
  /** Joins: a neuron in k segments needs k - 1. */
  readonly splits: number;
  /** Segments that need cuts. */
  readonly mergingSegments: number;
  /** Neurons that need joins. */
  readonly splitNeurons: number;
  /** Pairs that share fewer voxels were not counted. */
  readonly leastSharedVoxels: number;
}

/** Segment 0 is no object: what lies in it is neither merged nor split. */
export function countCorrections(
  table: ContingencyTable,
  leastSharedVoxels = LEAST_SHARED_VOXELS,
): Corrections {
  const neuronsOf = new Map<number, number>();
  const segmentsOf = new Map<number, number>();
  table.forEach((segment, truth, voxels) => {
    if (segment === 0 || voxels < leastSharedVoxels) return;
    neuronsOf.set(segment, (neuronsOf.get(segment) ?? 0) + 1);
    segmentsOf.set(truth, (segmentsOf.get(truth) ?? 0) + 1);
  });
  const merged = [...neuronsOf.values()].filter((count) => count > 1);
  const split = [...segmentsOf.values()].filter((count) => count > 1);
  const tooMany = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count - 1, 0);
  return {
    merges: tooMany(merged),
    splits: tooMany(split),
    mergingSegments: merged.length,
    splitNeurons: split.length,
    leastSharedVoxels,
  };
}
