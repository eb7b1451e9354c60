/** The output folder of `kyn segment`. */
export { type FolderLock, lockFolder } from './folder-lock.ts';
export type { RunIdentity } from './folder-state.ts';
export { drawPreview, neuronColour } from './preview.ts';
export {
  type SegmentationFolder,
  type SegmentationFolderOptions,
  type TakenFolder,
  takeSegmentationFolder,
} from './segmentation-folder.ts';
