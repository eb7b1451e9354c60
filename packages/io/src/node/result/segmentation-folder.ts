/**
 * A segmentation in a folder: the output of `kyn segment`. Every file is written whole or not at all; a section is
 * done when its record stands beside its fragments, so whatever stops a run, the next one knows where to go on.
 */
import { readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Doubt,
  doubtsCsv,
  type EdgeColumns,
  KynError,
  type LabelSection,
  type Neuron,
  neuronCsv,
  type PipelineReport,
  type PreviewPanel,
  type SectionRecord,
  type SegmentationStore,
  type Vec3,
} from '@kyn/core';
import type { ResumableLabelSink } from '../../sinks.ts';
import { exists, writeFileAtomic } from '../atomic.ts';
import { createLabelZarr } from '../zarr-writer.ts';
import { type FolderLock, lockFolder } from './folder-lock.ts';
import {
  ASSIGNMENT,
  DOUBTS,
  FRAGMENTS,
  firstDifference,
  folderState,
  GRAPH,
  INCOMPLETE,
  markIncomplete,
  missingResult,
  NEURONS,
  PREVIEW,
  RECORDS,
  REPORT,
  type RunIdentity,
  remove,
  removeResults,
  reportText,
  SEGMENTATION,
} from './folder-state.ts';
import { drawPreview } from './preview.ts';
import { decodeRecord, encodeRecord, madeFromIn } from './record-file.ts';
import { moveOut, workFolder } from './replacement.ts';

export interface SegmentationFolderOptions {
  /** Sections, rows, columns. */
  readonly shape: Vec3;
  readonly voxelSizeNm: Vec3;
  /** Position of the first voxel, z, y, x in nm. */
  readonly originNm?: Vec3 | undefined;
  /** What a resumed run must have in common: input, model, options, version. */
  readonly run: RunIdentity;
  /** Go on with an interrupted run, if there is one. */
  readonly resume?: boolean;
  /** Replace a segmentation that is there, when the new one is complete. Files of others stay. */
  readonly overwrite?: boolean;
  /** What a section was made from, in any words without a line break; kept beside it until the run is complete. */
  readonly madeFrom?: (z: number) => string;
  /** What else belongs into `report.json`; asked for when the run is complete. */
  readonly describe?: (report: PipelineReport) => Readonly<Record<string, unknown>>;
}

export interface SegmentationFolder extends SegmentationStore {
  /** What a section that is done was made from, where its run told. */
  madeFrom(z: number): Promise<string | undefined>;
  /** True where a section with fragments is done, so that a resumed run would have less to do. */
  worthResuming(): Promise<boolean>;
  /** Removes all that was written: where there is nothing to resume, or no sense in it. */
  discard(): Promise<void>;
  /** Lets other runs in, where this one was stopped; one that is finished or discarded has done so. */
  release(): Promise<void>;
}

/** A folder taken for a run; `complete` where it holds this very run already, so that there is nothing to do. */
export type TakenFolder =
  | { readonly complete: false; readonly store: SegmentationFolder }
  | { readonly complete: true; readonly report: unknown };

/**
 * Takes a folder for a segmentation; one that is refused is left as it was.
 * @throws KynError `output` where the folder is not free, holds another run than the one to be resumed, or is being
 * written by one.
 */
