/**
 * Links judged once more when all are known. A neurite that is cut obliquely moves from section to section, and mostly goes on
 * the way it came; what a profile's other links say of it, no two sections by themselves show.
 */
import { type Signal, throwIfCancelled } from '../errors.ts';
import { CROSS, type EdgeColumns, SKIP, withColumns } from '../graph/edge-list.ts';
import type { SectionTable } from '../segment/fragment-table.ts';
import type { Vec3 } from '../volume/array.ts';
import { type Classifier, classify } from './classifier.ts';

/** Names, in order; those of the lower and of the upper fragment's other links come with its own side. */
export const COURSE_FEATURES = [
  'link, log-odds',
  'shift, nm',
  'shift over size',
  'area below, nm² (log)',
  'area above, nm² (log)',
  'overlap, nm² (log)',
  'overlap share of the smaller',
  'best rival of the lower, log-odds',
  'best rival of the upper, log-odds',
  'share of the lower’s rival in both overlaps',
  'share of the upper’s rival in both overlaps',
  'link before, log-odds',
  'link before, overlap, nm² (log)',
  'turn from the link before, nm',
  'turn from the link before over size',
  'area of the one before over the lower’s (log)',
  'link after, log-odds',
  'link after, overlap, nm² (log)',
  'turn to the link after, nm',
  'turn to the link after over size',
  'area of the one after over the upper’s (log)',
  'distance of the sections, nm',
] as const;

/** Probabilities are taken for no surer than this: |log-odds| <= 6.9. */
const MARGIN = 1e-3;
/** Log-odds and log ratios where there is no other link. */
const NONE = -9;
/** Turn where there is no other link. */
const NO_TURN = -1;
/** Added to the radius of the smaller profile, nm: of specks it says little. */
const LEAST_SIZE_NM = 10;
/** Rows judged at a time. */
const STRETCH = 1 << 15;

/** The fragments of a section that may lie beside the one before. */
export interface ShiftedSection extends SectionTable {
  /** As far as it is visible, y and x in nm. */
  readonly shiftNm: readonly [number, number] | undefined;
}

/** The fragments of a section, and where the section lies in the stack. */
export interface PlacedSection extends SectionTable {
  /** In section thicknesses. */
  readonly position: number;
  /** By how much it lies beside the first one, as far as that is visible; y and x, nm. */
  readonly asideNm: readonly [number, number];
}

/**
 * Where sections lie that each say how far they are from the one before: the shifts add up.
 * @param sections in order
 * @param positions of the sections by their index, in section thicknesses, where that is not the index
 */
export function placeSections(
  sections: readonly ShiftedSection[],
  positions?: readonly number[],
): PlacedSection[] {
  let asideNm: readonly [number, number] = [0, 0];
  return sections.map(({ z, idOffset, stats, shiftNm = [0, 0] }) => {
    asideNm = [asideNm[0] + shiftNm[0], asideNm[1] + shiftNm[1]];
    return { z, idOffset, stats, position: positions?.[z] ?? z, asideNm };
  });
}

/** What is known of every fragment, by global id. */
interface Fragments {
  readonly areaNm2: Float64Array;
  /** Where it lies, or would if no section were shifted. */
  readonly yNm: Float64Array;
  readonly xNm: Float64Array;
  /** Of its section, in section thicknesses. */
  readonly position: Float64Array;
}

/** Of every fragment the likeliest link and the next, by number of link; -1 where there is none. */
interface Likeliest {
  readonly first: Int32Array;
  readonly second: Int32Array;
}

/** A stack's links between sections, each from the lower fragment to the upper one. */
export class Course {
  /** Edge of every link. */
  readonly edge: Uint32Array;
  private readonly lower: Uint32Array;
  private readonly upper: Uint32Array;
  private readonly logOdds: Float64Array;
  private readonly overlapNm2: Float64Array;
  /** Displacement a section, nm. */
  private readonly dy: Float64Array;
  private readonly dx: Float64Array;
  private readonly fragments: Fragments;
  private readonly upwards: Likeliest;
  private readonly downwards: Likeliest;

