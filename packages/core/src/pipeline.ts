/**
 * The whole way from sections to neurons, over interfaces only, so that the command line, a browser and a cluster
 * worker run the same lines:
 *
 *     read → normalise → predict → segment → repair → link      section by section, each ahead of the next
 *     partition                                                  once, over the graph
 *     project                                                    section by section
 *
 * While the network works on the next sections, this thread segments section z and section z − 1 is written. Whatever
 * the depth, a few sections and the graph are in memory. A section whose record the store holds is done: a run that
 * takes up an interrupted one goes on with the first that is not, and gives the same result.
 */
import { KynError, throwIfCancelled } from './errors.ts';
import { type EdgeColumns, EdgeList } from './graph/edge-list.ts';
import { withIdOffset } from './link/section-view.ts';
import { WRITES, WriteBehind } from './pipeline/ahead.ts';
import { assembleNeurons } from './pipeline/assemble.ts';
import { LabelRing } from './pipeline/label-ring.ts';
import { decodeRuns, encodeRuns } from './pipeline/label-runs.ts';
import { describeCut, type LinkedSection, linkSections, linkThroughHole } from './pipeline/link-sections.ts';
import { networkPixelNm, tell } from './pipeline/network-view.ts';
import { sectionNotes } from './pipeline/notes.ts';
import { type CutSection, inPlaneOf, repairCut } from './pipeline/repair-sections.ts';
import { type Clock, type PipelineReport, StageTimer, SYSTEM_CLOCK } from './pipeline/report.ts';
import {
  type Cut,
  givenFragments,
  inFullPixels,
  noFragments,
  shrinkGiven,
} from './pipeline/section-fragments.ts';
import { positionOf, type SeenSection, seeSections } from './pipeline/seen-sections.ts';
import { GAP, withinSight } from './pipeline/sight.ts';
import {
  checkPipelineInput,
  keepsGiven,
  linksThroughHoles,
  type PipelineInput,
  type PipelineOptions,
  pipelineDefaults,
  type Run,
  repairOptions,
  startRun,
} from './pipeline/start.ts';
import {
  type SectionRecord,
  type SectionSummary,
  type SegmentationStore,
  summarise,
} from './pipeline/store.ts';
import { isBlockPredictor } from './predict/predict-blocks.ts';
import { enlargeLabels } from './predict/resample.ts';
import { segment, segmentFrom } from './segment/segment.ts';
import { ndarray } from './volume/array.ts';
import type { Offset2, StageContext } from './volume/contracts.ts';

/**
 * Segments a volume into the store, from its first section that is not done.
 * @throws KynError `content` where no section has tissue or no fragment was given in it, `shape` where the fragments do not fit, `cancelled`, and
 * whatever the input, the network or the store throws.
 */
export async function runPipeline(
  input: PipelineInput,
  store: SegmentationStore,
  options: PipelineOptions = pipelineDefaults(input),
  context: StageContext = {},
  clock: Clock = SYSTEM_CLOCK,
): Promise<PipelineReport> {
  checkPipelineInput(input);
  const run = await startRun(input, store, options, context, new StageTimer(clock));
  const sections = await segmentSections(run);
  await input.onPredicted?.();
  const { info } = input.source;
  if (sections.every(({ state }) => state !== 'tissue' && state !== 'unlabelled')) {
    throw new KynError('content', 'every section is empty or constant: there is nothing to segment', {
      where: info.location,
      hint: 'check that this is the raw volume, and the box given with --bbox',
    });
  }
  const given = input.fragments !== undefined;
  if (given && sections.every(({ fragments }) => fragments === 0)) {
    throw new KynError('content', 'the given fragments are 0 wherever there is tissue', {
      where: input.fragments?.info.location,
      hint: 'check that these are the labels of this volume',
    });
  }
  const moved = !isBlockPredictor(input.predictor);
  const through = linksThroughHoles(input);
  for (const note of sectionNotes(sections, info, { moved, given, through })) tell(run, note);
  return assembleNeurons(run, sections);
}

