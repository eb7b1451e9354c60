export {
  BOOST_DEFAULTS,
  type BoostedTrees,
  type BoostOptions,
  type LabelledRows,
  predictLogits,
  trainBoostedTrees,
} from './boosted-trees.ts';
export {
  type Classifier,
  classify,
  Examples,
  fitClassifier,
  type Reliability,
  reliabilityOf,
} from './classifier.ts';
export { type PlacedSection, placeSections, type ShiftedSection } from './course.ts';
export { fitLinkModel, PairExamples, recalibrateLinkModel } from './fit.ts';
export { fitGiven, type GivenFit, GivenVolume } from './fit-given.ts';
export { PLANE_FEATURES } from './in-plane.ts';
export {
  describePairs,
  edgesOfPairs,
  isLinkModel,
  type JudgedPairs,
  LINK_FORMAT,
  type LinkModel,
  type SectionPairs,
} from './learned.ts';
export { type AffinityLinkOptions, linkByAffinity } from './mean-affinity.ts';
export {
  countOverlaps,
  LINK_DEFAULTS,
  linkByOverlap,
  type OverlapLinkOptions,
  type Overlaps,
  type SectionFragments,
} from './overlap.ts';
export type { CrossAffinity, PairEvidence } from './pair-evidence.ts';
export { PAIR_FEATURES } from './pair-features.ts';
export { type LinkSection, type ProfileTable, profileTable } from './section-view.ts';
