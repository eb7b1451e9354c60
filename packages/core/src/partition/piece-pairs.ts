/**
 * What speaks for and against two pieces of neurons being one, as a row of numbers for a classifier. A piece is what an
 * early stop of the partition has put together: beside the evidence of single links it has size, extent and ends, and two
 * pieces touch in many places, whose evidence agrees or does not. (Judging objects as they grow is GALA's idea:
 * Nunez-Iglesias 2013.)
 */
import { type EdgeColumns, IN_PLANE } from '../graph/edge-list.ts';
import { PairTable } from '../graph/pair-table.ts';
import type { SectionTable } from '../segment/fragment-table.ts';
import type { Vec3 } from '../volume/array.ts';

/** Names, in order; a classifier that was trained on others is refused. */
export const PIECE_FEATURES = [
  'links (log)',
  'touching fragments (log)',
  'weight of links',
  'weight of touching fragments',
  'weight',
  'log-odds of links, mean',
  'log-odds of touching fragments, mean',
  'log-odds of links, best',
  'log-odds of links, worst',
  'log-odds of touching fragments, best',
  'log-odds of touching fragments, worst',
  'share of links that attract',
  'overlap (log)',
  'overlap over profile, smaller',
  'overlap over profile, larger',
  'volume, smaller (log)',
  'volume, larger (log)',
  'profile, smaller (log)',
  'profile, larger (log)',
  'sections, fewer',
  'sections, more',
  'sections of both',
  'sections of both over the fewer',
  'sections in which they meet',
  'overlap at an end of both',
  'share of all attraction, smaller',
  'share of all attraction, larger',
  'best partner of how many sides',
  'distance of sections, nm',
] as const;

/** What pieces are described by; nothing of it is mutated. */
export interface PieceInput {
  /** With global fragment ids. */
  readonly edges: EdgeColumns;
  /** What every edge counts, signed, and by how much its log-odds were multiplied for it. */
  readonly weight: Float64Array;
  readonly scale: Float64Array;
  /** Piece of every fragment; that of entry 0, which is background, is no other fragment's. */
  readonly piece: Uint32Array;
  readonly sections: readonly SectionTable[];
  readonly voxelSizeNm: Vec3;
}

/** Pairs of pieces that an edge runs between, in order of first edge. */
export interface PiecePairs {
  readonly count: number;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
  /** Rows of {@link PIECE_FEATURES}. */
  readonly features: Float32Array;
}

/** Columns of the table of pairs; log-odds are kept as distances from a limit, so that 0 is "none". */
const LINKS = 0;
const LINK_WEIGHT = 1;
const LINK_SCALE = 2;
const ATTRACTING = 3;
const BEST = 4;
const WORST = 5;
const CONTACTS = 6;
const CONTACT_WEIGHT = 7;
const CONTACT_SCALE = 8;
const BEST_CONTACT = 9;
const WORST_CONTACT = 10;
const OVERLAP = 11;
/** Of the overlap, where both pieces end. */
const AT_ENDS = 12;
const MEETINGS = 13;
/** Section in which they met last, from 1. */
const LAST_MEETING = 14;
const COLUMNS = 15;

/** More than any log-odds. */
const LIMIT = 16;

/** Size and extent of every piece. */
interface PieceTable {
  readonly voxels: Float64Array;
  readonly fragments: Uint32Array;
  /** Sections, in order of depth, as places in the list of sections. */
  readonly first: Uint32Array;
  readonly last: Uint32Array;
  readonly sections: Uint32Array;
  /** Sum of the weights of its pairs that attract, and the largest of them. */
  readonly attraction: Float64Array;
  readonly most: Float64Array;
}

export function piecePairs(input: PieceInput): PiecePairs {
  const sectionOf = sectionsOfFragments(input.sections, input.piece.length);
  const pieces = pieceTable(input, sectionOf);
  const pairs = gather(input, pieces, sectionOf);
  weighPartners(pairs, pieces);
  const { count } = pairs;
  const features = new Float32Array(count * PIECE_FEATURES.length);
  for (let i = 0; i < count; i++) fillRow(features, i, pairs, pieces, input.voxelSizeNm);
  return { count, a: pairs.a.slice(0, count), b: pairs.b.slice(0, count), features };
}

/** Place in the list of sections of every global fragment id. */
function sectionsOfFragments(sections: readonly SectionTable[], length: number): Uint32Array {
  const out = new Uint32Array(length);
  sections.forEach(({ idOffset, stats }, i) => {
    out.fill(i, idOffset + 1, idOffset + stats.count + 1);
  });
  return out;
}

function pieceTable({ piece, sections }: PieceInput, sectionOf: Uint32Array): PieceTable {
  let pieces = 0;
  for (const id of piece) pieces = Math.max(pieces, id + 1);
  const floats = () => new Float64Array(pieces);
  const table: PieceTable = {
    voxels: floats(),
    fragments: new Uint32Array(pieces),
    first: new Uint32Array(pieces).fill(sections.length),
    last: new Uint32Array(pieces),
    sections: new Uint32Array(pieces),
    attraction: floats(),
    most: floats(),
  };
  for (let fragment = 1; fragment < piece.length; fragment++) {
    const id = piece[fragment];
    const section = sectionOf[fragment];
    const { idOffset, stats } = sections[section];
    table.voxels[id] += stats.area[fragment - idOffset];
    // fragments ascend with depth
    if (table.fragments[id]++ === 0) table.first[id] = section;
    if (table.sections[id] === 0 || table.last[id] !== section) table.sections[id]++;
    table.last[id] = section;
  }
  return table;
}

