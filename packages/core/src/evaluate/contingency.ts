/**
 * Contingency table of two label volumes: for every pair (segment, true object) the number of voxels they
 * share. All scores here are sums over this table, so the volumes are read once, section by section, and
 * only the table stays in memory.
 *
 * Labels are constant over long runs of x, so a row is walked run by run: one visit of the hash table a run
 * instead of one a voxel. Voxels whose truth is 0 are not counted (unlabelled); segment 0 counts like any
 * other id, so leaving voxels out costs what merging them into one object would.
 */
import { KynError } from '../errors.ts';
import { PairTable } from '../graph/pair-table.ts';
import { toDense } from '../volume/array.ts';
import type { LabelSection } from '../volume/contracts.ts';

export class ContingencyTable {
  /** Pairs (a = segment, b = truth) and, in their one column, the voxels they share. */
  readonly pairs = new PairTable(1);
  /** Voxels counted so far. */
  voxels = 0;

  /**
   * Counts one section. Neither input is mutated.
   * @throws KynError `shape` when the two differ in size.
   */
  add(segmentation: LabelSection, truth: LabelSection): void {
    requireSameShape(segmentation, truth);
    const [height, width] = truth.shape;
    const seg = toDense(segmentation).data;
    const gt = toDense(truth).data;
    for (let y = 0; y < height; y++) this.voxels += addRow(this.pairs, seg, gt, y * width, (y + 1) * width);
  }

  /** Adds `voxels` to one pair: for tables that are made from another one. */
  addPair(segment: number, truth: number, voxels: number): void {
    const slot = this.pairs.slot(segment, truth);
    this.pairs.values[slot] += voxels;
    this.voxels += voxels;
  }

  /** Calls `visit` for every pair, in the order they were first met. */
  forEach(visit: (segment: number, truth: number, voxels: number) => void): void {
    const { a, b, values, count } = this.pairs;
    for (let i = 0; i < count; i++) visit(a[i], b[i], values[i]);
  }
}

/** Counts one row, and returns how many of its voxels have a truth. */
function addRow(pairs: PairTable, seg: Uint32Array, gt: Uint32Array, from: number, to: number): number {
  let counted = 0;
  for (let x = from; x < to; ) {
    const t = gt[x];
    const s = seg[x];
    const start = x++;
    while (x < to && gt[x] === t && seg[x] === s) x++;
    if (t === 0) continue;
    const slot = pairs.slot(s, t);
    pairs.values[slot] += x - start;
    counted += x - start;
  }
  return counted;
}

export function requireSameShape(segmentation: LabelSection, truth: LabelSection): void {
  if (segmentation.shape[0] !== truth.shape[0] || segmentation.shape[1] !== truth.shape[1]) {
    throw new KynError(
      'shape',
      `section of ${segmentation.shape.join('×')} against truth of ${truth.shape.join('×')}`,
      { hint: 'give two volumes of the same size' },
    );
  }
}
