/**
 * Plain overlap: the reference way to link sections. Two fragments of neighbouring sections that cover the same
 * pixels are a candidate pair; the larger the common part of both, the likelier they are one neuron
 * (overlap-based linking as in Cardona et al. 2012 and the baselines of Beier et al. 2017).
 */
import { KynError, throwIfCancelled } from '../errors.ts';
import { CROSS, EdgeList, SKIP } from '../graph/edge-list.ts';
import { PairTable } from '../graph/pair-table.ts';
import type { PixelSpans } from '../predict/resample.ts';
import { isDense } from '../volume/array.ts';
import type { LabelSection, StageContext } from '../volume/contracts.ts';

/** The fragments of one section, with ids 1..count that are unique only there. */
export interface SectionFragments {
  /** `[height, width]`, 0 belongs to no fragment. */
  readonly labels: LabelSection;
  /** Pixels of every fragment, of the section where spans are given; entry 0 is not read. */
  readonly area: Uint32Array;
  /** Global id of fragment `i` is `idOffset + i`. */
  readonly idOffset: number;
}

/** Pairs of fragments that overlap, as a struct of arrays in order of first common pixel. */
export interface Overlaps {
  readonly count: number;
  /** Ids within the lower and the upper section. */
  readonly a: Uint32Array;
  readonly b: Uint32Array;
  /** Common pixels, of the section where spans are given. */
  readonly pixels: Uint32Array;
  /** pixels / area of a, pixels / area of b, pixels / area of both together (IoU). */
  readonly fractionA: Float64Array;
  readonly fractionB: Float64Array;
  readonly iou: Float64Array;
}

/**
 * Counts the overlap of every pair of fragments of two sections in one pass over their pixels; strides are
 * honoured, nothing is mutated.
 * @param spans section pixels that each pixel of the labels stands for; itself where absent
 * @throws KynError `shape` where the sections differ in size.
 */
export function countOverlaps(
  lower: SectionFragments,
  upper: SectionFragments,
  spans?: PixelSpans,
): Overlaps {
  const [height, width] = lower.labels.shape;
  if (upper.labels.shape[0] !== height || upper.labels.shape[1] !== width) {
    const [a, b] = [lower, upper].map((s) => s.labels.shape.join('×'));
    throw new KynError('shape', `sections of ${a} and ${b} pixels cannot be linked`);
  }
  const pairs = new PairTable(1, 4096);
  const x = rowReader(lower.labels);
  const y = rowReader(upper.labels);
  for (let row = 0; row < height; row++) {
    const rows = spans ? spans.rows[row + 1] - spans.rows[row] : 1;
    if (rows > 0) countRow(pairs, x(row), y(row), width, rows, spans?.columns);
  }
  return withFractions(pairs, lower.area, upper.area);
}

/** Adds the overlaps of one row, which counts `rows` times, one table access for each run of an equal pair. */
function countRow(
  pairs: PairTable,
  first: Uint32Array,
  second: Uint32Array,
  width: number,
  rows: number,
  columns: Uint32Array | undefined,
): void {
  for (let x = 0; x < width; ) {
    const a = first[x];
    const b = second[x];
    const from = x++;
    while (x < width && first[x] === a && second[x] === b) x++;
    const pixels = rows * (columns ? columns[x] - columns[from] : x - from);
    if (a === 0 || b === 0 || pixels === 0) continue;
    const at = pairs.slot(a, b);
    pairs.values[at] += pixels;
  }
}

/** Rows of a section as dense arrays: views where it is dense, one reused copy where not. */
function rowReader(labels: LabelSection): (row: number) => Uint32Array {
  const { data, stride, shape } = labels;
  const width = shape[1];
  if (isDense(labels)) return (row) => data.subarray(row * width, (row + 1) * width);
  const copy = new Uint32Array(width);
  return (row) => {
    for (let x = 0; x < width; x++) copy[x] = data[row * stride[0] + x * stride[1]];
    return copy;
  };
}

