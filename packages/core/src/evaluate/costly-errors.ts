/**
 * The errors that cost most: VOI is a sum over objects, so each has its own share of it, in bits.
 * A segment's share of VOI merge is what its mixture of true objects costs; a true object's share of VOI
 * split is what being cut into segments costs (the attribution of Nunez-Iglesias 2013, GALA).
 */
import type { ContingencyTable } from './contingency.ts';

export interface CostlyError {
  /** The segment (merges) or the true object (splits). */
  readonly id: number;
  /** Its share of VOI merge or VOI split. */
  readonly bits: number;
  readonly voxels: number;
  /** What it is made of or cut into, largest first, at most `MOST_PARTS`. */
  readonly parts: readonly { readonly id: number; readonly voxels: number }[];
}

export interface CostlyErrors {
  readonly merges: readonly CostlyError[];
  readonly splits: readonly CostlyError[];
}

const MOST_PARTS = 5;

/** The `count` costliest merges and splits, costliest first; those that cost nothing are left out. */
export function costliestErrors(table: ContingencyTable, count = 10): CostlyErrors {
  const bySegment = new Map<number, Map<number, number>>();
  const byTruth = new Map<number, Map<number, number>>();
  table.forEach((segment, truth, voxels) => {
    put(bySegment, segment, truth, voxels);
    put(byTruth, truth, segment, voxels);
  });
  return {
    merges: costliest(bySegment, table.voxels, count),
    splits: costliest(byTruth, table.voxels, count),
  };
}

function put(rows: Map<number, Map<number, number>>, row: number, column: number, voxels: number): void {
  const cells = rows.get(row);
  if (cells) cells.set(column, voxels);
  else rows.set(row, new Map([[column, voxels]]));
}

function costliest(
  rows: ReadonlyMap<number, ReadonlyMap<number, number>>,
  total: number,
  count: number,
): CostlyError[] {
  const errors: CostlyError[] = [];
  for (const [id, cells] of rows) {
    if (cells.size < 2) continue;
    let voxels = 0;
    for (const part of cells.values()) voxels += part;
    let bits = 0;
    for (const part of cells.values()) bits -= (part / total) * Math.log2(part / voxels);
    const parts = [...cells].map(([partId, partVoxels]) => ({ id: partId, voxels: partVoxels }));
    parts.sort((a, b) => b.voxels - a.voxels || a.id - b.id);
    errors.push({ id, bits, voxels, parts: parts.slice(0, MOST_PARTS) });
  }
  return errors.sort((a, b) => b.bits - a.bits || a.id - b.id).slice(0, count);
}
