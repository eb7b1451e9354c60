/**
 * How far a section is displaced against the one below, place by place: serial sections are never perfectly aligned,
 * and are stretched besides. Read off the fragments themselves: where two share most affinity, on both sides, and the
 * network takes them for one neuron, their centroids say how far the tissue moved. The median over a
 * neighbourhood is not moved by the neurite that turns.
 */

import { keepCompiled } from '../graph/kept-classes.ts';
import type { PairTable } from '../graph/pair-table.ts';
import type { LinkSection } from './section-view.ts';

/** Side of a cell, px of the network. */
export const CELL = 128;
/** Pairs that a median is taken over; where there are fewer, more cells around are asked, at most this many. */
const ENOUGH = 12;
const WIDEST = 3;

/** Displacement of the upper section, whole pixels, one a cell of {@link CELL} px a side. */
export class ShiftField {
  readonly y: Int32Array;
  readonly x: Int32Array;

  constructor(
    readonly rows: number,
    readonly columns: number,
  ) {
    this.y = new Int32Array(rows * columns);
    this.x = new Int32Array(rows * columns);
  }

  /** Cell of a pixel. */
  cell(y: number, x: number): number {
    return Math.floor(y / CELL) * this.columns + Math.floor(x / CELL);
  }
}

interface Moved {
  /** Centroid in the lower section, px. */
  readonly fromY: number;
  readonly fromX: number;
  /** From there to its partner's. */
  readonly y: number;
  readonly x: number;
}

/** @param pairs overlaps of the two sections: column 0 common pixels, column 1 their summed affinity */
export function estimateShift(pairs: PairTable, lower: LinkSection, upper: LinkSection): ShiftField {
  const rows = Math.max(1, Math.ceil(lower.height / CELL));
  const columns = Math.max(1, Math.ceil(lower.width / CELL));
  const shift = new ShiftField(rows, columns);
  const inCell: Moved[][] = Array.from({ length: rows * columns }, () => []);
  for (const pair of movedPairs(pairs, lower, upper)) inCell[shift.cell(pair.fromY, pair.fromX)].push(pair);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const near = around(inCell, shift, row, column);
      if (near.length < ENOUGH / 2) continue;
      shift.y[row * columns + column] = median(near.map((pair) => pair.y));
      shift.x[row * columns + column] = median(near.map((pair) => pair.x));
    }
  }
  return shift;
}

function around(
  inCell: readonly (readonly Moved[])[],
  { rows, columns }: ShiftField,
  row: number,
  column: number,
): readonly Moved[] {
  for (let reach = 1; ; reach++) {
    const near: Moved[] = [];
    for (let r = Math.max(0, row - reach); r <= Math.min(rows - 1, row + reach); r++) {
      for (let c = Math.max(0, column - reach); c <= Math.min(columns - 1, column + reach); c++) {
        near.push(...inCell[r * columns + c]);
      }
    }
    if (near.length >= ENOUGH || reach === WIDEST) return near;
  }
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return Math.round(values[values.length >> 1]);
}

/** Pairs that share more affinity with each other than with any third, likely one neuron, whole in view. */
function movedPairs(pairs: PairTable, lower: LinkSection, upper: LinkSection): Moved[] {
  const { count, a, b, values, columns } = pairs;
  const bestA = new Float64Array(lower.profiles.count + 1);
  const bestB = new Float64Array(upper.profiles.count + 1);
  for (let i = 0; i < count; i++) {
    const support = values[i * columns + 1];
    if (support > bestA[a[i]]) bestA[a[i]] = support;
    if (support > bestB[b[i]]) bestB[b[i]] = support;
  }
  const moved: Moved[] = [];
  for (let i = 0; i < count; i++) {
    const [pixels, support] = [values[i * columns], values[i * columns + 1]];
    if (pixels === 0 || support < bestA[a[i]] || support < bestB[b[i]]) continue;
    const [from, to] = [lower.profiles, upper.profiles];
    if (from.cut[a[i]] || to.cut[b[i]] || support < 0.5 * pixels) continue;
    const ratio = from.area[a[i]] / to.area[b[i]];
    if (ratio < 0.5 || ratio > 2) continue;
    moved.push({
      fromY: from.centroidY[a[i]],
      fromX: from.centroidX[a[i]],
      y: to.centroidY[b[i]] - from.centroidY[a[i]],
      x: to.centroidX[b[i]] - from.centroidX[a[i]],
    });
  }
  return moved;
}

keepCompiled(new ShiftField(1, 1));
