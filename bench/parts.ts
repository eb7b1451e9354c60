/**
 * What each part of the linker brings: 3D VOI by plain overlap, by the network's mean affinity, by the classifier of
 * pairs, with touching fragments judged, with pieces judged, all on the same fragments (for overlap, also on those
 * that suit it best), and with repair.
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
  IN_PLANE,
  type LabelSource,
  type MemoryStore,
  OVERLAP_DEFAULTS,
  PAIR_FEATURES,
  PARTITION_DEFAULTS,
  PIPELINE_DEFAULTS,
  type PipelineOptions,
  partition,
  partitionPieces,
  runPipeline,
  type SectionPairs,
  type SectionSource,
  scorePerfectLinks,
  scoreTable,
  subvolume,
} from '@kyn/core';
import { openLabels, openSections } from '@kyn/io/node';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: 'string', default: 'models/base.kyn' } },
});
const runtime = await nodeRuntime({ threads: 2 });
const predictor = await createPredictor(runtime, new Uint8Array(readFileSync(values.model)), values.model);
const { linker } = predictor;
if (!linker) throw new Error('the model has no linker');

const UNREPAIRED: PipelineOptions = { ...PIPELINE_DEFAULTS, repair: undefined };

/** Mean affinity at which a pair is as likely one neuron as not; the best of these on all volumes together is told. */
const EVEN = [0.3, 0.4, 0.5, 0.6];
const MEAN = PAIR_FEATURES.indexOf('affinity, mean');

interface Opened {
  readonly source: SectionSource;
  readonly truth: LabelSource;
}

async function segmented(
  { source }: Opened,
  options: PipelineOptions,
  linked: boolean,
): Promise<{ store: MemoryStore; pairs: SectionPairs[] }> {
  const store = createMemoryStore();
  const pairs: SectionPairs[] = [];
  const onPairs = (found: SectionPairs) => pairs.push(found);
  await runPipeline({ source, predictor, onPairs, ...(linked ? { linker } : {}) }, store, options);
  return { store, pairs };
}

async function fragmentsAgainst({ truth }: Opened, store: MemoryStore): Promise<ContingencyTable> {
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

function withoutInPlane(edges: EdgeColumns): EdgeColumns {
  const list = new EdgeList();
  for (let i = 0; i < edges.count; i++) {
    if (edges.kind[i] !== IN_PLANE)
      list.push(edges.a[i], edges.b[i], edges.kind[i], edges.area[i], edges.probability[i]);
  }
  return list.columns();
}

const rows: [string, Record<string, number>][] = [];
for (const spec of positionals) {
  const [file, step] = spec.split('@');
  const zStep = Number(step ?? 1);
  const opened: Opened = {
    source: subvolume(await openSections(`${file}:/volumes/raw`), { zStep }) as SectionSource,
    truth: subvolume(await openLabels(`${file}:/volumes/labels/neuron_ids`), { zStep }) as LabelSource,
  };
  const figures: Record<string, number> = {};
  const coarse = await segmented(opened, OVERLAP_DEFAULTS, false);
  const coarseTable = await fragmentsAgainst(opened, coarse.store);
  if (!coarse.store.assignment) throw new Error('no result');
  figures['overlap, its own fragments'] = voiOf(coarseTable, coarse.store.assignment);
  const plain = await segmented(opened, UNREPAIRED, false);
  const table = await fragmentsAgainst(opened, plain.store);
  if (!plain.store.graph || !plain.store.assignment) throw new Error('no result');
  const fragments = plain.store.assignment.length - 1;
  const sumsUp = (edges: EdgeColumns) => voiOf(table, partition(edges, fragments, PARTITION_DEFAULTS));
  figures.overlap = sumsUp(withoutInPlane(plain.store.graph));
  for (const even of EVEN) figures[`affinity, even at ${even}`] = sumsUp(byAffinity(plain.pairs, even));
  const whole = await segmented(opened, UNREPAIRED, true);
  if (!whole.store.graph) throw new Error('no result');
  figures['pairs classified'] = sumsUp(withoutInPlane(whole.store.graph));
  figures['touching fragments judged'] = sumsUp(whole.store.graph);
  if (linker.pieces) {
    const { graph: edges, records: sections } = whole.store;
    const voxelSizeNm = opened.source.info.voxelSizeNm ?? ([40, 10, 10] as const);
    const graph = { edges, fragments, sections, voxelSizeNm };
    figures['pieces judged'] = voiOf(table, partitionPieces(graph, linker.pieces, PARTITION_DEFAULTS));
  }
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
