/** From the graph to neurons: the part of a run that sees all sections. */
import { throwIfCancelled } from '../errors.ts';
import { CROSS, type EdgeColumns, EdgeList, IN_PLANE, SKIP } from '../graph/edge-list.ts';
import { judgeByCourse, placeSections, type ShiftedSection } from '../link/course.ts';
import { neuronTable } from '../neurons/neuron-table.ts';
import { DOUBT_DEFAULTS, doubts } from '../partition/doubts.ts';
import { optionsIn, partition } from '../partition/partition.ts';
import { isBlockPredictor } from '../predict/predict-blocks.ts';
import { enlargeLabels } from '../predict/resample.ts';
import { project } from '../project/project.ts';
import { fragmentVoxels, type SectionTable } from '../segment/fragment-table.ts';
import { ndarray } from '../volume/array.ts';
import { mapAhead, WRITES, WriteBehind } from './ahead.ts';
import { LabelRing } from './label-ring.ts';
import { decodeRuns } from './label-runs.ts';
import { greyPanel, type PreviewPanel, panelStep, previewSections, shrinkLabels } from './preview-panel.ts';
import type { LinkKind, PipelineReport } from './report.ts';
import { SIGHT } from './sight.ts';
import { keepsGiven, linksByNetwork, pixelArea, type Run } from './start.ts';
import type { SectionSummary } from './store.ts';

/** Partitions the graph, and writes neurons, tables, preview and report. */
export async function assembleNeurons(
  run: Run,
  sections: readonly SectionSummary[],
): Promise<PipelineReport> {
  const { store, timer } = run;
  const { assignment, edges, tables } = await partitionGraph(run, sections);
  const panels = await projectSections(run, sections, assignment);
  const neurons = timer.run('project', () => neuronTable(tables, assignment, run.voxelSizeNm));
  await timer.wait('write', store.writeNeurons(neurons));
  await timer.wait('preview', store.writePreview(panels));
  const report = makeReport(run, sections, edges, neurons.length);
  throwIfCancelled(run.context.signal); // after this a result that is replaced is gone
  await store.finish(report);
  return report;
}

type EdgeCounts = PipelineReport['edges'];

/** Gathers and writes the graph, cuts it into neurons, writes the assignment and what is doubtful in it. */
async function partitionGraph(
  run: Run,
  sections: readonly SectionSummary[],
): Promise<{ assignment: Uint32Array; edges: EdgeCounts; tables: SectionTable[] }> {
  const { store, options, context, timer, voxelSizeNm } = run;
  const graph = new EdgeList(sections.reduce((sum, { edges }) => sum + edges, 0));
  const tables: ShiftedSection[] = [];
  for (const { z, idOffset } of sections) {
    const record = await store.readRecord(z);
    graph.append(record.edges);
    tables.push({ z, idOffset, stats: record.stats, shiftNm: record.shiftNm });
  }
  const edges = timer.run('link', () => judgedByCourse(run, graph.columns(), tables));
  await timer.wait('write', store.writeGraph(edges));
  const fragments = sections.reduce((sum, section) => sum + section.fragments, 0);
  const voxels = fragmentVoxels(tables, fragments);
  const asked = optionsIn(pixelArea(run), options.partition);
  const assignment = timer.run('partition', () => partition(edges, voxels, asked, context));
  await timer.wait('write', store.writeAssignment(assignment));
  const cut = { edges, assignment, sections: tables, voxelSizeNm };
  const counting = { ...DOUBT_DEFAULTS, ...asked };
  const doubtful = timer.run('partition', () => doubts(cut, counting, context));
  await timer.wait('write', store.writeDoubts(doubtful));
  return { assignment, edges: countKinds(edges), tables };
}

/**
 * Links of given fragments that the network has judged are judged once more now that all are known; others gain nothing by it
 * (docs/experiments.md).
 */