function withFractions(pairs: PairTable, areaA: Uint32Array, areaB: Uint32Array): Overlaps {
  const { count } = pairs;
  const a = pairs.a.slice(0, count);
  const b = pairs.b.slice(0, count);
  const pixels = Uint32Array.from(pairs.values.subarray(0, count));
  const fractionA = Float64Array.from(pixels, (n, i) => n / areaA[a[i]]);
  const fractionB = Float64Array.from(pixels, (n, i) => n / areaB[b[i]]);
  const iou = Float64Array.from(pixels, (n, i) => n / (areaA[a[i]] + areaB[b[i]] - n));
  return { count, a, b, pixels, fractionA, fractionB, iou };
}

export interface OverlapLinkOptions {
  /** `skip` where a section is missing between the two. */
  readonly kind: 'cross' | 'skip';
  /** Score (see `linkByOverlap`) at which a pair is as likely one neuron as not. 0..1 exclusive. */
  readonly evenScore: number;
  /** Overlaps of fewer pixels than this make no edge. */
  readonly minimumPixels: number;
  /** Section pixels that each pixel of the labels stands for; itself where absent. */
  readonly spans?: PixelSpans;
}

/** `evenScore` by 3D VOI after edge contraction, on the volumes that learned links are tuned on (docs/experiments.md). */
export const LINK_DEFAULTS = {
  kind: 'cross',
  evenScore: 0.3,
  minimumPixels: 1,
} as const satisfies OverlapLinkOptions;

/** Exponents of the larger and the smaller of the two fractions that a pair has in common: a fragment that lies within another one is likely a part. */
const [LARGER, SMALLER] = [7 / 8, 1 / 8];

/**
 * Links two sections by plain overlap. The score of a pair is the weighted geometric mean of the two fractions that the
 * common part is of either fragment; a pair that is the best of neither fragment scores 0. Its odds over those
 * of `evenScore` are the odds of the edge, so that repulsion (the pairs that barely overlap) is in the graph too.
 * @returns one edge a pair, global ids; area = common pixels.
 * @throws KynError `shape` where the sections differ in size; `cancelled`.
 */
export function linkByOverlap(
  lower: SectionFragments,
  upper: SectionFragments,
  options: OverlapLinkOptions = LINK_DEFAULTS,
  context: StageContext = {},
): EdgeList {
  throwIfCancelled(context.signal);
  const overlaps = countOverlaps(lower, upper, options.spans);
  const { count, a, b, pixels, fractionA, fractionB } = overlaps;
  const bestA = mostPixels(a, pixels, lower.area.length);
  const bestB = mostPixels(b, pixels, upper.area.length);
  const kind = options.kind === 'skip' ? SKIP : CROSS;
  const evenOdds = options.evenScore / (1 - options.evenScore);
  const edges = new EdgeList(count);
  for (let i = 0; i < count; i++) {
    if (pixels[i] < options.minimumPixels) continue;
    const isBest = pixels[i] === bestA[a[i]] || pixels[i] === bestB[b[i]];
    const [larger, smaller] = [Math.max(fractionA[i], fractionB[i]), Math.min(fractionA[i], fractionB[i])];
    const score = isBest ? larger ** LARGER * smaller ** SMALLER : 0;
    const probability = score / (score + (1 - score) * evenOdds);
    edges.push(a[i] + lower.idOffset, b[i] + upper.idOffset, kind, pixels[i], probability);
  }
  return edges;
}

/** Largest overlap of every fragment. */
function mostPixels(fragment: Uint32Array, pixels: Uint32Array, length: number): Uint32Array {
  const most = new Uint32Array(length);
  for (let i = 0; i < pixels.length; i++) {
    if (pixels[i] > most[fragment[i]]) most[fragment[i]] = pixels[i];
  }
  return most;
}
