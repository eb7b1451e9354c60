/**
 * The whole way from sections to neurons, over interfaces only, so that the command line, a browser and a cluster
 * worker run the same lines:
 *
 *     read → normalise → predict → segment → link      section by section, one ahead of the other
 *     partition                                         once, over the graph
 *     project                                           section by section
 *
 * While the network works on section z + 1, this thread segments section z and section z − 1 is written. Whatever
 * the depth, a few sections and the graph are in memory. A section whose record the store holds is done: a run that
 * takes up an interrupted one goes on with the first that is not, and gives the same result.
 */
import { KynError, throwIfCancelled } from './errors.ts';
import { CROSS, type EdgeColumns, EdgeList, IN_PLANE, SKIP } from './graph/edge-list.ts';
import {
  LINK_DEFAULTS,
  linkByOverlap,
  type OverlapLinkOptions,
  type SectionFragments,
} from './link/overlap.ts';
import { neuronTable } from './neurons/neuron-table.ts';
import { PARTITION_DEFAULTS, type PartitionOptions, partition } from './partition/partition.ts';
import { mapAhead, WriteBehind } from './pipeline/ahead.ts';
import { sectionNotes } from './pipeline/notes.ts';
import {
  type PreviewPanel,
  panelStep,
  previewSections,
  shrinkLabels,
  shrinkToGrey,
} from './pipeline/preview-panel.ts';
import { type Clock, type PipelineReport, StageTimer, SYSTEM_CLOCK } from './pipeline/report.ts';
import {
  type FullFragments,
  givenFragments,
  noFragments,
  toFullSize,
  withOffset,
  withoutOffset,
} from './pipeline/section-fragments.ts';
import {
  measureShift,
  type SectionSpectrum,
  sectionSpectrum,
  visibleShift,
} from './pipeline/section-shift.ts';
import type { SectionRecord, SegmentationStore } from './pipeline/store.ts';
import { type Survey, surveySections } from './pipeline/survey.ts';
import { type NormalisedSection, normaliseInPlace, normaliseSection } from './predict/normalise.ts';
import { PREDICT_DEFAULTS, type PredictOptions, sectionPredictor } from './predict/predict-section.ts';
import { planResample, type ResamplePlan, resampleSection } from './predict/resample.ts';
import { project } from './project/project.ts';
import { SEGMENT_DEFAULTS, type SegmentOptions, segment } from './segment/segment.ts';
import { ndarray, toDense, type Vec3 } from './volume/array.ts';
import type { LabelSource, Predictor, SectionSource, StageContext } from './volume/contracts.ts';

export interface PipelineInput {
  readonly source: SectionSource;
  /** Needed unless fragments are given. */
  readonly predictor?: Predictor;
  /** 2D fragments of the same volume, instead of predicting and segmenting. */
  readonly fragments?: LabelSource;
}

export interface PipelineOptions {
  readonly predict: PredictOptions;
  readonly segment: Omit<SegmentOptions, 'offsets' | 'mask'>;
  readonly link: Omit<OverlapLinkOptions, 'kind'>;
  readonly partition: PartitionOptions;
}

/** What the command line, the browser and workers share. */
export const PIPELINE_DEFAULTS: PipelineOptions = {
  predict: PREDICT_DEFAULTS,
  segment: SEGMENT_DEFAULTS,
  link: LINK_DEFAULTS,
  partition: PARTITION_DEFAULTS,
};

/** Writes under way at a time. */
const WRITES = 2;

/** Sections further apart than this, in section thicknesses, have one missing between them. */
const GAP = 1.5;

/** What all steps of a run share. */
interface Run {
  readonly input: PipelineInput;
  readonly store: SegmentationStore;
  readonly options: PipelineOptions;
  readonly context: StageContext;
  readonly timer: StageTimer;
  readonly voxelSizeNm: Vec3;
  readonly plan: ResamplePlan;
  readonly survey: Survey;
  /** Remarks so far. */
  readonly notes: string[];
}

/**
 * Segments a volume into the store, from its first section that is not done.
 * @throws KynError `content` where no section has tissue, `shape` where the fragments do not fit, `cancelled`.
 */
