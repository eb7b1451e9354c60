/**
 * Learned links: evidence about every candidate pair, judged by boosted trees whose answer is calibrated to a
 * probability (GALA: Nunez-Iglesias 2013, for the idea of a classifier over pooled evidence).
 */
import { CROSS, type EdgeColumns, EdgeList, SKIP } from '../graph/edge-list.ts';
import { type Classifier, isClassifier } from './classifier.ts';
import { COURSE_FEATURES } from './course.ts';
import { PLANE_FEATURES } from './in-plane.ts';
import { COLUMNS, type CrossAffinity, gatherEvidence, type PairEvidence, PIXELS } from './pair-evidence.ts';
import { GIVEN_FEATURES, PAIR_FEATURES, pairFeatures } from './pair-features.ts';
import type { LinkSection } from './section-view.ts';

/** What judges whether two fragments are one neuron; plain data. */
export interface LinkModel {
  readonly format: 'kyn-linker-2';
  /** Of neighbouring sections, over {@link PAIR_FEATURES}. */
  readonly cross: Classifier;
  /** Of one section, touching, over {@link PLANE_FEATURES}. */
  readonly plane?: Classifier;
  /**
   * In place of `cross` where fragments are given, over {@link GIVEN_FEATURES}: profiles that were drawn differ from what the
   * network cuts.
   */
  readonly given?: Classifier;
  /** Judges the links of `given` once more when all are known, over {@link COURSE_FEATURES}. */
  readonly course?: Classifier;
}

export const LINK_FORMAT = 'kyn-linker-2';

/** True for what this version can judge links with. */
export function isLinkModel(value: unknown): value is LinkModel {
  const model = value as Partial<LinkModel> | null;
  return (
    model?.format === LINK_FORMAT &&
    isClassifier(model.cross, PAIR_FEATURES) &&
    (model.given === undefined || isClassifier(model.given, GIVEN_FEATURES)) &&
    (model.course === undefined || isClassifier(model.course, COURSE_FEATURES)) &&
    (model.plane === undefined || isClassifier(model.plane, PLANE_FEATURES))
  );
}

/** Candidate pairs of two sections with what is known of them. */
export interface JudgedPairs {
  readonly evidence: PairEvidence;
  /** Rows of {@link PAIR_FEATURES}. */
  readonly features: Float32Array;
}

/** Two sections that are linked, and what is known of their pairs. */
export interface SectionPairs {
  /** Index of either section in the stack. */
  readonly lowerZ: number;
  readonly upperZ: number;
  readonly lower: LinkSection;
  readonly upper: LinkSection;
  readonly pairs: JudgedPairs;
  /** In-plane edges of the upper section, with its ids; probability is the mean affinity. */
  readonly upperEdges: EdgeColumns;
}

export function describePairs(
  lower: LinkSection,
  upper: LinkSection,
  cross: CrossAffinity,
  distanceNm: number,
): JudgedPairs {
  const evidence = gatherEvidence(lower, upper, cross);
  return { evidence, features: pairFeatures(evidence, lower, upper, distanceNm) };
}

/**
 * @param pixelArea pixels of the volume that a pixel of the network stands for
 * @returns one edge a candidate, global ids; area = common pixels of the volume, 0 of a near miss, which the partition
 * therefore does not heed (docs/experiments.md).
 */
export function edgesOfPairs(
  { evidence }: JudgedPairs,
  probability: Float32Array,
  lower: LinkSection,
  upper: LinkSection,
  kind: 'cross' | 'skip',
  pixelArea = 1,
): EdgeList {
  const { count, a, b, sums } = evidence;
  const edges = new EdgeList(count);
  for (let i = 0; i < count; i++) {
    const shared = pixelArea * sums[i * COLUMNS + PIXELS];
    const area = shared > 0 ? Math.max(1, Math.round(shared)) : 0;
    edges.push(
      a[i] + lower.idOffset,
      b[i] + upper.idOffset,
      kind === 'skip' ? SKIP : CROSS,
      area,
      probability[i],
    );
  }
  return edges;
}
