export { type FragmentTable, fragmentTable, type SectionTable } from './fragment-table.ts';
export { SEGMENT_DEFAULTS, type Segmentation, type SegmentOptions, segment } from './segment.ts';
