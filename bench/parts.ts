/**
 * What each part of the linker brings: 3D VOI by plain overlap, by the network's mean affinity, by the classifier of
 * pairs, with touching fragments judged, with more demanded of larger merges, all on the same fragments (for overlap, also on
 * those that suit it best), and with repair.
 *
 *     node bench/run.mjs bench/parts.ts [--model models/base.kyn] VOLUME.h5[@Z_STEP] ...
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import {
  ContingencyTable,
  createMemoryStore,
  type EdgeColumns,
  EdgeList,
  edgesOfPairs,
  fragmentVoxels,
  type MemoryStore,
  OVERLAP_DEFAULTS,
  PAIR_FEATURES,
  PARTITION_DEFAULTS,
  type PartitionOptions,
  PIPELINE_DEFAULTS,
  type PipelineOptions,
  partition,
  runPipeline,
  type SectionPairs,
  scorePerfectLinks,
  scoreTable,
} from '@kyn/core';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { type LabelledVolume, openVolume } from './volume-spec.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: 'string', default: 'models/base.kyn' } },
});
const runtime = await nodeRuntime({ threads: 2 });
const predictor = await createPredictor(runtime, new Uint8Array(readFileSync(values.model)), values.model);
const { linker } = predictor;
if (!linker) throw new Error('the model has no linker');

/** Touching fragments say nothing, and all merges are alike. */
const ACROSS_ONLY = { inPlaneWeight: 0, demand: undefined } as const;

const UNREPAIRED: PipelineOptions = { ...PIPELINE_DEFAULTS, repair: undefined };

/** Mean affinity at which a pair is as likely one neuron as not; the best of these on all volumes together is told. */
const EVEN = [0.3, 0.4, 0.5, 0.6];
const MEAN = PAIR_FEATURES.indexOf('affinity, mean');

async function segmented(
  { source }: LabelledVolume,
  options: PipelineOptions,
  linked: boolean,
): Promise<{ store: MemoryStore; pairs: SectionPairs[] }> {
  const store = createMemoryStore();
  const pairs: SectionPairs[] = [];
  const onPairs = (found: SectionPairs) => pairs.push(found);
  await runPipeline({ source, predictor, onPairs, ...(linked ? { linker } : {}) }, store, options);
  return { store, pairs };
}

async function fragmentsAgainst({ truth }: LabelledVolume, store: MemoryStore): Promise<ContingencyTable> {
  const table = new ContingencyTable();
  for (const [z, fragments] of store.fragments.entries()) table.add(fragments, await truth.read(z));
  return table;
}

function voiOf(table: ContingencyTable, neurons: Uint32Array): number {
  const assigned = new ContingencyTable();
  table.forEach((fragment, truth, voxels) => {
    assigned.addPair(neurons[fragment], truth, voxels);
  });
  return scoreTable(assigned).voi;
}

/** Edges by the mean affinity over the overlap; touching fragments say nothing. */
function byAffinity(pairs: readonly SectionPairs[], even: number): EdgeColumns {
  const odds = even / (1 - even);
  const edges = new EdgeList();
  for (const { pairs: judged, lower, upper } of pairs) {
    const width = PAIR_FEATURES.length;
    const probability = Float32Array.from({ length: judged.evidence.count }, (_, i) => {
      const mean = Math.max(0, judged.features[i * width + MEAN]);
      return mean / (mean + (1 - mean) * odds);
    });
    edges.append(edgesOfPairs(judged, probability, lower, upper, 'cross'));
  }
  return edges.columns();
}

const rows: [string, Record<string, number>][] = [];
for (const spec of positionals) {
  const opened = await openVolume(spec);
  const figures: Record<string, number> = {};
  const coarse = await segmented(opened, OVERLAP_DEFAULTS, false);
  const coarseTable = await fragmentsAgainst(opened, coarse.store);
  if (!coarse.store.assignment) throw new Error('no result');
  figures['overlap, its own fragments'] = voiOf(coarseTable, coarse.store.assignment);
  const plain = await segmented(opened, UNREPAIRED, false);
  const table = await fragmentsAgainst(opened, plain.store);
  if (!plain.store.graph || !plain.store.assignment) throw new Error('no result');
  const voxels = fragmentVoxels(plain.store.records, plain.store.assignment.length - 1);
  const sumsUp = (edges: EdgeColumns, change: Partial<PartitionOptions> = {}) =>
    voiOf(table, partition(edges, voxels, { ...PARTITION_DEFAULTS, ...change }));
  figures.overlap = sumsUp(plain.store.graph, ACROSS_ONLY);
  for (const even of EVEN)
    figures[`affinity, even at ${even}`] = sumsUp(byAffinity(plain.pairs, even), ACROSS_ONLY);
  const whole = await segmented(opened, UNREPAIRED, true);
  if (!whole.store.graph) throw new Error('no result');
  figures['pairs classified'] = sumsUp(whole.store.graph, ACROSS_ONLY);
  figures['touching fragments judged'] = sumsUp(whole.store.graph, { demand: undefined });
  figures['more demanded of larger merges'] = sumsUp(whole.store.graph);
  const mended = await segmented(opened, PIPELINE_DEFAULTS, true);
  const mendedTable = await fragmentsAgainst(opened, mended.store);
  if (!mended.store.assignment) throw new Error('no result');
  figures.repair = voiOf(mendedTable, mended.store.assignment);
  figures['every link right'] = scorePerfectLinks(mendedTable).voi;
  rows.push([basename(spec), figures]);
  await Promise.all([opened.source.close(), opened.truth.close()]);
  console.log(basename(spec), JSON.stringify(figures));
}
await predictor.close();
const names = Object.keys(rows[0][1]);
console.log(`\n| | ${rows.map(([name]) => name).join(' | ')} | mean |\n|${'---|'.repeat(rows.length + 2)}`);
for (const name of names) {
  const cells = rows.map(([, figures]) => figures[name]);
  const mean = cells.reduce((a, b) => a + b, 0) / cells.length;
  console.log(`| ${name} | ${[...cells, mean].map((cell) => cell.toFixed(2)).join(' | ')} |`);
}
