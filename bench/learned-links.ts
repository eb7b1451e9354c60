/**
 * 3D VOI by learned links over the options of segmentation and partition, on several volumes: every volume is segmented
 * once for each bias, then its graph is partitioned over and over.
 *
 *     node bench/run.mjs bench/learned-links.ts --model M.kyn [--bias 0.5,0.6] [--sweep] [--repair JSON] [--segment JSON] VOLUME.h5[@Z_STEP] ...
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import {
  ContingencyTable,
  createMemoryStore,
  type Demand,
  type EdgeColumns,
  fragmentVoxels,
  PARTITION_DEFAULTS,
  type PartitionOptions,
  PIPELINE_DEFAULTS,
  partition,
  REPAIR_DEFAULTS,
  runPipeline,
  type Scores,
  scorePerfectLinks,
  scoreTable,
} from '@kyn/core';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { openVolume } from './volume-spec.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'models/base.kyn' },
    bias: { type: 'string', default: String(PIPELINE_DEFAULTS.segment.bias) },
    sweep: { type: 'boolean', default: false },
    repair: { type: 'string' },
    segment: { type: 'string', default: '{}' },
  },
});

const DEMANDS: readonly (Demand | undefined)[] = [
  undefined,
  ...[10, 20, 40].map((most) => ({ most, half: 5000 })),
  { most: 20, half: 20_000 },
];

interface Graph {
  readonly name: string;
  readonly edges: EdgeColumns;
  /** Of every fragment. */
  readonly voxels: Float64Array;
  readonly assignment: Uint32Array;
  /** Fragments against truth. */
  readonly table: ContingencyTable;
}

const runtime = await nodeRuntime({ threads: 2 });
const predictor = await createPredictor(runtime, new Uint8Array(readFileSync(values.model)), values.model);

async function graphOf(spec: string, bias: number): Promise<Graph> {
  const { source, truth } = await openVolume(spec);
  const store = createMemoryStore();
  const segment = { ...PIPELINE_DEFAULTS.segment, ...JSON.parse(values.segment), bias };
  const { linker } = predictor;
  const repair =
    values.repair === undefined ? undefined : { ...REPAIR_DEFAULTS, ...JSON.parse(values.repair) };
  const { repaired } = await runPipeline({ source, predictor, linker }, store, {
    ...PIPELINE_DEFAULTS,
    segment,
    repair,
  });
  if (repair) console.log(`${basename(spec)}: ${repaired.split} split, ${repaired.merged} merged`);
  const table = new ContingencyTable();
  for (const [z, fragments] of store.fragments.entries()) table.add(fragments, await truth.read(z));
  await Promise.all([source.close(), truth.close()]);
  if (!store.graph || !store.assignment) throw new Error('no graph');
  const { graph: edges, assignment, records } = store;
  const voxels = fragmentVoxels(records, assignment.length - 1);
  return { name: basename(spec), edges, voxels, assignment, table };
}

function scoresOf({ table }: Graph, neurons: Uint32Array): Scores {
  const assigned = new ContingencyTable();
  table.forEach((fragment, truth, voxels) => {
    assigned.addPair(neurons[fragment], truth, voxels);
  });
  return scoreTable(assigned);
}

function partitioned(graph: Graph, change: Partial<PartitionOptions>): Scores {
  return scoresOf(graph, partition(graph.edges, graph.voxels, { ...PARTITION_DEFAULTS, ...change }));
}

for (const bias of values.bias.split(',').map(Number)) {
  const graphs: Graph[] = [];
  console.log(`\nbias ${bias}`.padEnd(26), 'split + merge = VOI, every link right');
  for (const spec of positionals) {
    const graph = await graphOf(spec, bias);
    graphs.push(graph);
    const { voi_split, voi_merge, voi, arand } = scoresOf(graph, graph.assignment);
    const perfect = scorePerfectLinks(graph.table).voi;
    console.log(
      graph.name.padEnd(24),
      `${voi_split.toFixed(3)} + ${voi_merge.toFixed(3)} = ${voi.toFixed(3)}, ${perfect.toFixed(3)}  ARAND ${arand.toFixed(3)}`,
    );
  }
  const mean = (options: Partial<PartitionOptions>) =>
    graphs.reduce((sum, graph) => sum + partitioned(graph, options).voi, 0) / graphs.length;
  console.log('mean'.padEnd(24), mean({}).toFixed(3));
  if (!values.sweep) continue;
  const thresholds = [0.35, 0.4, 0.45, 0.5, 0.6];
  console.log('threshold'.padEnd(48), ...thresholds.map((t) => String(t).padEnd(6)));
  for (const areaPower of [0.35, 0.5, 0.65]) {
    for (const inPlaneWeight of [0, 0.15, 0.6]) {
      for (const demand of DEMANDS) {
        const change = { areaPower, inPlaneWeight, demand };
        const cells = thresholds.map((threshold) => mean({ ...change, threshold }).toFixed(3));
        const asked = demand ? `demand ${demand.most} (${demand.half})` : 'no demand';
        const row = `area^${areaPower}, in-plane ${inPlaneWeight}, ${asked}`;
        console.log(row.padEnd(48), ...cells.map((c) => c.padEnd(6)));
      }
    }
  }
}
await predictor.close();