/** A section with tissue, which the next one is linked to. */
interface Below extends LinkedSection {
  /** Its in-plane edges as they are judged, with ids of the section. */
  readonly judged: EdgeColumns;
}

/** Segments, repairs and links the sections that are not done; tells of all. */
async function segmentSections(run: Run): Promise<SectionSummary[]> {
  const { input, store, context, timer } = run;
  const [depth] = input.source.info.shape;
  const sections: SectionSummary[] = [];
  let again: SectionRecord[] = []; // the last with tissue, and the one under it where that is seen through its holes
  for (let z = 0; z < store.sectionsDone; z++) {
    const record = await store.readRecord(z);
    if (record.state === 'tissue') again = [...again, record].slice(hasHoles(record) ? -2 : -1);
    sections.push(summarise(record));
  }
  const done = sections.length;
  if (done === depth) return sections;
  let [below, beneath]: (Below | undefined)[] = [];
  let idOffset = sections.reduce((sum, { fragments }) => sum + fragments, 0);
  const writes = new WriteBehind(WRITES);
  const planes = new LabelRing(WRITES + 1);
  const repairing = repairOptions(run);
  const inSight = (lower: number, upper: number) =>
    withinSight(positionOf(run, lower), positionOf(run, upper));

  const finish = async (step: SectionOnTheWay, cut: Cut, repaired: SectionRecord['repaired']) => {
    const { record, here } = describeSection(run, step, cut, [below, beneath], idOffset, repaired);
    sections.push(summarise(record));
    const plane = planes.next(run.plan.full[0] * run.plan.full[1]);
    const global = timer.run('write', () => enlargeLabels(cut.labels, run.plan, idOffset, plane));
    const write = () => store.writeSection(record, ndarray(global, run.plan.full));
    await timer.wait('write', writes.add(write));
    if (step.section.state === 'tissue') [below, beneath] = [here, hasHoles(record) ? below : undefined];
    idOffset += cut.stats.count;
    context.onProgress?.({ stage: 'segment', done: sections.length, total: depth, unit: 'sections' });
  };
  // a section with tissue that is repaired when the next one has been cut, and those without tissue after it
  let waiting: CutSection<SectionOnTheWay>[] = [];
  const finishWaiting = async (above: CutSection<SectionOnTheWay> | undefined) => {
    const [first, ...empty] = waiting;
    waiting = [];
    if (!first || !repairing) return;
    const { cut, ...repaired } = timer.run('repair', () => repairCut(run, first, below, above, repairing));
    await finish(first.step, cut, repaired);
    for (const each of empty) await finish(each.step, each.cut, NOT_REPAIRED);
  };
  try {
    // what was done last is seen again: the next is linked to it
    for await (const step of sectionsOnTheWay(run, again[0]?.z ?? done)) {
      throwIfCancelled(context.signal);
      const { section } = step;
      if (section.z < done) {
        const record = again.find(({ z }) => z === section.z);
        if (record) [below, beneath] = [restoreBelow(run, record, step), below];
        continue;
      }
      const here = { step, cut: step.cut() };
      if (here.cut.repairable) {
        await finishWaiting(here);
        waiting.push(here);
      } else if (waiting.length > 0 && inSight(waiting[0].step.section.z, section.z)) waiting.push(here);
      else {
        // what comes after a long gap says nothing of the section before it
        await finishWaiting(undefined);
        await finish(step, here.cut, NOT_REPAIRED);
      }
    }
    await finishWaiting(undefined);
    await timer.wait('write', writes.drain());
  } finally {
    await writes.settle();
  }
  return sections;
}

/** True where a section may not show something everywhere. */
function hasHoles({ invalidPixels, fillPixels }: SectionRecord): boolean {
  return invalidPixels + fillPixels > 0;
}

const NOT_REPAIRED = { split: 0, merged: 0 } as const;

