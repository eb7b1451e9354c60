/** Isomorphic parts of `@kyn/io`; opening and writing volumes is in `@kyn/io/node` and `@kyn/io/web`. */
export type { DatasetDescription, VolumeDescription } from './format.ts';
export type { ResumableLabelSink, SectionSink } from './sinks.ts';
