/** The fragments of one section: what was segmented or given, and its measures in pixels of the volume. */

import { type EdgeColumns, EdgeList, IN_PLANE, withColumns } from '../graph/edge-list.ts';
import { PairTable } from '../graph/pair-table.ts';
import type { FragmentPairs } from '../link/section-view.ts';
import type { PixelSpans, ResamplePlan } from '../predict/resample.ts';
import { type FragmentTable, fragmentTable } from '../segment/fragment-table.ts';
import type { Segmentation } from '../segment/segment.ts';
import { ndarray, toDense } from '../volume/array.ts';
import type { LabelSection } from '../volume/contracts.ts';
import { labelProfiles } from '../volume/profiles.ts';

export interface Cut {
  /** Dense, ids 1..count of this section, in pixels of the plan's `small` grid: the network's, or those given. */
  readonly labels: Uint32Array;
  /** In pixels of the volume. */
  readonly stats: FragmentTable;
  /** In-plane edges, ids of this section; contact in pixels of the volume. */
  readonly edges: EdgeColumns;
  /** What was segmented, with its parts, where it may still be repaired. */
  readonly repairable?: Segmentation | undefined;
}

/** What was segmented in the network's pixels, measured in the volume's. @param spans of the plan */
export function inFullPixels(segmentation: Segmentation, plan: ResamplePlan, spans: PixelSpans): Cut {
  const { labels, count, edges, stats } = segmentation;
  const repairable = segmentation.parts && segmentation;
  if (plan.identity) return { labels: labels.data, stats, edges, repairable };
  const [height, width] = plan.small;
  const fullStats = fragmentTable(labels.data, height, width, count, spans);
  const scale = Math.sqrt(plan.factor[0] * plan.factor[1]);
  const area = edges.area.map((pixels) => Math.max(1, Math.round(pixels * scale)));
  const scaled = { labels: labels.data, stats: fullStats, edges: withColumns(edges, { area }), repairable };
  const shrunk = plan.factor[0] < 1 || plan.factor[1] < 1;
  return shrunk ? withoutVanished(scaled, plan, spans) : scaled;
}

/** Numbers the fragments anew where some have no pixel left. */
function withoutVanished(
  { labels, stats, edges, repairable }: Cut,
  plan: ResamplePlan,
  spans: PixelSpans,
): Cut {
  const renumbered = new Uint32Array(stats.count + 1);
  let count = 0;
  for (let i = 1; i <= stats.count; i++) if (stats.area[i] > 0) renumbered[i] = ++count;
  if (count === stats.count) return { labels, stats, edges, repairable };
  const kept = labels.map((label) => renumbered[label]);
  const list = new EdgeList(edges.count);
  for (let i = 0; i < edges.count; i++) {
    const a = renumbered[edges.a[i]];
    const b = renumbered[edges.b[i]];
    if (a > 0 && b > 0) list.push(a, b, edges.kind[i], edges.area[i], edges.probability[i]);
  }
  return {
    labels: kept,
    stats: fragmentTable(kept, plan.small[0], plan.small[1], count, spans),
    edges: list.columns(),
    repairable, // with its own numbers
  };
}

/**
 * What given fragments say of each other: who drew them kept those apart that touch, so they are hardly one neuron,
 * however well they would link; as watersheds leave it, a line of 0 may lie between. Two of one id that meet at corners, or across
 * such a line, were most likely cut there by 4-connectivity: of `pinky40-labels`' specks with such a partner, 87 % belong to it.
 * Where ids are told again and again in a section, two of different ids that meet at corners say nothing: across a membrane drawn one pixel
 * wide cells do all along.
 */
const TOUCHING = 0.03;
const AT_A_CORNER = 0.87;

/** Ids that stand for more pieces in a section than this, on average, are not those of cells. */
const PIECES_AN_ID = 8;

/** Lines of 0 between fragments that touch are at most so many pixels wide. */
const LINE_PIXELS = 2;

/**
 * Where every id of a section is one piece, pieces that belong together have ids of their own. Then it depends on how large the smaller one
 * is, in pixels, whether two that meet at corners were cut there (`pinky40-labels` at two places, each piece with an id of its own:
 * 0.84, 0.68 and 0.15 of them are one neuron), and small ones across a line of 0 may be anything (0.38, 0.24 and 0.02).
 */
const SPECK_PIXELS = 3;
const SMALL_PIXELS = 10;
const SPECK_AT_A_CORNER = 0.84;
const SMALL_AT_A_CORNER = 0.68;

/** Given labels as fragments: every 4-connected piece of one id is a fragment; 0 stays 0. */
export function givenFragments(section: LabelSection): Cut {
  const [height, width] = section.shape;
  const { labels, count } = labelProfiles(section);
  const stats = fragmentTable(labels.data, height, width, count);
  const { data: ids } = toDense(section);
  return { labels: labels.data, stats, edges: givenEdges(labels.data, ids, stats, height, width) };
}

