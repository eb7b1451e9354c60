export {
  isKynError,
  KynError,
  type KynErrorCode,
  type KynErrorDetails,
  type Signal,
  throwIfCancelled,
} from './errors.ts';
export * from './evaluate/index.ts';
export * from './phantom/index.ts';
export * from './predict/index.ts';
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
