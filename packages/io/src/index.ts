/** Isomorphic parts of `@kyn/io`; opening and writing volumes is in `@kyn/io/node` and `@kyn/io/web`. */
export { closingOnFailure } from './adapt.ts';
export { type ByteSource, type Folder, memoryBytes } from './byte-source.ts';
export type { DatasetDescription, VolumeDescription } from './format.ts';
export { looksLikeImage, looksLikeLabels } from './looks-like-labels.ts';
export { pairNames } from './pair-names.ts';
export type {
  DiscardableLabelSink,
  DiscardableSectionSink,
  ResumableLabelSink,
  SectionSink,
} from './sinks.ts';
export { parseVolumeSpec, type VolumeSpec } from './spec.ts';
