/** What surrounds the pipeline: where its result is kept, what it reports. */

export { mapAhead, WriteBehind } from './ahead.ts';
export { createMemoryStore, type MemoryStore } from './memory-store.ts';
export { type Surrounded, withNeighbours } from './neighbourhood.ts';
export {
  membranesIn,
  type NetworkView,
  networkPixelNm,
  networkView,
  seeSection,
  type ViewTarget,
} from './network-view.ts';
export type { PreviewPanel } from './preview-panel.ts';
export type { Clock, PipelineReport, StageName, StageTime } from './report.ts';
export { type Shifted, withShifts } from './section-shift.ts';
export { sectionsInSight } from './sight.ts';
export {
  BLOCK_DEFAULTS,
  checkPipelineInput,
  GIVEN_DEFAULTS,
  keepsGiven,
  OVERLAP_DEFAULTS,
  PIPELINE_DEFAULTS,
  type PipelineInput,
  type PipelineOptions,
  pipelineDefaults,
} from './start.ts';
export type { SectionRecord, SegmentationStore } from './store.ts';
