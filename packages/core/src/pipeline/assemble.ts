/** From the graph to neurons: the part of a run that sees all sections. */
import { throwIfCancelled } from '../errors.ts';
import { CROSS, type EdgeColumns, EdgeList, IN_PLANE, SKIP } from '../graph/edge-list.ts';
import { neuronTable } from '../neurons/neuron-table.ts';
import { partition } from '../partition/partition.ts';
import { project } from '../project/project.ts';
import { mapAhead, WRITES, WriteBehind } from './ahead.ts';
import { LabelRing } from './label-ring.ts';
import { greyPanel, type PreviewPanel, panelStep, previewSections, shrinkLabels } from './preview-panel.ts';
import type { PipelineReport } from './report.ts';
import type { Run } from './start.ts';
import type { SectionRecord } from './store.ts';

/** Partitions the graph, and writes neurons, table, preview and report. */
export async function assembleNeurons(run: Run, records: readonly SectionRecord[]): Promise<PipelineReport> {
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
  const planes = new LabelRing(WRITES + 1);
  const fragments = mapAhead(
    records.map(({ z }) => z),
    async (z) => ({ z, labels: await timer.wait('project', store.readFragments(z)) }),
  );
  try {
    for await (const { z, labels } of fragments) {
      throwIfCancelled(context.signal);
      const plane = planes.next(plan.full[0] * plan.full[1]);
      const neurons = timer.run('project', () => project(labels, assignment, 0, plane));
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
