/**
 * What speaks for and against two fragments of neighbouring sections being one neuron, gathered over their pixels:
 * how they overlap, in place, after the local displacement between the sections is taken out, and a few pixels
 * aside; and what the neighbour head says of the pixels that they share. A pair that does not overlap at all is a
 * candidate as well, if it comes within the head's reach or overlaps after the displacement.
 */
import { PairTable } from '../graph/pair-table.ts';
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';
import { CELL, estimateShift, type ShiftField } from './local-shift.ts';
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
  for (let channel = 1; channel < cross.displacements.length; channel++) {
    countDisplaced(pairs, lower, upper, cross, channel);
  }
  countAligned(pairs, lower, upper, shift, cross.stride);
  return keepCandidates(pairs, shift);
}

// Loops over pixels stand in functions for one row, as in `segment/watershed.ts`. One access to the table serves a run
// of pixels with the same pair.

function countInPlace(
  pairs: PairTable,
  lower: LinkSection,
  upper: LinkSection,
  { values, stride }: CrossAffinity,
): void {
  const { height, width } = lower;
  const columns = values.shape[2];
  const sampleOf = Uint32Array.from({ length: width }, (_, x) => Math.floor(x / stride));
  for (let y = 0; y < height; y++) {
    const sampleRow = Math.floor(y / stride) * columns;
    countRowInPlace(pairs, lower.labels, upper.labels, y * width, values.data, sampleRow, sampleOf);
  }
}

function countRowInPlace(
  pairs: PairTable,
  first: Uint32Array,
  second: Uint32Array,
  row: number,
  affinities: Float32Array,
  sampleRow: number,
  sampleOf: Uint32Array,
): void {
  const width = sampleOf.length;
  for (let x = 0; x < width; ) {
    const a = first[row + x];
    const b = second[row + x];
    const from = x;
    if (a === 0 || b === 0) {
      x++;
      continue;
    }
    let total = 0;
    let square = 0;
    let nos = 0;
    let yeses = 0;
    do {
      const value = affinities[sampleRow + sampleOf[x]];
      total += value;
      square += value * value;
      if (value < CLEAR_NO) nos++;
      else if (value > CLEAR_YES) yeses++;
      x++;
    } while (x < width && first[row + x] === a && second[row + x] === b);
    const at = pairs.slot(a, b) * COLUMNS;
    const sums = pairs.values;
    sums[at + PIXELS] += x - from;
    sums[at + AFFINITY] += total;
    sums[at + SQUARE] += square;
    sums[at + NOS] += nos;
    sums[at + YESES] += yeses;
  }
}

function countDisplaced(
  pairs: PairTable,
  lower: LinkSection,
  upper: LinkSection,
  { values, displacements, stride }: CrossAffinity,
  channel: number,
): void {
  const { height, width } = lower;
  const [, rows, columns] = values.shape;
  const [dy, dx] = displacements[channel];
  // samples whose partner lies inside
  const from = Math.ceil(Math.max(0, -dx) / stride);
  const to = Math.ceil(Math.min(width, width - dx) / stride);
  for (let r = 0, y = 0; y < height; r++, y += stride) {
    if (y + dy < 0 || y + dy >= height) continue;
    const partner = (y + dy) * width + dx;
    const sampleRow = (channel * rows + r) * columns;
    countRowDisplaced(pairs, lower.labels, upper.labels, y * width, partner, values.data, sampleRow, {
      from,
      to,
      stride,
    });
  }
}

/** Every `stride`th pixel of a row, sample numbers from..to. */
interface Samples {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
}

function countRowDisplaced(
  pairs: PairTable,
  first: Uint32Array,
  second: Uint32Array,
  row: number,
  partner: number,
  affinities: Float32Array,
  sampleRow: number,
  { from, to, stride }: Samples,
): void {
  let sums = pairs.values;
  let lastA = 0;
  let lastB = 0;
  let at = 0;
  for (let c = from, x = from * stride; c < to; c++, x += stride) {
    const a = first[row + x];
    const b = second[partner + x];
    if (a === 0 || b === 0) continue;
    if (a !== lastA || b !== lastB) {
      at = pairs.slot(a, b) * COLUMNS;
      sums = pairs.values;
      lastA = a;
      lastB = b;
    }
    sums[at + DISPLACED]++;
    sums[at + DISPLACED_AFFINITY] += affinities[sampleRow + c];
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
  for (let y = 0; y < height; y += stride) {
    for (let start = 0; start < width; start += CELL) {
      const cell = shift.cell(y, start);
      const toY = y + shift.y[cell];
      if (toY < 0 || toY >= height) continue;
      const dx = shift.x[cell];
      const from = Math.ceil(Math.max(start, -dx) / stride);
      const to = Math.ceil(Math.min(width, width - dx, start + CELL) / stride);
      countRunsAligned(pairs, lower.labels, upper.labels, y * width, toY * width + dx, { from, to, stride });
    }
  }
}

function countRunsAligned(
  pairs: PairTable,
  first: Uint32Array,
  second: Uint32Array,
  row: number,
  partner: number,
  { from, to, stride }: Samples,
): void {
  const weight = stride * stride;
  let sums = pairs.values;
  let lastA = 0;
  let lastB = 0;
  let at = 0;
  for (let x = from * stride; x < to * stride; x += stride) {
    const a = first[row + x];
    const b = second[partner + x];
    if (a === 0 || b === 0) continue;
    if (a !== lastA || b !== lastB) {
      at = pairs.slot(a, b) * COLUMNS + ALIGNED;
      sums = pairs.values;
      lastA = a;
      lastB = b;
    }
    sums[at] += weight;
  }
}

function keepCandidates(pairs: PairTable, shift: ShiftField): PairEvidence {
  const { values } = pairs;
  const a = new Uint32Array(pairs.count);
  const b = new Uint32Array(pairs.count);
  const sums = new Float64Array(pairs.count * COLUMNS);
  let count = 0;
  for (let i = 0; i < pairs.count; i++) {
    const at = i * COLUMNS;
    const overlaps = values[at + PIXELS] > 0 || values[at + ALIGNED] > 0;
    if (!overlaps && !(values[at + DISPLACED_AFFINITY] > NEAR_MISS * values[at + DISPLACED])) continue;
    for (let k = 0; k < COLUMNS; k++) sums[count * COLUMNS + k] = values[at + k];
    a[count] = pairs.a[i];
    b[count++] = pairs.b[i];
  }
  return {
    count,
    a: a.subarray(0, count),
    b: b.subarray(0, count),
    sums: sums.subarray(0, count * COLUMNS),
    shift,
  };
}
