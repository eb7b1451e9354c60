/** Where pieces of a section go on next door. */
import type { EdgeColumns } from '../graph/edge-list.ts';
import { PairTable } from '../graph/pair-table.ts';

/** A section next door; nothing of it is mutated. */
export interface NextDoor {
  /** Dense [height × width], ids of that section, in the pixels of the parts. */
  readonly labels: Uint32Array;
  /** How likely its touching fragments are one neuron; ids of that section. */
  readonly edges: Pick<EdgeColumns, 'count' | 'a' | 'b' | 'probability'>;
  /** Affinities between the two sections in place, dense, every `stride`th pixel along both axes. */
  readonly affinity: Float32Array;
  readonly stride: number;
}

export interface RepairOptions {
  /** Fewest pixels that a part shares with a fragment next door in which it goes on. */
  readonly minimumPixels: number;
  /** Least mean affinity over these pixels. */
  readonly leastAffinity: number;
  /** Least share of all affinity that the part has on that side. */
  readonly leastShare: number;
  /** Fragments next door that touch are different neurons where they are one with less probability than this. */
  readonly different: number;
  /** Least mean affinity between two fragments that are merged. */
  readonly mergeAbove: number;
}

const PIXELS = 0;
const AFFINITY = 1;
const COLUMNS = 2;

/** What a section's parts share with the fragments next door: pixels and the affinity over them, one row a pair. */
export type Shared = PairTable;

/**
 * @param labels dense [height × width], parts of the section; 0 is none
 * @param width of both sections, px
 */
export function shareOf(
  labels: Uint32Array,
  { labels: other, affinity, stride }: NextDoor,
  width: number,
): Shared {
  const pairs = new PairTable(COLUMNS, 1 << 12);
  const columns = Math.ceil(width / stride);
  const height = labels.length / width;
  const sampleOf = Uint32Array.from({ length: width }, (_, x) => Math.floor(x / stride));
  for (let y = 0; y < height; y++) {
    countRow(pairs, labels, other, y * width, affinity, Math.floor(y / stride) * columns, sampleOf);
  }
  return pairs;
}

/** The same of what parts make up. @param whole of every part */
export function pooled(shared: Shared, whole: Uint32Array): Shared {
  const out = new PairTable(COLUMNS, 1 << 12);
  for (let i = 0; i < shared.count; i++) {
    const at = out.slot(whole[shared.a[i]], shared.b[i]) * COLUMNS;
    for (let k = 0; k < COLUMNS; k++) out.values[at + k] += shared.values[i * COLUMNS + k];
  }
  return out;
}

/** The fragment next door that each of the pieces 1..count goes on in; 0 where that is not clear. Entry 0 is not read. */
export function goesOn(
  { a, b, values, count: pairs }: Shared,
  count: number,
  { minimumPixels, leastAffinity, leastShare }: RepairOptions,
): Uint32Array {
  const best = new Uint32Array(count + 1);
  const total = new Float64Array(count + 1);
  const most = new Float64Array(count + 1);
  for (let i = 0; i < pairs; i++) {
    const piece = a[i];
    const [pixels, sum] = [values[i * COLUMNS + PIXELS], values[i * COLUMNS + AFFINITY]];
    total[piece] += sum;
    if (sum <= most[piece]) continue;
    most[piece] = sum;
    best[piece] = pixels >= minimumPixels && sum >= leastAffinity * pixels ? b[i] : 0;
  }
  for (let piece = 1; piece <= count; piece++) if (most[piece] < leastShare * total[piece]) best[piece] = 0;
  return best;
}

/** One row, run by run; a function of its own, as in `segment/watershed.ts`. */
function countRow(
  pairs: PairTable,
  first: Uint32Array,
  second: Uint32Array,
  row: number,
  affinity: Float32Array,
  sampleRow: number,
  sampleOf: Uint32Array,
): void {
  for (let x = 0; x < sampleOf.length; ) {
    const a = first[row + x];
    const b = second[row + x];
    const from = x;
    let total = 0;
    do total += affinity[sampleRow + sampleOf[x++]];
    while (x < sampleOf.length && first[row + x] === a && second[row + x] === b);
    if (a === 0 || b === 0) continue;
    const at = pairs.slot(a, b) * COLUMNS;
    pairs.values[at + PIXELS] += x - from;
    pairs.values[at + AFFINITY] += total;
  }
}