export async function runPipeline(
  input: PipelineInput,
  store: SegmentationStore,
  options: PipelineOptions = PIPELINE_DEFAULTS,
  context: StageContext = {},
  clock: Clock = SYSTEM_CLOCK,
): Promise<PipelineReport> {
  const run = await startRun(input, store, options, context, new StageTimer(clock));
  const records = await segmentSections(run);
  const { info } = input.source;
  if (records.every(({ state }) => state !== 'tissue')) {
    throw new KynError('content', 'every section is empty or constant: there is nothing to segment', {
      where: info.location,
      hint: 'check that this is the raw volume, and the box given with --bbox',
    });
  }
  for (const note of sectionNotes(records, info)) tell(run, note);
  return assembleNeurons(run, records);
}

function tell({ notes, context }: Pick<Run, 'notes' | 'context'>, note: string): void {
  notes.push(note);
  context.onNote?.(note);
}

async function startRun(
  input: PipelineInput,
  store: SegmentationStore,
  options: PipelineOptions,
  context: StageContext,
  timer: StageTimer,
): Promise<Run> {
  const { source, predictor, fragments } = input;
  const { info } = source;
  const notes: string[] = [];
  for (const note of info.notes) tell({ notes, context }, note);
  if (!predictor && !fragments) throw new TypeError('a predictor or fragments are needed');
  if (fragments?.info.shape.some((extent, axis) => extent !== info.shape[axis])) {
    const shapes = `${fragments.info.shape.join('×')} against ${info.shape.join('×')} voxels`;
    throw new KynError('shape', `the fragments do not fit the volume: ${shapes}`, {
      where: fragments.info.location,
      hint: 'give fragments of the same volume',
    });
  }
  const assumed = predictor?.info.voxelSizeNm ?? fragments?.info.voxelSizeNm ?? [1, 1, 1];
  const voxelSizeNm = info.voxelSizeNm ?? assumed;
  if (!info.voxelSizeNm) {
    const size = [...assumed].reverse().join('×');
    const whose = predictor ? "the model's" : fragments?.info.voxelSizeNm ? "the fragments'" : 'set to';
    tell({ notes, context }, `voxel size not known: ${whose} ${size} nm is assumed (--voxel-size X,Y,Z)`);
  }
  const [, height, width] = info.shape;
  const [, pixelY, pixelX] = voxelSizeNm;
  // given fragments are in the volume's pixels, so nothing is resampled
  const [, targetY, targetX] = fragments ? voxelSizeNm : (predictor?.info.voxelSizeNm ?? voxelSizeNm);
  const plan = planResample([height, width], [pixelY, pixelX], [targetY, targetX]);
  const networkNm = [pixelY * plan.factor[0], pixelX * plan.factor[1]];
  if (!plan.identity) {
    const [y, x] = networkNm.map((nm) => Number(nm.toPrecision(3)));
    const seen = `sections are ${plan.factor[0] * plan.factor[1] > 1 ? 'averaged' : 'enlarged'} to ${x}×${y} nm`;
    tell({ notes, context }, `${seen} for the network (trained at ${targetX}×${targetY} nm)`);
  }
  const meanNm = Math.sqrt(networkNm[0] * networkNm[1]);
  const survey = await surveySections(source, plan, meanNm, timer, context);
  if (survey.membranesAreBright) tell({ notes, context }, 'membranes are bright here: contrast turned');
  return { input, store, options, context, timer, voxelSizeNm, plan, survey, notes };
}

/** A section in the network's pixels, with its spectrum for the comparison with its neighbour. */
interface PreparedSection extends NormalisedSection {
  readonly z: number;
  readonly spectrum: SectionSpectrum | undefined;
}

async function prepareSection(run: Run, z: number): Promise<PreparedSection> {
  const { input, context, timer, plan, survey } = run;
  throwIfCancelled(context.signal);
  const raw = await timer.wait('read', input.source.read(z, context.signal));
  return timer.run('normalise', () => {
    const invert = survey.membranesAreBright;
    const section = normaliseInPlace(resampleSection(raw, plan), { invert, minSpread: survey.minSpread });
    const spectrum = section.state === 'tissue' ? sectionSpectrum(section.image) : undefined;
    return { ...section, z, spectrum };
  });
}

/** The last section with tissue, which the next one is linked to. */
interface Below {
  readonly z: number;
  readonly fragments: SectionFragments;
  readonly spectrum: SectionSpectrum | undefined;
}

