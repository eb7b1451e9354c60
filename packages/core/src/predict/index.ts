/** Sections to affinities: contrast, pixel size, tiles. */
export {
  CLIP_FRACTION,
  type NormalisedSection,
  type NormaliseOptions,
  normaliseSection,
  type SectionState,
} from './normalise.ts';
export {
  type Membranes,
  membranesAreBright,
  POLARITY_PIECE,
  type PolarityEvidence,
  polarityEvidence,
} from './polarity.ts';
export {
  type BlockedSection,
  type BlockPlan,
  isBlockPredictor,
  planBlocks,
  type SlabPredictor,
  slabPredictor,
} from './predict-blocks.ts';
export {
  PREDICT_DEFAULTS,
  type PredictOptions,
  planTiles,
  type SectionPredictor,
  sectionPredictor,
  type TilePlan,
} from './predict-section.ts';
export {
  enlargeLabels,
  type PixelSpans,
  pixelSpans,
  planResample,
  type ResamplePlan,
  resampleSection,
} from './resample.ts';
export { mirrorIndex } from './tiles.ts';
export { findTissue, type Tissue } from './tissue.ts';
