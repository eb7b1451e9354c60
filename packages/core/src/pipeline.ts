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
import type { LinkSection } from './link/section-view.ts';
import { mapAhead, WRITES, WriteBehind } from './pipeline/ahead.ts';
import { assembleNeurons } from './pipeline/assemble.ts';
import { LabelRing } from './pipeline/label-ring.ts';
import { decodeRuns, encodeRuns } from './pipeline/label-runs.ts';
import { judgeInPlane, type LinkedSection, linkSections, viewSection } from './pipeline/link-sections.ts';
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
import { noiseShare } from './predict/noise-share.ts';
import { type NormalisedSection, normaliseInPlace } from './predict/normalise.ts';
import { type EmbeddedSection, sectionPredictor } from './predict/predict-section.ts';
import { enlargeLabels, resampleSection } from './predict/resample.ts';
import { invalidPixels } from './predict/tissue.ts';
import { segment } from './segment/segment.ts';
import { type NdArray, ndarray } from './volume/array.ts';
import type { Predictor, StageContext } from './volume/contracts.ts';

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
  const { input, context, timer, imagePlan, survey } = run;
  throwIfCancelled(context.signal);
  const raw = await timer.wait('read', input.source.read(z, context.signal));
  return timer.run('normalise', (): PreparedSection => {
    const invert = survey.membranesAreBright;
    const image = resampleSection(raw, imagePlan);
    const normalised = normaliseInPlace(image, { invert, minSpread: survey.minSpread });
    const section = { ...normalised, invalidPixels: normalised.invalidPixels || invalidPixels(raw) };
    if (section.state !== 'tissue') return { ...section, z, spectrum: undefined };
    if (noiseShare(section.image) > survey.maxNoise) {
      return { ...section, state: 'ruined', z, spectrum: undefined };
    }
    return { ...section, z, spectrum: sectionSpectrum(section.image) };
  });
}

