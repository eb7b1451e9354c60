/**
 * Where a segmentation is kept: fragments, graph and assignment, and what is made from them. `packages/io` keeps
 * it in a folder; the one in memory here serves tests and the browser.
 */
import type { EdgeColumns } from '../graph/edge-list.ts';
import type { Neuron } from '../neurons/neuron-table.ts';
import type { Doubt } from '../partition/doubts.ts';
import type { SectionState } from '../predict/normalise.ts';
import type { FragmentTable } from '../segment/fragment-table.ts';
import type { LabelSection } from '../volume/contracts.ts';
import type { PreviewPanel } from './preview-panel.ts';
import type { PipelineReport } from './report.ts';

/** What one section added. Kept beside its fragments; when it is there, the section is done. */
export interface SectionRecord {
  readonly z: number;
  readonly state: SectionState;
  /** Global id of fragment `i` of the section is `idOffset + i`. */
  readonly idOffset: number;
  /** Pixels without a value, of the volume where the network's have none; and pixels of constant fill, of the network. */
  readonly invalidPixels: number;
  readonly fillPixels: number;
  /** Fragments that were cut in repair, and pairs that were put together. */
  readonly repaired: { readonly split: number; readonly merged: number };
  /** Visible displacement against the section below that has tissue, y and x in nm. */
  readonly shiftNm: readonly [number, number] | undefined;
  /** How far its parts lie from the rest, where some lie elsewhere, y and x in nm. */
  readonly partsNm: readonly (readonly [number, number])[];
  /** Not looked at from the side, in a run that does so: a section near is shifted. */
  readonly frontAlone: boolean;
  /** In pixels of the volume. */
  readonly stats: FragmentTable;
  /**
   * Fragments in the pixels that they were cut in (given ones that stay as they are: the volume's), ids of the section: the plane
   * once more, but a tenth of it or less.
   */
  readonly runs: Uint32Array;
  /** In-plane edges, then edges to the section below; global ids. */
  readonly edges: EdgeColumns;
}

/** What of a record stays in memory; the rest is read again when all sections are done. */
export interface SectionSummary extends Omit<SectionRecord, 'stats' | 'runs' | 'edges'> {
  readonly fragments: number;
  readonly edges: number;
}

export function summarise({ stats, runs: _, edges, ...rest }: SectionRecord): SectionSummary {
  return { ...rest, fragments: stats.count, edges: edges.count };
}

/** Label planes that are written are the store's only until the promise settles: they are used again. */
export interface SegmentationStore {
  /** How many sections, from 0, an interrupted run of the same make has left done. */
  readonly sectionsDone: number;
  /** Keeps a section: its fragments with global ids first, then the record as the mark that it is done. */
  writeSection(record: SectionRecord, fragments: LabelSection): Promise<void>;
  readRecord(z: number): Promise<SectionRecord>;
  writeGraph(edges: EdgeColumns): Promise<void>;
  /** Neuron of every fragment; entry 0 is 0. */
  writeAssignment(assignment: Uint32Array): Promise<void>;
  writeSegmentation(z: number, neurons: LabelSection): Promise<void>;
  writeNeurons(neurons: readonly Neuron[]): Promise<void>;
  /** Where a person should look first. */
  writeDoubts(doubts: readonly Doubt[]): Promise<void>;
  writePreview(panels: readonly PreviewPanel[]): Promise<void>;
  /** Completes the segmentation: before this it is marked as not whole. */
  finish(report: PipelineReport): Promise<void>;
}