export async function takeSegmentationFolder(
  folder: string,
  options: SegmentationFolderOptions,
): Promise<TakenFolder> {
  await folderState(folder); // what is no folder at all is said first
  const lock = await lockFolder(folder);
  try {
    const taken = await takeLocked(await workFolder(folder, options.overwrite === true), options, lock);
    if (taken.complete) await lock.release();
    return taken;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function takeLocked(
  folder: string,
  options: SegmentationFolderOptions,
  lock: FolderLock,
): Promise<TakenFolder> {
  const { run, resume = false, overwrite = false } = options;
  const state = await folderState(folder);
  if (state.kind === 'foreign') checkForeign(folder, state.taken, overwrite);
  const ours = state.kind === 'interrupted' || state.kind === 'complete';
  if (ours && !resume && !overwrite) {
    const interrupted = state.kind === 'interrupted';
    throw new KynError('output', `it holds ${interrupted ? 'an interrupted run' : 'a segmentation'}`, {
      where: folder,
      hint: interrupted
        ? 'finish it with --resume, or replace it with --overwrite'
        : 'choose another folder, or replace it with --overwrite',
    });
  }
  const goOn = ours && resume && !overwrite;
  if (goOn) checkSameRun(folder, state.run, run);
  if (goOn && state.kind === 'complete') {
    const missing = await missingResult(folder);
    if (missing !== undefined) {
      throw new KynError(
        'output',
        `the segmentation in it is complete, but ${missing} is not there any more`,
        {
          where: folder,
          hint: 'make it again with --overwrite',
        },
      );
    }
    return { complete: true, report: JSON.parse(await readFile(join(folder, REPORT), 'utf8')) };
  }
  if (!goOn) await remove(folder, RECORDS); // first, so that no other run's sections count as this one's
  await markIncomplete(folder, run);
  if (!goOn) await removeResults(folder);
  const fragments = await createLabelZarr(join(folder, FRAGMENTS), {
    ...options,
    resume: goOn,
    overwrite: true,
  });
  const done = await countDone(folder, fragments, options.shape[0]);
  return { complete: false, store: new Folder(folder, options, lock, fragments, done) };
}

function checkForeign(folder: string, taken: readonly string[], overwrite: boolean): void {
  if (overwrite && taken.length === 0) return;
  const what = overwrite
    ? `its ${taken.join(', ')} ${taken.length > 1 ? 'are' : 'is'} not ours`
    : 'it is not empty';
  throw new KynError('output', `${what}: nothing was written`, {
    where: folder,
    hint: overwrite
      ? 'choose another folder'
      : 'choose an empty folder, or write beside what is there with --overwrite',
  });
}

function checkSameRun(folder: string, before: RunIdentity, now: RunIdentity): void {
  const difference = firstDifference(before, now);
  if (difference === undefined) return;
  throw new KynError('output', `the run there was made with other input or options (${difference})`, {
    where: folder,
    hint: 'resume with the same input and options, or replace it with --overwrite',
  });
}

/** Sections from 0 on whose record and fragments are both there. */
async function countDone(folder: string, fragments: ResumableLabelSink, depth: number): Promise<number> {
  let done = 0;
  while (done < depth && (await exists(recordPath(folder, done))) && (await fragments.has(done))) done++;
  return done;
}

function recordPath(folder: string, z: number): string {
  return join(folder, RECORDS, `${String(z).padStart(6, '0')}.bin`);
}

/** The Arrow library is as large as all the rest, and only needed here. */
function arrowTables() {
  return import('./arrow-tables.ts');
}

class Folder implements SegmentationFolder {
  private segmentation: Promise<ResumableLabelSink> | undefined;

  constructor(
    private readonly folder: string,
    private readonly options: SegmentationFolderOptions,
    private readonly lock: FolderLock,
    private readonly fragments: ResumableLabelSink,
    readonly sectionsDone: number,
  ) {}

  async writeSection(record: SectionRecord, labels: LabelSection): Promise<void> {
    await this.fragments.write(record.z, labels);
    await writeFileAtomic(
      recordPath(this.folder, record.z),
      encodeRecord(record, this.options.madeFrom?.(record.z)),
    );
  }

  async readRecord(z: number): Promise<SectionRecord> {
    const path = recordPath(this.folder, z);
    return decodeRecord(await readFile(path), path);
  }

  async madeFrom(z: number): Promise<string | undefined> {
    const path = recordPath(this.folder, z);
    return madeFromIn(await readFile(path), path);
  }

  async writeGraph(edges: EdgeColumns): Promise<void> {
    const { graphToArrow } = await arrowTables();
    await writeFileAtomic(join(this.folder, GRAPH), graphToArrow(edges));
  }

  async writeAssignment(assignment: Uint32Array): Promise<void> {
    const { assignmentToArrow } = await arrowTables();
    await writeFileAtomic(join(this.folder, ASSIGNMENT), assignmentToArrow(assignment));
  }

  async writeSegmentation(z: number, neurons: LabelSection): Promise<void> {
    // what an interrupted run left of it is made again: it costs little
    this.segmentation ??= createLabelZarr(join(this.folder, SEGMENTATION), {
      ...this.options,
      resume: false,
      overwrite: true,
    });
    await (await this.segmentation).write(z, neurons);
  }

  writeNeurons(neurons: readonly Neuron[]): Promise<void> {
    return writeFileAtomic(join(this.folder, NEURONS), neuronCsv(neurons));
  }

  writeDoubts(doubts: readonly Doubt[]): Promise<void> {
    return writeFileAtomic(join(this.folder, DOUBTS), doubtsCsv(doubts));
  }

  writePreview(panels: readonly PreviewPanel[]): Promise<void> {
    return writeFileAtomic(join(this.folder, PREVIEW), drawPreview(panels));
  }

  async finish(report: PipelineReport): Promise<void> {
    const { run, describe } = this.options;
    await this.fragments.close();
    await (await this.segmentation)?.close();
    await writeFileAtomic(join(this.folder, REPORT), reportText(run, { ...report, ...describe?.(report) }));
    await remove(this.folder, RECORDS);
    await remove(this.folder, INCOMPLETE);
    await moveOut(this.lock.folder);
    await this.release();
  }

  async worthResuming(): Promise<boolean> {
    for (let z = 0; await exists(recordPath(this.folder, z)); z++) {
      const { state, stats } = await this.readRecord(z);
      if (state === 'tissue' && stats.count > 0) return true;
    }
    return false;
  }

  async discard(): Promise<void> {
    await removeResults(this.folder);
    await remove(this.folder, INCOMPLETE);
    await rmdir(this.folder).catch(() => {}); // stays where something is in it
    await this.release();
  }

  release(): Promise<void> {
    return this.lock.release();
  }
}