async function segmentSections(run: Run): Promise<SectionRecord[]> {
  const { input, store, context, timer } = run;
  const [depth] = input.source.info.shape;
  const records: SectionRecord[] = [];
  for (let z = 0; z < store.sectionsDone; z++) records.push(await store.readRecord(z));
  let below = await restoreBelow(run, records);
  let idOffset = records.reduce((sum, { stats }) => sum + stats.count, 0);
  const writes = new WriteBehind(WRITES);
  try {
    for await (const { section, cut } of sectionsOnTheWay(run, records.length)) {
      throwIfCancelled(context.signal);
      const full = cut();
      const { record, fragments } = describeSection(run, section, full, below, idOffset);
      records.push(record);
      const global = timer.run('write', () => withOffset(full.labels, record.idOffset));
      await timer.wait(
        'write',
        writes.add(() => store.writeSection(record, ndarray(global, run.plan.full))),
      );
      if (section.state === 'tissue') below = { z: section.z, fragments, spectrum: section.spectrum };
      idOffset += full.stats.count;
      context.onProgress?.({ stage: 'segment', done: records.length, total: depth, unit: 'sections' });
    }
    await timer.wait('write', writes.drain());
  } finally {
    await writes.settle();
  }
  return records;
}

/** Where an interrupted run stopped. */
async function restoreBelow(run: Run, records: readonly SectionRecord[]): Promise<Below | undefined> {
  const record = records.findLast(({ state }) => state === 'tissue');
  if (!record) return undefined;
  const { z, stats, idOffset } = record;
  const kept = await run.store.readFragments(z);
  const labels = ndarray(withoutOffset(toDense(kept).data, idOffset), run.plan.full);
  const { spectrum } = await prepareSection(run, z);
  return { z, fragments: { labels, area: stats.area, idOffset }, spectrum };
}

interface SectionOnTheWay {
  readonly section: PreparedSection;
  /** Cuts it into fragments; to be called before the next section is asked for. */
  readonly cut: () => FullFragments;
}

/** Sections from `first` on: read two ahead, predicted (or their given fragments read) one ahead. */
function sectionsOnTheWay(run: Run, first: number): AsyncIterable<SectionOnTheWay> {
  const { input, options, context, timer, plan } = run;
  const { predictor, fragments } = input;
  const [depth] = input.source.info.shape;
  const zs = Array.from({ length: depth - first }, (_, i) => first + i);
  const prepared = mapAhead(zs, (z) => prepareSection(run, z));
  const [fullHeight, fullWidth] = plan.full;
  const nothing = () => noFragments(fullHeight, fullWidth);
  if (fragments) {
    return mapAhead(prepared, async (section) => {
      const given = await timer.wait('read', fragments.read(section.z, context.signal));
      return { section, cut: () => timer.run('segment', () => givenFragments(given)) };
    });
  }
  if (!predictor) throw new TypeError('a predictor or fragments are needed');
  const [height, width] = plan.small;
  const network = sectionPredictor(predictor, height, width, options.predict);
  const { offsets } = predictor.info;
  return mapAhead(prepared, async (section) => {
    if (section.state !== 'tissue') return { section, cut: nothing };
    const affinities = await timer.wait('predict', network.predict(section.image, context));
    const mask = section.tissue && ndarray(section.tissue, [height, width]);
    const segmentOptions = { ...options.segment, offsets, mask };
    return {
      section,
      cut: () => timer.run('segment', () => toFullSize(segment(affinities, segmentOptions, context), plan)),
    };
  });
}

/** Links a section to the one below and makes its record. */
function describeSection(
  run: Run,
  section: PreparedSection,
  full: FullFragments,
  below: Below | undefined,
  idOffset: number,
): { record: SectionRecord; fragments: SectionFragments } {
  const { options, timer, plan, voxelSizeNm, input } = run;
  const { z, state, invalidPixels, fillPixels, spectrum } = section;
  const fragments = { labels: ndarray(full.labels, plan.full), area: full.stats.area, idOffset };
  const edges = new EdgeList(full.edges.count * 2);
  edges.append(full.edges, idOffset);
  let shiftNm: readonly [number, number] | undefined;
  if (below && state === 'tissue') {
    const lower = below;
    timer.run('link', () => {
      const positions = input.source.info.sectionPositions;
      const distance = positions ? positions[z] - positions[lower.z] : z - lower.z;
      const kind = distance > GAP ? 'skip' : 'cross';
      edges.append(linkByOverlap(lower.fragments, fragments, { ...options.link, kind }));
      if (!spectrum || !lower.spectrum) return;
      const pixelNm = [voxelSizeNm[1] * plan.factor[0], voxelSizeNm[2] * plan.factor[1]] as const;
      shiftNm = visibleShift(measureShift(lower.spectrum, spectrum), spectrum.step, pixelNm);
    });
  }
  const record = {
    z,
    state,
    idOffset,
    invalidPixels,
    fillPixels,
    shiftNm,
    stats: full.stats,
    edges: edges.columns(),
  };
  return { record, fragments };
}