function judgedByCourse(
  { input, voxelSizeNm, context }: Run,
  edges: EdgeColumns,
  tables: readonly ShiftedSection[],
): EdgeColumns {
  const { linker, source } = input;
  if (!linker?.given || !linker.course || !keepsGiven(input) || !linksByNetwork(input)) return edges;
  const placed = placeSections(tables, source.info.sectionPositions);
  return judgeByCourse(linker.course, edges, placed, voxelSizeNm, SIGHT, context.signal);
}

function countKinds({ kind }: EdgeColumns): EdgeCounts {
  const counts = [0, 0, 0];
  for (const each of kind) counts[each]++;
  return { inPlane: counts[IN_PLANE], cross: counts[CROSS], skip: counts[SKIP] };
}

/** Writes the neurons of every section, and gathers the panels of the preview. */
async function projectSections(
  { input, store, context, timer, plan, voxelSizeNm }: Run,
  sections: readonly SectionSummary[],
  assignment: Uint32Array,
): Promise<PreviewPanel[]> {
  const withTissue = sections.filter(({ state }) => state === 'tissue').map(({ z }) => z);
  const shown = new Set(previewSections(withTissue));
  const step = panelStep(plan.full[0], plan.full[1]);
  const panels: PreviewPanel[] = [];
  const writes = new WriteBehind(WRITES);
  const planes = new LabelRing(WRITES + 1);
  const small = new LabelRing(2);
  const smallPixels = plan.small[0] * plan.small[1];
  const kept = mapAhead(sections, ({ z }) => timer.wait('project', store.readRecord(z)));
  try {
    for await (const { z, idOffset, runs } of kept) {
      throwIfCancelled(context.signal);
      const neurons = timer.run('project', () => {
        const fragments = ndarray(decodeRuns(runs, small.next(smallPixels)), plan.small);
        const labels = project(fragments, assignment, idOffset, small.next(smallPixels));
        const plane = planes.next(plan.full[0] * plan.full[1]);
        return ndarray(enlargeLabels(labels.data, plan, 0, plane), plan.full);
      });
      await timer.wait(
        'write',
        writes.add(() => store.writeSegmentation(z, neurons)),
      );
      if (shown.has(z)) {
        const raw = await timer.wait('preview', input.source.read(z, context.signal));
        const panel = timer.run('preview', () => ({
          z,
          image: greyPanel(raw, step),
          neurons: shrinkLabels(neurons, step),
          pixelNm: [voxelSizeNm[1] * step, voxelSizeNm[2] * step] as const,
        }));
        panels.push(panel);
      }
      context.onProgress?.({ stage: 'project', done: z + 1, total: sections.length, unit: 'sections' });
    }
    await timer.wait('write', writes.drain());
  } finally {
    await writes.settle();
  }
  return panels;
}

function makeReport(
  run: Run,
  sections: readonly SectionSummary[],
  edges: EdgeCounts,
  neurons: number,
): PipelineReport {
  const { input, timer, voxelSizeNm, imagePlan, survey, notes } = run;
  return {
    shape: input.source.info.shape,
    voxelSizeNm,
    resampledBy: input.predictor ? imagePlan.factor : undefined,
    contrastTurned: survey.membranesAreBright,
    sideViews: run.sideViews,
    sections: sections.length,
    emptySections: sections.filter(({ state }) => state !== 'tissue').map(({ z }) => z),
    fragments: sections.reduce((sum, section) => sum + section.fragments, 0),
    edges,
    links: linkKind(run, sections),
    neurons,
    repaired: {
      split: sections.reduce((sum, { repaired }) => sum + repaired.split, 0),
      merged: sections.reduce((sum, { repaired }) => sum + repaired.merged, 0),
    },
    notes,
    stages: timer.stages,
    seconds: timer.seconds,
  };
}

function linkKind({ input, options }: Run, sections: readonly SectionSummary[]): LinkKind {
  if (sections.filter(({ state }) => state === 'tissue').length < 2) return 'none';
  if (isBlockPredictor(input.predictor)) return options.across ? 'affinities' : 'overlap';
  return linksByNetwork(input) ? 'learned' : 'overlap';
}
