/** What the writers offer besides core's `LabelSink`. */
import type { LabelSink, RawSection } from '@kyn/core';

/** A raw volume that is written section by section, each once, in any order. */
export interface SectionSink {
  /** The section must have the volume's size and dtype. */
  write(z: number, section: RawSection): Promise<void>;
  /** Completes the volume: after this it reads as whole. */
  close(): Promise<void>;
}

/** A sink whose unfinished volume can be thrown away. */
interface Discardable {
  /** Stops writing and removes what there is; does nothing after `close`. */
  discard(): Promise<void>;
}

export interface DiscardableSectionSink extends SectionSink, Discardable {}

export interface DiscardableLabelSink extends LabelSink, Discardable {}

/** A label sink that knows what an interrupted run has already written. */
export interface ResumableLabelSink extends DiscardableLabelSink {
  /** True when section `z` is on disk as a whole. */
  has(z: number): Promise<boolean>;
}
