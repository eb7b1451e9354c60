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
import { EdgeList } from './graph/edge-list.ts';
import { linkByOverlap, type SectionFragments } from './link/overlap.ts';
import { mapAhead, WRITES, WriteBehind } from './pipeline/ahead.ts';
import { assembleNeurons } from './pipeline/assemble.ts';
import { LabelRing } from './pipeline/label-ring.ts';
import { decodeRuns, encodeRuns } from './pipeline/label-runs.ts';
import { GAP, withNeighbours } from './pipeline/neighbourhood.ts';
import { sectionNotes } from './pipeline/notes.ts';
import { type Clock, type PipelineReport, StageTimer, SYSTEM_CLOCK } from './pipeline/report.ts';
import { type FullFragments, givenFragments, noFragments, toFullSize } from './pipeline/section-fragments.ts';
import {
  measureShift,
  type SectionSpectrum,
  sectionSpectrum,
  visibleShift,
} from './pipeline/section-shift.ts';
import {
  checkPipelineInput,
  PIPELINE_DEFAULTS,
  type PipelineInput,
  type PipelineOptions,
  type Run,
  startRun,
  tell,
} from './pipeline/start.ts';
import {
  type SectionRecord,
  type SectionSummary,
  type SegmentationStore,
  summarise,
} from './pipeline/store.ts';
import { type NormalisedSection, normaliseInPlace } from './predict/normalise.ts';
import { sectionPredictor } from './predict/predict-section.ts';
import { enlargeLabels, resampleSection } from './predict/resample.ts';
import { segment } from './segment/segment.ts';
import { ndarray } from './volume/array.ts';
import type { StageContext } from './volume/contracts.ts';

/**
 * Segments a volume into the store, from its first section that is not done.
 * @throws KynError `content` where no section has tissue, `shape` where the fragments do not fit, `cancelled`, and
 * whatever the input, the network or the store throws.
 */
