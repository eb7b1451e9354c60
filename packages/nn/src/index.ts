export {
  decodeModel,
  encodeModel,
  type KynModel,
  looksLikeKynModel,
  MODEL_FORMAT,
  type ModelCard,
  type ModelDescription,
  type SegmenterSettings,
} from './model/kyn-model.ts';
export { createPredictor } from './model/predictor.ts';
export type { Device, Feeds, Runtime, RuntimeOptions, Session, TensorInfo } from './runtime/session.ts';
export * from './sample/index.ts';
export type { TrainRecord } from './train/checkpoint.ts';
export { trainingReport } from './train/report.ts';
export {
  SEGMENTER_DEFAULTS,
  type SegmenterOptions,
  trainSegmenter,
} from './train/segmenter.ts';
export type { TrainingRun } from './train/training-run.ts';
