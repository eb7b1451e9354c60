/** The output folder of `kyn segment`. */
export { assignmentToArrow, graphToArrow } from './arrow-tables.ts';
export type { RunIdentity } from './folder-state.ts';
export { drawPreview } from './preview.ts';
export {
  type SegmentationFolder,
  type SegmentationFolderOptions,
  type TakenFolder,
  takeSegmentationFolder,
} from './segmentation-folder.ts';
