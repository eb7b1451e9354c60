/**
 * Scores of a segmentation against ground truth, from their contingency table.
 *
 * Variation of information (Meilă 2007), in bits, in its two halves: split = H(segmentation | truth), what is
 * cut apart; merge = H(truth | segmentation), what is grown together. Adapted Rand error (Arganda-Carreras
 * 2015): 1 - 2pr / (p + r) over pairs of voxels. CREMI score: the geometric mean of VOI and ARAND
 * (cremi.org). Lower is better, 0 is perfect.
 */
import { KynError } from '../errors.ts';
import type { ContingencyTable } from './contingency.ts';

/** The keys are the command line's and those of other tools; entropies are in bits. */
export interface Scores {
  readonly voi_split: number;
  readonly voi_merge: number;
  readonly voi: number;
  /** Adapted Rand error, 0..1. */
  readonly arand: number;
  readonly cremi: number;
  /** Voxels with truth. */
  readonly voxels: number;
  /** Segments (background among them) and true objects that these voxels hold. */
  readonly segments: number;
  readonly truth: number;
}

/** @throws KynError `content` when no voxel has truth. */
export function scoreTable(table: ContingencyTable): Scores {
  const n = table.voxels;
  if (n === 0) {
    throw new KynError('content', 'no voxel has ground truth (all of it is 0)', {
      where: 'truth',
      hint: 'check the box and that the truth is the second operand',
    });
  }
  const ofSegment = new Map<number, number>();
  const ofTruth = new Map<number, number>();
  const joint = new Moments(n);
  table.forEach((segment, truth, voxels) => {
    joint.add(voxels);
    ofSegment.set(segment, (ofSegment.get(segment) ?? 0) + voxels);
    ofTruth.set(truth, (ofTruth.get(truth) ?? 0) + voxels);
  });
  const segments = new Moments(n);
  for (const voxels of ofSegment.values()) segments.add(voxels);
  const truths = new Moments(n);
  for (const voxels of ofTruth.values()) truths.add(voxels);

  const split = joint.entropy - truths.entropy;
  const merge = joint.entropy - segments.entropy;
  const precision = joint.squares / segments.squares;
  const recall = joint.squares / truths.squares;
  const arand = 1 - (2 * precision * recall) / (precision + recall);
  return {
    voi_split: split,
    voi_merge: merge,
    voi: split + merge,
    arand,
    cremi: Math.sqrt(Math.max(0, split + merge) * Math.max(0, arand)),
    voxels: n,
    segments: ofSegment.size,
    truth: ofTruth.size,
  };
}

/** Entropy and sum of squares of a distribution given as counts out of `total`. */
class Moments {
  entropy = 0;
  squares = 0;

  constructor(private readonly total: number) {}

  add(count: number): void {
    const p = count / this.total;
    this.entropy -= p * Math.log2(p);
    this.squares += p * p;
  }
}

/** Mean of every key; `rows` must not be empty. */
export function meanScores(rows: readonly Scores[]): Scores {
  const mean = (key: keyof Scores) => rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  return {
    voi_split: mean('voi_split'),
    voi_merge: mean('voi_merge'),
    voi: mean('voi'),
    arand: mean('arand'),
    cremi: mean('cremi'),
    voxels: mean('voxels'),
    segments: mean('segments'),
    truth: mean('truth'),
  };
}