  /**
   * @param edges global ids; not mutated
   * @param sections all of them, in pixels of the volume
   * @param voxelSizeNm zyx
   * @param reach links between sections further apart than this, in section thicknesses, do not count
   */
  constructor(
    edges: EdgeColumns,
    sections: readonly PlacedSection[],
    private readonly voxelSizeNm: Vec3,
    reach = Number.POSITIVE_INFINITY,
  ) {
    const fragments = placeFragments(sections, voxelSizeNm);
    this.fragments = fragments;
    this.edge = linksOf(edges, fragments, reach);
    const count = this.edge.length;
    this.lower = new Uint32Array(count);
    this.upper = new Uint32Array(count);
    this.logOdds = new Float64Array(count);
    this.overlapNm2 = new Float64Array(count);
    this.dy = new Float64Array(count);
    this.dx = new Float64Array(count);
    this.edge.forEach((edge, i) => {
      const [a, b] = [edges.a[edge], edges.b[edge]];
      const [lower, upper] = fragments.position[a] < fragments.position[b] ? [a, b] : [b, a];
      const p = Math.min(1 - MARGIN, Math.max(MARGIN, edges.probability[edge]));
      const apart = sectionsApart(fragments, lower, upper);
      this.lower[i] = lower;
      this.upper[i] = upper;
      this.logOdds[i] = Math.log(p / (1 - p));
      this.overlapNm2[i] = edges.area[edge] * voxelSizeNm[1] * voxelSizeNm[2];
      this.dy[i] = (fragments.yNm[upper] - fragments.yNm[lower]) / apart;
      this.dx[i] = (fragments.xNm[upper] - fragments.xNm[lower]) / apart;
    });
    this.upwards = this.likeliest(this.lower);
    this.downwards = this.likeliest(this.upper);
  }

  /** Rows of {@link COURSE_FEATURES} of the links `from` to `to` (not included). */
  rows(from: number, to: number): Float32Array {
    const out = new Float32Array((to - from) * COURSE_FEATURES.length);
    let at = 0;
    for (let i = from; i < to; i++) {
      for (const value of this.row(i)) out[at++] = value;
    }
    return out;
  }

  private row(i: number): number[] {
    const { lower, upper, logOdds, overlapNm2, fragments } = this;
    const { areaNm2 } = fragments;
    const [a, b] = [lower[i], upper[i]];
    const apart = sectionsApart(fragments, a, b);
    const shift = Math.hypot(this.dy[i], this.dx[i]) * apart;
    const smaller = Math.min(areaNm2[a], areaNm2[b]);
    const size = Math.sqrt(smaller / Math.PI) + LEAST_SIZE_NM;
    const [rivalOfLower, rivalOfUpper] = [rival(this.upwards, a, i), rival(this.downwards, b, i)];
    const before = this.downwards.first[a];
    const after = this.upwards.first[b];
    return [
      logOdds[i],
      shift,
      shift / size,
      Math.log1p(areaNm2[a]),
      Math.log1p(areaNm2[b]),
      Math.log1p(overlapNm2[i]),
      smaller > 0 ? overlapNm2[i] / smaller : 0,
      rivalOfLower < 0 ? NONE : logOdds[rivalOfLower],
      rivalOfUpper < 0 ? NONE : logOdds[rivalOfUpper],
      this.shareOf(rivalOfLower, i),
      this.shareOf(rivalOfUpper, i),
      ...this.other(before, i, size, before < 0 ? 0 : lower[before], a),
      ...this.other(after, i, size, after < 0 ? 0 : upper[after], b),
      this.voxelSizeNm[0] * apart,
    ];
  }

