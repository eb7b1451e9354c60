export {
  ADAPT_DEFAULTS,
  type Adaptation,
  type AdaptedSection,
  type AdaptInput,
  type AdaptOptions,
  adaptModel,
  type SectionPicture,
} from './adapt/adapt.ts';
export {
  maskPainting,
  type PaintedSection,
  type Painting,
  paintedSection,
  UNPAINTED,
} from './adapt/painting.ts';
export type { Region } from './adapt/sections.ts';
export {
  type Baseline3dDescription,
  type Baseline3dModel,
  type Baseline3dSettings,
  decodeBaseline3d,
  encodeBaseline3d,
  looksLikeBaseline3d,
} from './model/baseline3d-model.ts';
export { createBlockPredictor, openPredictor } from './model/block-predictor.ts';
export {
  type CommonDescription,
  decodeModel,
  encodeModel,
  type KynModel,
  looksLikeKynModel,
  MODEL_FORMAT,
  type ModelCard,
  type ModelDescription,
  type SegmenterSettings,
} from './model/kyn-model.ts';
export { createPredictor, type LoadedModel, type LoadOptions } from './model/predictor.ts';
export type { Device, Feeds, Runtime, RuntimeOptions, Session, TensorInfo } from './runtime/session.ts';
export * from './sample/index.ts';
export { BASELINE3D_DEFAULTS, type Baseline3dOptions, trainBaseline3d } from './train/baseline3d.ts';
export type { TrainRecord } from './train/checkpoint.ts';
export {
  LINKER_DEFAULTS,
  type LinkerOptions,
  type Transfer,
  trainLinker,
} from './train/linker.ts';
export { PUBLISHED_WIDTHS_3D, type RandomNetwork3d, randomNetwork3d } from './train/random-network3d.ts';
export { type ReportLead, type ReportPicture, trainingReport } from './train/report.ts';
export {
  SEGMENTER_DEFAULTS,
  type SegmenterOptions,
  trainSegmenter,
} from './train/segmenter.ts';
export type { ScheduleOptions } from './train/trainer.ts';
export type { TrainingRun } from './train/training-run.ts';
