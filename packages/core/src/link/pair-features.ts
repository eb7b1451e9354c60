/**
 * The evidence about a pair of fragments as a row of numbers for the classifier. What the two fragments have one of
 * each comes as the smaller and the larger value, so that a pair looks the same seen from above and from below.
 */

import { keepCompiled } from '../graph/kept-classes.ts';
import { pairKey } from '../graph/pair-hash.ts';
import {
  AFFINITY,
  ALIGNED,
  COLUMNS,
  DISPLACED,
  DISPLACED_AFFINITY,
  NOS,
  type PairEvidence,
  PIXELS,
  SQUARE,
  YESES,
} from './pair-evidence.ts';
import type { FragmentPairs, LinkSection } from './section-view.ts';

/** Names, in order; a linker that was trained on other features is refused. */
export const PAIR_FEATURES = [
  'overlap pixels (log)',
  'overlap share, smaller',
  'overlap share, larger',
  'overlap over union',
  'area, smaller (log)',
  'area, larger (log)',
  'affinity, mean',
  'affinity, spread',
  'affinity, share of clear no',
  'affinity, share of clear yes',
  'affinity over area, smaller',
  'affinity over area, larger',
  'share of all affinity, smaller',
  'share of all affinity, larger',
  'against the next best (log), smaller',
  'against the next best (log), larger',
  'best partner of how many sides',
  'best rival touches, smaller',
  'best rival touches, larger',
  'displaced affinity, mean',
  'displaced samples over area',
  'aligned share, smaller',
  'aligned share, larger',
  'aligned over union',
  'centroid shift over size',
  'centroid shift',
  'centroid shift beyond the local one over size',
  'centroid shift beyond the local one',
  'local shift',
  'elongation, smaller',
  'elongation, larger',
  'turn',
  'candidates, fewer',
  'candidates, more',
  'cut at the border',
  'distance of the sections, nm',
] as const;

/**
 * What the classifier of given fragments is told besides: how large profiles are in these two sections. Where somebody drew them, it depends
 * on the stack what a speck is and whether it belongs to what lies over it.
 */
export const GIVEN_FEATURES = [...PAIR_FEATURES, 'area, larger (log), mean of all pairs'] as const;

/** Rows of {@link GIVEN_FEATURES}. @param rows those of {@link PAIR_FEATURES} for all candidates of two sections */
export function givenFeatures(rows: Float32Array): Float32Array {
  const width = PAIR_FEATURES.length;
  const count = rows.length / width;
  const column = PAIR_FEATURES.indexOf('area, larger (log)');
  let sum = 0;
  for (let i = 0; i < count; i++) sum += rows[i * width + column];
  const out = new Float32Array(count * GIVEN_FEATURES.length).fill(count > 0 ? sum / count : 0);
  for (let i = 0; i < count; i++) {
    out.set(rows.subarray(i * width, (i + 1) * width), i * GIVEN_FEATURES.length);
  }
  return out;
}

/** Value of a feature that a pair has no evidence for. */
const NONE = -1;

/**
 * Rows of {@link PAIR_FEATURES}, one a candidate.
 * @param distanceNm between the two sections
 */
export function pairFeatures(
  evidence: PairEvidence,
  lower: LinkSection,
  upper: LinkSection,
  distanceNm: number,
): Float32Array {
  const sides = [
    new Competition(evidence, evidence.a, lower.profiles.count),
    new Competition(evidence, evidence.b, upper.profiles.count),
  ] as const;
  const touching = [pairSet(lower.touching), pairSet(upper.touching)] as const;
  // a rival of one fragment lies in the section of the other
  const rivals = (i: number): readonly [number, number] => [
    rivalTouches(sides[0].rival(evidence.a[i], i), evidence.b, i, touching[1]),
    rivalTouches(sides[1].rival(evidence.b[i], i), evidence.a, i, touching[0]),
  ];
  const out = new Float32Array(evidence.count * PAIR_FEATURES.length);
  for (let i = 0; i < evidence.count; i++)
    fillRow(out, i, evidence, lower, upper, sides, rivals(i), distanceNm);
  return out;
}

function pairSet({ count, a, b }: FragmentPairs): ReadonlySet<number> {
  const out = new Set<number>();
  for (let i = 0; i < count; i++) out.add(pairKey(a[i], b[i]));
  return out;
}

/**
 * 1 where a fragment's best candidate but for the i-th touches that one: the two are hardly one neuron, so that one of them
 * is not the fragment's. 0 where they lie apart; -1 without a rival.
 */
function rivalTouches(
  rival: number | undefined,
  candidate: Uint32Array,
  i: number,
  touching: ReadonlySet<number>,
): number {
  if (rival === undefined) return NONE;
  return Number(touching.has(pairKey(candidate[rival], candidate[i])));
}

