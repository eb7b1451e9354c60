export { AUGMENT_DEFAULTS, AUGMENT_NONE, type AugmentOptions } from './augment-options.ts';
export { type Batch, makeBatch } from './batch.ts';
export { loadTrainingVolume, type VolumeOptions } from './load-volume.ts';
export type { SampleOrigin } from './place.ts';
export { BatchQueue, type BatchQueueOptions } from './queue.ts';
export { type SheetPicture, sampleSheet } from './sheet.ts';
export {
  CLASS_WEIGHT_RANGE,
  LSD_CHANNELS,
  type SampleSpec,
  type TargetLayout,
  targetLayout,
  targetSection,
} from './spec.ts';
export { shareVolumes, type TrainingVolume } from './volume.ts';