function gather(
  { edges, weight, scale, piece }: PieceInput,
  { first, last }: PieceTable,
  sectionOf: Uint32Array,
): PairTable {
  const pairs = new PairTable(COLUMNS, 1 << 12);
  for (let e = 0; e < edges.count; e++) {
    const [m, n] = [edges.a[e], edges.b[e]];
    const [x, y] = [Math.min(piece[m], piece[n]), Math.max(piece[m], piece[n])];
    if (x === y) continue;
    const at = pairs.slot(x, y) * COLUMNS;
    const sums = pairs.values;
    const section = Math.max(sectionOf[m], sectionOf[n]);
    if (sums[at + LAST_MEETING] !== section + 1) sums[at + MEETINGS]++;
    sums[at + LAST_MEETING] = section + 1;
    const logOdds = weight[e] / (scale[e] || 1);
    const inPlane = edges.kind[e] === IN_PLANE;
    const [count, best, worst] = inPlane ? [CONTACTS, BEST_CONTACT, WORST_CONTACT] : [LINKS, BEST, WORST];
    sums[at + count]++;
    sums[at + count + 1] += weight[e];
    sums[at + count + 2] += scale[e];
    sums[at + best] = Math.max(sums[at + best], logOdds + LIMIT);
    sums[at + worst] = Math.max(sums[at + worst], LIMIT - logOdds);
    if (inPlane) continue;
    if (logOdds > 0) sums[at + ATTRACTING]++;
    sums[at + OVERLAP] += edges.area[e];
    const [below, above] = [piece[m], piece[n]]; // fragments ascend with depth
    if (last[below] === sectionOf[m] && first[above] === sectionOf[n]) sums[at + AT_ENDS] += edges.area[e];
  }
  return pairs;
}

const weightOf = ({ values }: PairTable, i: number): number =>
  values[i * COLUMNS + LINK_WEIGHT] + values[i * COLUMNS + CONTACT_WEIGHT];

/** Sums up, in place, what attracts every piece. */
function weighPartners(pairs: PairTable, { attraction, most }: PieceTable): void {
  for (let i = 0; i < pairs.count; i++) {
    const weight = Math.max(0, weightOf(pairs, i));
    for (const id of [pairs.a[i], pairs.b[i]]) {
      attraction[id] += weight;
      most[id] = Math.max(most[id], weight);
    }
  }
}

/** Value of a feature that a pair has no evidence for. */
const NONE = -LIMIT;

function fillRow(
  out: Float32Array,
  i: number,
  pairs: PairTable,
  pieces: PieceTable,
  [thicknessNm, heightNm, widthNm]: Vec3,
): void {
  const [a, b] = [pairs.a[i], pairs.b[i]];
  const sums = pairs.values.subarray(i * COLUMNS, (i + 1) * COLUMNS);
  // areas in pixels of 10 nm, whatever the volume's are
  const pixel = (heightNm * widthNm) / 100;
  const profile = (id: number) => (pixel * pieces.voxels[id]) / pieces.sections[id];
  const volume = (id: number) => pixel * pieces.voxels[id];
  let to = i * PIECE_FEATURES.length;
  const put = (...values: number[]): void => {
    for (const value of values) out[to++] = value;
  };
  const putBoth = (x: number, y: number): void => put(Math.min(x, y), Math.max(x, y));
  const weight = weightOf(pairs, i);
  put(Math.log2(1 + sums[LINKS]), Math.log2(1 + sums[CONTACTS]));
  put(Math.asinh(sums[LINK_WEIGHT]), Math.asinh(sums[CONTACT_WEIGHT]), Math.asinh(weight));
  put(sums[LINK_SCALE] > 0 ? sums[LINK_WEIGHT] / sums[LINK_SCALE] : NONE);
  put(sums[CONTACT_SCALE] > 0 ? sums[CONTACT_WEIGHT] / sums[CONTACT_SCALE] : NONE);
  put(sums[LINKS] > 0 ? sums[BEST] - LIMIT : NONE, sums[LINKS] > 0 ? LIMIT - sums[WORST] : NONE);
  put(sums[CONTACTS] > 0 ? sums[BEST_CONTACT] - LIMIT : NONE);
  put(sums[CONTACTS] > 0 ? LIMIT - sums[WORST_CONTACT] : NONE);
  put(sums[LINKS] > 0 ? sums[ATTRACTING] / sums[LINKS] : 0);
  const overlap = pixel * sums[OVERLAP];
  put(Math.log2(1 + overlap));
  putBoth(overlap / profile(a), overlap / profile(b));
  putBoth(Math.log2(volume(a)), Math.log2(volume(b)));
  putBoth(Math.log2(profile(a)), Math.log2(profile(b)));
  const [sectionsA, sectionsB] = [pieces.sections[a], pieces.sections[b]];
  putBoth(sectionsA, sectionsB);
  const common = 1 + Math.min(pieces.last[a], pieces.last[b]) - Math.max(pieces.first[a], pieces.first[b]);
  put(Math.max(0, common), Math.max(0, common) / Math.min(sectionsA, sectionsB), sums[MEETINGS]);
  put(sums[OVERLAP] > 0 ? sums[AT_ENDS] / sums[OVERLAP] : 0);
  const share = (id: number) => (pieces.attraction[id] > 0 ? Math.max(0, weight) / pieces.attraction[id] : 0);
  putBoth(share(a), share(b));
  const isBest = (id: number) => weight > 0 && weight >= pieces.most[id];
  put(Number(isBest(a)) + Number(isBest(b)), thicknessNm);
}