function fillRow(
  out: Float32Array,
  i: number,
  { a, b, sums, shift }: PairEvidence,
  lower: LinkSection,
  upper: LinkSection,
  sides: readonly [Competition, Competition],
  rivals: readonly [number, number],
  distanceNm: number,
): void {
  const [p, q] = [lower.profiles, upper.profiles];
  const [m, n] = [a[i], b[i]];
  const at = i * COLUMNS;
  let to = i * PAIR_FEATURES.length;
  const pixels = sums[at + PIXELS];
  const [areaA, areaB] = [p.area[m], q.area[n]];
  out[to++] = Math.log2(1 + pixels);
  to = putBoth(out, to, pixels / areaA, pixels / areaB);
  out[to++] = pixels / (areaA + areaB - pixels);
  to = putBoth(out, to, Math.log2(areaA), Math.log2(areaB));

  const mean = pixels > 0 ? sums[at + AFFINITY] / pixels : NONE;
  out[to++] = mean;
  out[to++] = pixels > 0 ? Math.sqrt(Math.max(0, sums[at + SQUARE] / pixels - mean * mean)) : NONE;
  out[to++] = pixels > 0 ? sums[at + NOS] / pixels : NONE;
  out[to++] = pixels > 0 ? sums[at + YESES] / pixels : NONE;
  to = putBoth(out, to, sums[at + AFFINITY] / areaA, sums[at + AFFINITY] / areaB);

  const support = supportOf(sums, i);
  to = putBoth(out, to, sides[0].share(m, support), sides[1].share(n, support));
  to = putBoth(out, to, sides[0].margin(m, support), sides[1].margin(n, support));
  out[to++] = Number(sides[0].isBest(m, support)) + Number(sides[1].isBest(n, support));
  to = putBoth(out, to, ...rivals);

  const displaced = sums[at + DISPLACED];
  out[to++] = displaced > 0 ? sums[at + DISPLACED_AFFINITY] / displaced : NONE;
  out[to++] = displaced / Math.min(areaA, areaB);
  const aligned = Math.min(sums[at + ALIGNED], areaA, areaB);
  to = putBoth(out, to, aligned / areaA, aligned / areaB);
  out[to++] = aligned / (areaA + areaB - aligned);

  const cell = shift.cell(Math.floor(p.centroidY[m]), Math.floor(p.centroidX[m]));
  const movedY = q.centroidY[n] - p.centroidY[m];
  const movedX = q.centroidX[n] - p.centroidX[m];
  const size = Math.sqrt(Math.min(areaA, areaB));
  const moved = Math.hypot(movedY, movedX);
  const beyond = Math.hypot(movedY - shift.y[cell], movedX - shift.x[cell]);
  out[to++] = moved / size;
  out[to++] = moved;
  out[to++] = beyond / size;
  out[to++] = beyond;
  out[to++] = Math.hypot(shift.y[cell], shift.x[cell]);
  const [longA, longB] = [p.major[m] / p.minor[m], q.major[n] / q.minor[n]];
  to = putBoth(out, to, longA, longB);
  out[to++] = Math.abs(Math.sin(p.angle[m] - q.angle[n])) * (1 - 1 / Math.min(longA, longB));
  to = putBoth(out, to, sides[0].candidates[m], sides[1].candidates[n]);
  out[to++] = p.cut[m] + q.cut[n];
  out[to] = distanceNm;
}

/** The smaller, then the larger; returns where the next goes. */
function putBoth(out: Float32Array, to: number, x: number, y: number): number {
  out[to] = Math.min(x, y);
  out[to + 1] = Math.max(x, y);
  return to + 2;
}

/** What competing candidates are weighed by: affinity over common pixels, and a little for near misses. */
function supportOf(sums: Float64Array, i: number): number {
  const at = i * COLUMNS;
  return sums[at + AFFINITY] + 0.1 * sums[at + DISPLACED_AFFINITY];
}

/** How a fragment's candidates compare. */
class Competition {
  readonly candidates: Uint32Array;
  private readonly total: Float64Array;
  private readonly best: Float64Array;
  private readonly second: Float64Array;
  /** Pairs that have them, from 1; 0 where there are none. */
  private readonly bestPair: Uint32Array;
  private readonly secondPair: Uint32Array;

  constructor(
    { count, sums }: Pick<PairEvidence, 'count' | 'sums'>,
    fragment: Uint32Array,
    fragments: number,
  ) {
    this.candidates = new Uint32Array(fragments + 1);
    this.total = new Float64Array(fragments + 1);
    this.best = new Float64Array(fragments + 1);
    this.second = new Float64Array(fragments + 1);
    this.bestPair = new Uint32Array(fragments + 1);
    this.secondPair = new Uint32Array(fragments + 1);
    for (let i = 0; i < count; i++) {
      const id = fragment[i];
      const support = supportOf(sums, i);
      this.candidates[id]++;
      this.total[id] += support;
      if (support > this.best[id]) {
        this.second[id] = this.best[id];
        this.secondPair[id] = this.bestPair[id];
        this.best[id] = support;
        this.bestPair[id] = i + 1;
      } else if (support > this.second[id]) {
        this.second[id] = support;
        this.secondPair[id] = i + 1;
      }
    }
  }

  /** The best pair of a fragment but for this one. */
  rival(id: number, pair: number): number | undefined {
    const other = this.bestPair[id] === pair + 1 ? this.secondPair[id] : this.bestPair[id];
    return other === 0 ? undefined : other - 1;
  }

  isBest(id: number, support: number): boolean {
    return support >= this.best[id];
  }

  share(id: number, support: number): number {
    return this.total[id] > 0 ? support / this.total[id] : 0;
  }

  /** Log-ratio to the best of the others. */
  margin(id: number, support: number): number {
    const other = this.isBest(id, support) ? this.second[id] : this.best[id];
    return Math.log2((support + 1) / (other + 1));
  }
}

keepCompiled(new Competition({ count: 0, sums: new Float64Array(0) }, new Uint32Array(0), 0));