/** The last section with tissue, which the next one is linked to. */
interface Below extends LinkedSection {
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
  const done = sections.length;
  if (done === depth) return sections;
  let below: Below | undefined;
  let idOffset = sections.reduce((sum, { fragments }) => sum + fragments, 0);
  const writes = new WriteBehind(WRITES);
  const planes = new LabelRing(WRITES + 1);
  try {
    // the last one that was done is seen again: the next is linked to it
    for await (const step of sectionsOnTheWay(run, last?.z ?? done)) {
      throwIfCancelled(context.signal);
      const { section } = step;
      if (section.z < done) {
        if (last && section.z === last.z) below = restoreBelow(run, last, step);
        continue;
      }
      const full = step.cut();
      const { record, here } = describeSection(run, step, full, below, idOffset);
      sections.push(summarise(record));
      const plane = planes.next(full.labels.length);
      const global = timer.run('write', () => enlargeLabels(full.small, run.plan, idOffset, plane));
      const write = () => store.writeSection(record, ndarray(global, run.plan.full));
      await timer.wait('write', writes.add(write));
      if (section.state === 'tissue') below = here;
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
function restoreBelow(run: Run, { z, runs, stats, idOffset }: SectionRecord, step: SectionOnTheWay): Below {
  const { full, small } = run.plan;
  const own = decodeRuns(runs, new Uint32Array(small[0] * small[1]));
  const labels = enlargeLabels(own, run.plan);
  const fragments = { labels: ndarray(labels, full), area: stats.area, idOffset };
  const view = step.view({ labels, small: own, stats }, idOffset);
  const { spectrum } = step.section;
  return { z, fragments, view, edges: new EdgeList(1).columns(), spectrum };
}

interface SectionOnTheWay {
  readonly section: PreparedSection;
  /** Cuts it into fragments; to be called before the next section is asked for. */
  readonly cut: () => FullFragments;
  /** How the learned linker sees its fragments; undefined where the network has no neighbour head. */
  readonly view: (full: Cut, idOffset: number) => LinkSection | undefined;
  /** What the neighbour head says of it and the section with tissue below. */
  readonly cross: NdArray<Float32Array> | undefined;
}

type Cut = Pick<FullFragments, 'labels' | 'small' | 'stats'>;

/** What the network makes of a section. */
interface SeenSection {
  readonly section: PreparedSection;
  readonly affinities: NdArray<Float32Array> | undefined;
  readonly view: SectionOnTheWay['view'];
  readonly cross: NdArray<Float32Array> | undefined;
}

const noView = () => undefined;

/** Sections from `first` on: read two ahead, predicted one ahead. */
function sectionsOnTheWay(run: Run, first: number): AsyncIterable<SectionOnTheWay> {
  const { input, options, context, timer, plan } = run;
  const { predictor, fragments } = input;
  const seen = predictor ? seeSections(run, predictor, first) : mapAhead(prepareFrom(run, first), unseen);
  if (fragments) {
    return mapAhead(seen, async (step) => {
      const given = await timer.wait('read', fragments.read(step.section.z, context.signal));
      return { ...step, cut: () => timer.run('segment', () => givenFragments(given)) };
    });
  }
  if (!predictor) throw new TypeError('a predictor or fragments are needed');
  const { offsets } = predictor.info;
  const [fullHeight, fullWidth] = plan.full;
  const planes = new LabelRing(2); // this section's and that of the one below
  return mapAhead(seen, async ({ affinities, ...step }) => {
    if (!affinities) return { ...step, cut: () => noFragments(plan) };
    const { tissue } = step.section;
    const mask = tissue && ndarray(tissue, plan.small);
    const segmentOptions = { ...options.segment, offsets, mask };
    const cut = () =>
      timer.run('segment', () => {
        const segmented = segment(affinities, segmentOptions, context);
        return toFullSize(segmented, plan, plan.identity ? undefined : planes.next(fullHeight * fullWidth));
      });
    return { ...step, cut };
  });
}

async function unseen(section: PreparedSection): Promise<SeenSection> {
  return { section, affinities: undefined, view: noView, cross: undefined };
}

function prepareFrom(run: Run, first: number): AsyncIterable<PreparedSection> {
  const [depth] = run.input.source.info.shape;
  const zs = Array.from({ length: depth - first }, (_, i) => first + i);
  return mapAhead(zs, (z) => prepareSection(run, z));
}

/** Shows sections to the network, one ahead; each with its neighbours, and compared with the one below. */
function seeSections(run: Run, predictor: Predictor, first: number): AsyncIterable<SeenSection> {
  const { options, context, timer, imagePlan } = run;
  const { contextSections } = predictor.info;
  const { neighbours } = predictor;
  const network = sectionPredictor(predictor, imagePlan.small[0], imagePlan.small[1], options.predict);
  const prepared = prepareFrom(run, Math.max(0, first - contextSections));
  const surrounded = withNeighbours(prepared, contextSections, (z) => positionOf(run, z));
  let below: EmbeddedSection | undefined;
  return mapAhead(from(surrounded, first), async ({ section, seen }) => {
    if (section.state !== 'tissue') return unseen(section);
    const { affinities, embedded } = await timer.wait('predict', network.predict(seen, context));
    if (!neighbours) return { section, affinities, view: noView, cross: undefined };
    const cross = below && (await timer.wait('compare', network.compare(below, embedded, context)));
    below = embedded;
    const view = ({ stats, ...full }: Cut, idOffset: number) =>
      viewSection(full, stats.count, idOffset, imagePlan, network.coarsest(embedded), neighbours);
    return { section, affinities, view, cross };
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
  { section, view, cross }: SectionOnTheWay,
  full: FullFragments,
  below: Below | undefined,
  idOffset: number,
): { record: SectionRecord; here: Below } {
  const { input, options, timer, plan, imagePlan, voxelSizeNm } = run;
  const { z, state, invalidPixels, fillPixels, spectrum } = section;
  const fragments = { labels: ndarray(full.labels, plan.full), area: full.stats.area, idOffset };
  const edges = new EdgeList(full.edges.count * 2);
  let shiftNm: readonly [number, number] | undefined;
  const here = timer.run('link', (): Below => {
    const own = { z, fragments, view: view(full, idOffset), edges: full.edges, spectrum };
    edges.append(judgeInPlane(own, input), idOffset);
    if (!below || state !== 'tissue') return own;
    const distance = positionOf(run, z) - positionOf(run, below.z);
    const kind = distance > GAP ? 'skip' : 'cross';
    const distanceNm = distance * voxelSizeNm[0];
    edges.append(linkSections(below, own, cross, { input, options, imagePlan, distanceNm, kind }));
    if (spectrum && below.spectrum) {
      const pixelNm = [voxelSizeNm[1] * imagePlan.factor[0], voxelSizeNm[2] * imagePlan.factor[1]] as const;
      shiftNm = visibleShift(measureShift(below.spectrum, spectrum), spectrum.step, pixelNm);
    }
    return own;
  });
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
  return { record, here };
}
