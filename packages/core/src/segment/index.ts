export { type FragmentTable, fragmentTable, fragmentVoxels, type SectionTable } from './fragment-table.ts';
export {
  type FragmentParts,
  joinParts,
  SEGMENT_DEFAULTS,
  type Segmentation,
  type SegmentOptions,
  segment,
} from './segment.ts';
