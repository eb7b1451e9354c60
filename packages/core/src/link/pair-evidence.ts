/**
 * What speaks for and against two fragments of neighbouring sections being one neuron, gathered over their pixels:
 * how they overlap, in place, after the local displacement between the sections is taken out, and a few pixels
 * aside; and what the neighbour head says of the pixels that they share. A pair that does not overlap at all is a
 * candidate as well, if it comes within the head's reach or overlaps after the displacement.
 */
import { PairTable } from '../graph/pair-table.ts';
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';
import { estimateShift, type ShiftField } from './local-shift.ts';
import type { LinkSection } from './section-view.ts';

/** Affinities between two sections. */
export interface CrossAffinity {
  /** Dense `[displacements, ceil(height / stride), ceil(width / stride)]` in 0..1. */
  readonly values: NdArray<Float32Array>;
  /** Channel i compares pixel p of the lower section with pixel p + displacements[i] of the upper; the first is 0, 0. */
  readonly displacements: readonly Offset2[];
  readonly stride: number;
}

/** Below and above these an affinity counts as a clear no and yes. */
const CLEAR_NO = 0.25;
const CLEAR_YES = 0.75;

/** A pair that does not overlap is a candidate where the head gives its displaced pixels at least this on average. */
const NEAR_MISS = 0.2;

/** Sums of a pair over its common pixels. */
export const PIXELS = 0;
export const AFFINITY = 1;
export const SQUARE = 2;
export const NOS = 3;
export const YESES = 4;
/** Over pixels a displacement apart: how many samples, and their affinities. */
export const DISPLACED = 5;
export const DISPLACED_AFFINITY = 6;
/** Common pixels after the local displacement is taken out. */
export const ALIGNED = 7;
export const COLUMNS = 8;

export interface PairEvidence {
  /** Candidates, numbered in order of first pixel; ids within the lower and the upper section. */
  readonly count: number;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
  /** Sums of candidate `i` at `i * COLUMNS`, areas in pixels of the network. */
  readonly sums: Float64Array;
  readonly shift: ShiftField;
}

/** @param lower, upper of one size; nothing is mutated. */
export function gatherEvidence(lower: LinkSection, upper: LinkSection, cross: CrossAffinity): PairEvidence {
  const pairs = new PairTable(COLUMNS, 4096);
  countInPlace(pairs, lower, upper, cross);
  const shift = estimateShift(pairs, lower, upper);
  cross.displacements.forEach((displacement, channel) => {
    if (channel > 0) countDisplaced(pairs, lower, upper, cross, channel, displacement);
  });
  countAligned(pairs, lower, upper, shift, cross.stride);
  return keepCandidates(pairs, shift);
}

function countInPlace(pairs: PairTable, lower: LinkSection, upper: LinkSection, cross: CrossAffinity): void {
  const { height, width } = lower;
  const first = lower.labels;
  const second = upper.labels;
  const { values, stride } = cross;
  const columns = values.shape[2];
  const { data } = values;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const affinityRow = Math.floor(y / stride) * columns;
    for (let x = 0; x < width; ) {
      const a = first[row + x];
      const b = second[row + x];
      if (a === 0 || b === 0) {
        x++;
        continue;
      }
      const at = pairs.slot(a, b) * COLUMNS;
      const sums = pairs.values;
      let [pixels, total, square, nos, yeses] = [0, 0, 0, 0, 0];
      do {
        const value = data[affinityRow + Math.floor(x / stride)];
        pixels++;
        total += value;
        square += value * value;
        if (value < CLEAR_NO) nos++;
        else if (value > CLEAR_YES) yeses++;
        x++;
      } while (x < width && first[row + x] === a && second[row + x] === b);
      sums[at + PIXELS] += pixels;
      sums[at + AFFINITY] += total;
      sums[at + SQUARE] += square;
      sums[at + NOS] += nos;
      sums[at + YESES] += yeses;
    }
  }
}

function countDisplaced(
  pairs: PairTable,
  lower: LinkSection,
  upper: LinkSection,
  { values, stride }: CrossAffinity,
  channel: number,
  [dy, dx]: Offset2,
): void {
  const { height, width } = lower;
  const [, rows, columns] = values.shape;
  const first = lower.labels;
  const second = upper.labels;
  for (let r = 0, y = 0; y < height; r++, y += stride) {
    if (y + dy < 0 || y + dy >= height) continue;
    for (let c = 0, x = 0; x < width; c++, x += stride) {
      if (x + dx < 0 || x + dx >= width) continue;
      const a = first[y * width + x];
      const b = second[(y + dy) * width + x + dx];
      if (a === 0 || b === 0) continue;
      const at = pairs.slot(a, b) * COLUMNS;
      pairs.values[at + DISPLACED]++;
      pairs.values[at + DISPLACED_AFFINITY] += values.data[(channel * rows + r) * columns + c];
    }
  }
}

function countAligned(
  pairs: PairTable,
  lower: LinkSection,
  upper: LinkSection,
  shift: ShiftField,
  stride: number,
): void {
  const { height, width } = lower;
  const weight = stride * stride;
  for (let y = 0; y < height; y += stride) {
    for (let x = 0; x < width; x += stride) {
      const a = lower.labels[y * width + x];
      if (a === 0) continue;
      const cell = shift.cell(y, x);
      const toY = y + shift.y[cell];
      const toX = x + shift.x[cell];
      if (toY < 0 || toX < 0 || toY >= height || toX >= width) continue;
      const b = upper.labels[toY * width + toX];
      if (b === 0) continue;
      pairs.values[pairs.slot(a, b) * COLUMNS + ALIGNED] += weight;
    }
  }
}

function keepCandidates(pairs: PairTable, shift: ShiftField): PairEvidence {
  const kept: number[] = [];
  for (let i = 0; i < pairs.count; i++) {
    const at = i * COLUMNS;
    const { values } = pairs;
    const overlaps = values[at + PIXELS] > 0 || values[at + ALIGNED] > 0;
    if (overlaps || values[at + DISPLACED_AFFINITY] > NEAR_MISS * values[at + DISPLACED]) kept.push(i);
  }
  const sums = new Float64Array(kept.length * COLUMNS);
  kept.forEach((i, to) => {
    sums.set(pairs.values.subarray(i * COLUMNS, (i + 1) * COLUMNS), to * COLUMNS);
  });
  return {
    count: kept.length,
    a: Uint32Array.from(kept, (i) => pairs.a[i]),
    b: Uint32Array.from(kept, (i) => pairs.b[i]),
    sums,
    shift,
  };
}
