export {
  isKynError,
  KynError,
  type KynErrorCode,
  type KynErrorDetails,
  type Signal,
  throwIfCancelled,
} from './errors.ts';
export * from './evaluate/index.ts';
export * from './graph/index.ts';
export * from './link/index.ts';
export * from './neurons/index.ts';
export * from './partition/index.ts';
export * from './phantom/index.ts';
export * from './pipeline/index.ts';
export { runPipeline } from './pipeline.ts';
export * from './predict/index.ts';
export * from './project/index.ts';
export * from './repair/index.ts';
export * from './segment/index.ts';
export * from './volume/array.ts';
export type * from './volume/contracts.ts';
export * from './volume/random.ts';
export {
  type PartialBox,
  type SectionedVolume,
  type SubvolumeOptions,
  subvolume,
  subvolumeShape,
} from './volume/subvolume.ts';