/** From the graph to neurons, in the volume and in the table. */
async function assembleNeurons(run: Run, records: readonly SectionRecord[]): Promise<PipelineReport> {
  const { store, options, context, timer, voxelSizeNm } = run;
  const graph = new EdgeList(records.reduce((sum, { edges }) => sum + edges.count, 0));
  for (const { edges } of records) graph.append(edges);
  const edges = graph.columns();
  const fragmentCount = records.reduce((sum, { stats }) => sum + stats.count, 0);
  const assignment = timer.run('partition', () =>
    partition(edges, fragmentCount, options.partition, context),
  );
  await timer.wait('write', store.writeGraph(edges));
  await timer.wait('write', store.writeAssignment(assignment));
  const panels = await projectSections(run, records, assignment);
  const neurons = timer.run('project', () => neuronTable(records, assignment, voxelSizeNm));
  await timer.wait('write', store.writeNeurons(neurons));
  await timer.wait('preview', store.writePreview(panels));
  const report = makeReport(run, records, edges, neurons.length);
  await store.finish(report);
  return report;
}

async function projectSections(
  run: Run,
  records: readonly SectionRecord[],
  assignment: Uint32Array,
): Promise<PreviewPanel[]> {
  const { input, store, context, timer, plan, voxelSizeNm } = run;
  const withTissue = records.filter(({ state }) => state === 'tissue').map(({ z }) => z);
  const shown = new Set(previewSections(withTissue));
  const step = panelStep(plan.full[0], plan.full[1]);
  const panels: PreviewPanel[] = [];
  const writes = new WriteBehind(WRITES);
  const fragments = mapAhead(
    records.map(({ z }) => z),
    async (z) => ({ z, labels: await timer.wait('project', store.readFragments(z)) }),
  );
  try {
    for await (const { z, labels } of fragments) {
      throwIfCancelled(context.signal);
      const neurons = timer.run('project', () => project(labels, assignment));
      await timer.wait(
        'write',
        writes.add(() => store.writeSegmentation(z, neurons)),
      );
      if (shown.has(z)) {
        const raw = await timer.wait('preview', input.source.read(z, context.signal));
        const panel = timer.run('preview', () => ({
          z,
          image: shrinkToGrey(normaliseSection(raw).image, step),
          neurons: shrinkLabels(neurons, step),
          pixelNm: [voxelSizeNm[1] * step, voxelSizeNm[2] * step] as const,
        }));
        panels.push(panel);
      }
      context.onProgress?.({ stage: 'project', done: z + 1, total: records.length, unit: 'sections' });
    }
    await timer.wait('write', writes.drain());
  } finally {
    await writes.settle();
  }
  return panels;
}

function makeReport(
  { input, timer, voxelSizeNm, plan, survey, notes }: Run,
  records: readonly SectionRecord[],
  edges: EdgeColumns,
  neurons: number,
): PipelineReport {
  const ofKind = (kind: number) => edges.kind.reduce((sum, each) => sum + (each === kind ? 1 : 0), 0);
  return {
    shape: input.source.info.shape,
    voxelSizeNm,
    resampledBy: input.fragments ? undefined : plan.factor,
    contrastTurned: survey.membranesAreBright,
    sections: records.length,
    emptySections: records.filter(({ state }) => state !== 'tissue').map(({ z }) => z),
    fragments: records.reduce((sum, { stats }) => sum + stats.count, 0),
    edges: { inPlane: ofKind(IN_PLANE), cross: ofKind(CROSS), skip: ofKind(SKIP) },
    neurons,
    notes,
    stages: timer.stages,
    seconds: timer.seconds,
  };
}
