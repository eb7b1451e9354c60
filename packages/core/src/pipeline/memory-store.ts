/** A segmentation kept in memory. */
import type { EdgeColumns } from '../graph/edge-list.ts';
import type { Neuron } from '../neurons/neuron-table.ts';
import type { Doubt } from '../partition/doubts.ts';
import type { LabelSection } from '../volume/contracts.ts';
import type { PreviewPanel } from './preview-panel.ts';
import type { PipelineReport } from './report.ts';
import type { SectionRecord, SegmentationStore } from './store.ts';

export interface MemoryStore extends SegmentationStore {
  readonly fragments: LabelSection[];
  readonly segmentation: LabelSection[];
  readonly records: SectionRecord[];
  readonly graph: EdgeColumns | undefined;
  readonly assignment: Uint32Array | undefined;
  readonly neurons: readonly Neuron[] | undefined;
  readonly doubts: readonly Doubt[] | undefined;
  readonly preview: readonly PreviewPanel[];
  /** Undefined until the run is complete. */
  readonly report: PipelineReport | undefined;
}

/** The pipeline uses its planes again. */
function copyOf(labels: LabelSection): LabelSection {
  return { ...labels, data: labels.data.slice() };
}

/** An empty store; give it the sections of an interrupted run to go on with them. */
export function createMemoryStore(
  done: { fragments?: LabelSection[]; records?: SectionRecord[] } = {},
): MemoryStore {
  const fragments = [...(done.fragments ?? [])];
  const records = [...(done.records ?? [])];
  const segmentation: LabelSection[] = [];
  let graph: EdgeColumns | undefined;
  let assignment: Uint32Array | undefined;
  let neurons: readonly Neuron[] | undefined;
  let doubts: readonly Doubt[] | undefined;
  let preview: readonly PreviewPanel[] = [];
  let report: PipelineReport | undefined;
  return {
    sectionsDone: records.length,
    fragments,
    records,
    segmentation,
    get graph() {
      return graph;
    },
    get assignment() {
      return assignment;
    },
    get neurons() {
      return neurons;
    },
    get doubts() {
      return doubts;
    },
    get preview() {
      return preview;
    },
    get report() {
      return report;
    },
    async writeSection(record, labels) {
      fragments[record.z] = copyOf(labels);
      records[record.z] = record;
    },
    readRecord: async (z) => records[z],
    async writeGraph(edges) {
      graph = edges;
    },
    async writeAssignment(table) {
      assignment = table;
    },
    async writeSegmentation(z, labels) {
      segmentation[z] = copyOf(labels);
    },
    async writeNeurons(table) {
      neurons = table;
    },
    async writeDoubts(table) {
      doubts = table;
    },
    async writePreview(panels) {
      preview = panels;
    },
    async finish(finished) {
      report = finished;
    },
  };
}