  /** What the link `other`, to the fragment `far` from the fragment `near` that both have, says of link `i`. */
  private other(other: number, i: number, size: number, far: number, near: number): number[] {
    if (other < 0) return [NONE, 0, NO_TURN, NO_TURN, NONE];
    const turn = Math.hypot(this.dy[i] - this.dy[other], this.dx[i] - this.dx[other]);
    const { areaNm2 } = this.fragments;
    return [
      this.logOdds[other],
      Math.log1p(this.overlapNm2[other]),
      turn,
      turn / size,
      Math.log((1 + areaNm2[far]) / (1 + areaNm2[near])),
    ];
  }

  private shareOf(rival: number, i: number): number {
    if (rival < 0) return 0;
    const { overlapNm2 } = this;
    const both = overlapNm2[rival] + overlapNm2[i];
    return both > 0 ? overlapNm2[rival] / both : 0;
  }

  /** @param ends fragment of every link */
  private likeliest(ends: Uint32Array): Likeliest {
    const { logOdds, overlapNm2 } = this;
    const first = new Int32Array(this.fragments.position.length).fill(-1);
    const second = first.slice();
    const better = (i: number, j: number): boolean =>
      j < 0 || logOdds[i] > logOdds[j] || (logOdds[i] === logOdds[j] && overlapNm2[i] > overlapNm2[j]);
    ends.forEach((fragment, i) => {
      if (better(i, first[fragment])) {
        second[fragment] = first[fragment];
        first[fragment] = i;
      } else if (better(i, second[fragment])) second[fragment] = i;
    });
    return { first, second };
  }
}

/** The edges between sections, by their index. */
function linksOf({ count, kind, a, b }: EdgeColumns, { position }: Fragments, reach: number): Uint32Array {
  const found = new Uint32Array(count);
  let links = 0;
  for (let i = 0; i < count; i++) {
    if (kind[i] !== CROSS && kind[i] !== SKIP) continue;
    if (Math.abs(position[a[i]] - position[b[i]]) <= reach) found[links++] = i;
  }
  return found.slice(0, links);
}

const sectionsApart = ({ position }: Fragments, lower: number, upper: number): number =>
  Math.max(1, position[upper] - position[lower]);

/** The likeliest link of a fragment but this one; -1 where there is none. */
const rival = ({ first, second }: Likeliest, fragment: number, link: number): number =>
  first[fragment] === link ? second[fragment] : first[fragment];

function placeFragments(sections: readonly PlacedSection[], [, height, width]: Vec3): Fragments {
  const count = 1 + sections.reduce((most, { idOffset, stats }) => Math.max(most, idOffset + stats.count), 0);
  const [areaNm2, yNm, xNm, at] = [0, 1, 2, 3].map(() => new Float64Array(count));
  for (const { position, asideNm, idOffset, stats } of sections) {
    for (let i = 1; i <= stats.count; i++) {
      areaNm2[idOffset + i] = stats.area[i] * height * width;
      yNm[idOffset + i] = stats.centroidY[i] * height - asideNm[0];
      xNm[idOffset + i] = stats.centroidX[i] * width - asideNm[1];
      at[idOffset + i] = position;
    }
  }
  return { areaNm2, yNm, xNm, position: at };
}

/**
 * The edges with links between sections judged by their course.
 * @param classifier over {@link COURSE_FEATURES}
 * @param edges global ids; not mutated
 * @param sections all of them, in pixels of the volume
 * @param reach links between sections further apart than this, in section thicknesses, stay as they are
 * @throws KynError `cancelled`
 */
export function judgeByCourse(
  classifier: Classifier,
  edges: EdgeColumns,
  sections: readonly PlacedSection[],
  voxelSizeNm: Vec3,
  reach?: number,
  signal?: Signal,
): EdgeColumns {
  const course = new Course(edges, sections, voxelSizeNm, reach);
  const probability = edges.probability.slice();
  const { length } = course.edge;
  for (let from = 0; from < length; from += STRETCH) {
    throwIfCancelled(signal);
    const judged = classify(classifier, course.rows(from, Math.min(length, from + STRETCH)));
    judged.forEach((p, i) => {
      probability[course.edge[from + i]] = p;
    });
  }
  return withColumns(edges, { probability });
}