/** A section with tissue before the place where an interrupted run stopped. */
function restoreBelow(
  run: Run,
  { z, runs, stats, idOffset, edges }: SectionRecord,
  step: SectionOnTheWay,
): Below {
  const { small } = run.plan;
  const labels = decodeRuns(runs, new Uint32Array(small[0] * small[1]));
  const fragments = { labels: ndarray(labels, small), area: stats.area, idOffset };
  const judged = inPlaneOf(edges, idOffset);
  const view = step.view({ labels, stats, edges: judged }, idOffset);
  return { z, fragments, view, edges: new EdgeList(1).columns(), judged };
}

interface SectionOnTheWay extends Omit<SeenSection, 'affinities'> {
  /** Cuts it into fragments; to be called before the next section is asked for, whose affinities take the place of its own. */
  readonly cut: () => Cut;
}

/** Sections from `first` on, predicted ahead. */
async function* sectionsOnTheWay(run: Run, first: number): AsyncGenerator<SectionOnTheWay, void, undefined> {
  const { input, options, context, timer, plan, spans } = run;
  const { predictor } = input;
  const parts = repairOptions(run) !== undefined;
  for await (const { affinities, ...step } of seeSections(run, predictor, first)) {
    const { tissue, given } = step.section;
    const segmented = (): Cut => {
      if (given && keepsGiven(input)) {
        return step.section.state === 'tissue' ? givenFragments(given) : noFragments(plan);
      }
      if (!predictor) throw new TypeError('a predictor or fragments are needed');
      if (!affinities) return noFragments(plan);
      const { offsets } = predictor.info;
      const segmentOptions = {
        ...options.segment,
        offsets,
        mask: tissue && ndarray(tissue, plan.small),
        parts,
      };
      const segmentation = given
        ? segmentFrom(shrinkGiven(given, plan), affinities, segmentOptions, context)
        : segment(affinities, segmentOptions, context);
      return inFullPixels(segmentation, plan, spans);
    };
    yield { ...step, cut: () => timer.run('segment', segmented) };
  }
}

/** Links a section to the one below, and through that one's holes to the one beneath it, and makes its record. */
function describeSection(
  run: Run,
  { section, view: viewOf, places, cross, throughHole, across }: SectionOnTheWay,
  cut: Cut,
  [below, beneath]: readonly (Below | undefined)[],
  idOffset: number,
  repaired: SectionRecord['repaired'],
): { record: SectionRecord; here: Below } {
  const { input, options, timer, plan, spans, imagePlan, voxelSizeNm } = run;
  const { z, state, invalidPixels, fillPixels, shift, parts } = section;
  const pixelNm = networkPixelNm(run);
  const inNm = ([y, x]: Offset2): Offset2 => [y * pixelNm[0], x * pixelNm[1]];
  const fragments = { labels: ndarray(cut.labels, plan.small), area: cut.stats.area, idOffset };
  const edges = new EdgeList(cut.edges.count * 2);
  const here = timer.run('link', (): Below => {
    const described = describeCut(cut, viewOf, input);
    const { judged } = described;
    const view = described.view && withIdOffset(described.view, idOffset);
    const own = { z, fragments, view, edges: cut.edges, judged };
    edges.append(judged, idOffset);
    if (!below || state !== 'tissue') return own;
    const to = (lower: Below) => {
      const distance = positionOf(run, z) - positionOf(run, lower.z);
      const kind = distance > GAP ? 'skip' : 'cross';
      const distanceNm = distance * voxelSizeNm[0];
      return { input, options, imagePlan, plan, spans, distanceNm, kind } as const;
    };
    edges.append(linkSections(below, own, { cross, across, places }, to(below)));
    if (beneath && throughHole?.z === beneath.z) {
      edges.append(linkThroughHole(beneath, own, throughHole, to(beneath)));
    }
    return own;
  });
  const record = {
    z,
    state,
    idOffset,
    invalidPixels,
    fillPixels,
    repaired,
    frontAlone: section.frontAlone === true,
    shiftNm: shift && inNm(shift),
    partsNm: (parts ?? []).map(inNm),
    stats: cut.stats,
    runs: timer.run('write', () => encodeRuns(cut.labels)),
    edges: edges.columns(),
  };
  return { record, here };
}