export async function runPipeline(
  input: PipelineInput,
  store: SegmentationStore,
  options: PipelineOptions = PIPELINE_DEFAULTS,
  context: StageContext = {},
  clock: Clock = SYSTEM_CLOCK,
): Promise<PipelineReport> {
  checkPipelineInput(input);
  const run = await startRun(input, store, options, context, new StageTimer(clock));
  const sections = await segmentSections(run);
  await input.onPredicted?.();
  const { info } = input.source;
  if (sections.every(({ state }) => state !== 'tissue')) {
    throw new KynError('content', 'every section is empty or constant: there is nothing to segment', {
      where: info.location,
      hint: 'check that this is the raw volume, and the box given with --bbox',
    });
  }
  for (const note of sectionNotes(sections, info)) tell(run, note);
  return assembleNeurons(run, sections);
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

/** Segments and links the sections that are not done; tells of all. */
async function segmentSections(run: Run): Promise<SectionSummary[]> {
  const { input, store, context, timer } = run;
  const [depth] = input.source.info.shape;
  const sections: SectionSummary[] = [];
  let last: SectionRecord | undefined; // the last with tissue
  for (let z = 0; z < store.sectionsDone; z++) {
    const record = await store.readRecord(z);
    if (record.state === 'tissue') last = record;
    sections.push(summarise(record));
  }
  let below = last && (await restoreBelow(run, last));
  let idOffset = sections.reduce((sum, { fragments }) => sum + fragments, 0);
  const writes = new WriteBehind(WRITES);
  const planes = new LabelRing(WRITES + 1);
  try {
    for await (const { section, cut } of sectionsOnTheWay(run, sections.length)) {
      throwIfCancelled(context.signal);
      const full = cut();
      const { record, fragments } = describeSection(run, section, full, below, idOffset);
      sections.push(summarise(record));
      const plane = planes.next(full.labels.length);
      const global = timer.run('write', () => enlargeLabels(full.small, run.plan, idOffset, plane));
      const write = () => store.writeSection(record, ndarray(global, run.plan.full));
      await timer.wait('write', writes.add(write));
      if (section.state === 'tissue') below = { z: section.z, fragments, spectrum: section.spectrum };
      idOffset += full.stats.count;
      context.onProgress?.({ stage: 'segment', done: sections.length, total: depth, unit: 'sections' });
    }
    await timer.wait('write', writes.drain());
  } finally {
    await writes.settle();
  }
  return sections;
}

/** Where an interrupted run stopped: its last section with tissue. */
async function restoreBelow(run: Run, { z, runs, stats, idOffset }: SectionRecord): Promise<Below> {
  const { full, small } = run.plan;
  const labels = enlargeLabels(decodeRuns(runs, new Uint32Array(small[0] * small[1])), run.plan);
  const { spectrum } = await prepareSection(run, z);
  return { z, fragments: { labels: ndarray(labels, full), area: stats.area, idOffset }, spectrum };
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
  const [fullHeight, fullWidth] = plan.full;
  const nothing = () => noFragments(plan);
  const prepared = (from: number) => {
    const zs = Array.from({ length: depth - from }, (_, i) => from + i);
    return mapAhead(zs, (z) => prepareSection(run, z));
  };
  if (fragments) {
    return mapAhead(prepared(first), async (section) => {
      const given = await timer.wait('read', fragments.read(section.z, context.signal));
      return { section, cut: () => timer.run('segment', () => givenFragments(given)) };
    });
  }
  if (!predictor) throw new TypeError('a predictor or fragments are needed');
  const [height, width] = plan.small;
  const network = sectionPredictor(predictor, height, width, options.predict);
  const { offsets, contextSections } = predictor.info;
  const planes = new LabelRing(2); // this section's and that of the one below
  const surrounded = withNeighbours(prepared(Math.max(0, first - contextSections)), contextSections, (z) =>
    positionOf(run, z),
  );
  return mapAhead(from(surrounded, first), async ({ section, seen }) => {
    if (section.state !== 'tissue') return { section, cut: nothing };
    const affinities = await timer.wait('predict', network.predict(seen, context));
    const mask = section.tissue && ndarray(section.tissue, [height, width]);
    const segmentOptions = { ...options.segment, offsets, mask };
    return {
      section,
      cut: () =>
        timer.run('segment', () => {
          const segmented = segment(affinities, segmentOptions, context);
          return toFullSize(segmented, plan, plan.identity ? undefined : planes.next(fullHeight * fullWidth));
        }),
    };
  });
}

/** Those from section `first` on; the ones before were needed as neighbours only. */
async function* from<S extends { readonly section: PreparedSection }>(
  sections: AsyncIterable<S>,
  first: number,
): AsyncGenerator<S, void, undefined> {
  for await (const each of sections) if (each.section.z >= first) yield each;
}

/** Position of section z, in section thicknesses. */
function positionOf({ input }: Run, z: number): number {
  return input.source.info.sectionPositions?.[z] ?? z;
}

/** Links a section to the one below and makes its record. */
function describeSection(
  run: Run,
  section: PreparedSection,
  full: FullFragments,
  below: Below | undefined,
  idOffset: number,
): { record: SectionRecord; fragments: SectionFragments } {
  const { options, timer, plan, voxelSizeNm } = run;
  const { z, state, invalidPixels, fillPixels, spectrum } = section;
  const fragments = { labels: ndarray(full.labels, plan.full), area: full.stats.area, idOffset };
  const edges = new EdgeList(full.edges.count * 2);
  edges.append(full.edges, idOffset);
  let shiftNm: readonly [number, number] | undefined;
  if (below && state === 'tissue') {
    const lower = below;
    timer.run('link', () => {
      const kind = positionOf(run, z) - positionOf(run, lower.z) > GAP ? 'skip' : 'cross';
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
    runs: timer.run('write', () => encodeRuns(full.small)),
    edges: edges.columns(),
  };
  return { record, fragments };
}
