export { type FragmentTable, fragmentTable } from './fragment-table.ts';
export { SEGMENT_DEFAULTS, type Segmentation, type SegmentOptions, segment } from './segment.ts';