/** Given labels in the network's pixels: each the one in the middle of what it stands for. */
export function shrinkGiven(
  section: LabelSection,
  { full: [fullHeight, fullWidth], small: [height, width], factor }: ResamplePlan,
): LabelSection {
  const out = new Uint32Array(height * width);
  const columns = Uint32Array.from({ length: width }, (_, x) =>
    Math.min(fullWidth - 1, Math.floor((x + 0.5) * factor[1])),
  );
  for (let y = 0; y < height; y++) {
    const row = Math.min(fullHeight - 1, Math.floor((y + 0.5) * factor[0])) * section.stride[0];
    for (let x = 0; x < width; x++) out[y * width + x] = section.data[row + columns[x] * section.stride[1]];
  }
  return ndarray(out, [height, width]);
}

/** Columns of the table of contacts: pixel edges, corners, and pixel edges across a line of 0. */
const SIDES = 0;
const CORNERS = 1;
const LINES = 2;

/**
 * In-plane edges of given fragments; area is their contact, in pixel edges, else in corners, else in pixel edges across a line of 0.
 * @param ids as they were given, of which `labels` are the pieces
 */
function givenEdges(
  labels: Uint32Array,
  ids: Uint32Array,
  { count, area }: FragmentTable,
  height: number,
  width: number,
): EdgeColumns {
  const contacts = new PairTable(3, 4096);
  const touch = (p: number, q: number, column: number): void => {
    const [a, b] = [labels[p], labels[q]];
    if (a === b || a === 0 || b === 0) return;
    contacts.values[3 * contacts.slot(Math.min(a, b), Math.max(a, b)) + column]++;
  };
  /** @param room pixels that follow in the direction of `step` */
  const touchAlong = (p: number, step: number, room: number): void => {
    if (labels[p] === 0) return;
    const reach = Math.min(room, 1 + LINE_PIXELS);
    for (let q = p + step, i = 0; i < reach; i++, q += step) {
      if (labels[q] === 0) continue;
      touch(p, q, i === 0 ? SIDES : LINES);
      return;
    }
  };
  const idOf = new Uint32Array(count + 1);
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      idOf[labels[p]] = ids[p];
      touchAlong(p, 1, width - 1 - x);
      touchAlong(p, width, height - 1 - y);
      if (y + 1 === height) continue;
      if (x + 1 < width) touch(p, p + width + 1, CORNERS);
      if (x > 0) touch(p, p + width - 1, CORNERS);
    }
  }
  const different = new Set(idOf.subarray(1)).size;
  // in a mask all cells have one id
  const idsOfCells = different > 1 && different < count && PIECES_AN_ID * different >= count;
  const edges = new EdgeList(contacts.count);
  for (let i = 0; i < contacts.count; i++) {
    const [a, b] = [contacts.a[i], contacts.b[i]];
    const contact = contacts.values.subarray(3 * i, 3 * i + 3);
    const smaller = Math.min(area[a], area[b]);
    const probability = idsOfCells ? byIds(contact, idOf[a] === idOf[b]) : bySize(contact, smaller);
    if (probability === undefined) continue;
    edges.push(a, b, IN_PLANE, contact[SIDES] || contact[CORNERS] || contact[LINES], probability);
  }
  return edges.columns();
}

/** That two pieces are one neuron, where ids tell pieces that belong together; undefined: nothing is known. */
function byIds(contact: Float64Array, same: boolean): number | undefined {
  if (contact[SIDES] > 0) return TOUCHING;
  if (same) return AT_A_CORNER;
  return contact[LINES] > 0 ? TOUCHING : undefined;
}

/** The same where every piece has an id of its own, or all have one. */
function bySize(contact: Float64Array, smallerPixels: number): number | undefined {
  if (contact[SIDES] > 0) return TOUCHING;
  if (smallerPixels > SMALL_PIXELS) return contact[LINES] > 0 ? TOUCHING : undefined;
  // along a line that runs askew there are corners, too
  if (contact[CORNERS] <= contact[LINES]) return undefined;
  return smallerPixels > SPECK_PIXELS ? SMALL_AT_A_CORNER : SPECK_AT_A_CORNER;
}

/** The pairs among in-plane edges that touch, also across a line of 0. @param given of fragments as {@link givenFragments} */
export function touchingPairs(edges: EdgeColumns, given: boolean): FragmentPairs {
  if (!given) return edges;
  const kept = edges.probability.map((p) => Number(p === Math.fround(TOUCHING)));
  const of = (ids: Uint32Array): Uint32Array => ids.filter((_, i) => kept[i] === 1);
  const [a, b] = [of(edges.a), of(edges.b)];
  return { count: a.length, a, b };
}

/** A section without tissue. */
export function noFragments({ small: [height, width] }: ResamplePlan): Cut {
  const labels = new Uint32Array(height * width);
  return { labels, stats: fragmentTable(labels, height, width, 0), edges: new EdgeList(1).columns() };
}
