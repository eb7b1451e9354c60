/**
 * Does the linker gain from what the segmenter has learned? Trains the neighbour head on few and on many patches, on
 * the segmenter's features (frozen), starting from them (tuned), and from nothing (scratch); judges each by how well the
 * mean affinity over the overlap of two true profiles of a validation volume tells whether they are one neuron.
 *
 *     node bench/run.mjs bench/transfer.ts [--data DIR] [--model M.kyn] [--steps 400] [--seeds 1,2,3]
 *         [--patches 15,150,1500] [--transfer frozen,scratch]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  createMemoryStore,
  type LabelSource,
  PAIR_FEATURES,
  PairExamples,
  runPipeline,
  type SectionPairs,
  type SectionSource,
  subvolume,
} from '@kyn/core';
import { openLabels, openSections } from '@kyn/io/node';
import {
  createPredictor,
  decodeModel,
  encodeModel,
  LINKER_DEFAULTS,
  loadTrainingVolume,
  type Transfer,
  trainNeighbourHead,
} from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env.KYN_DATA ?? '../shared/data' },
    model: { type: 'string', default: 'models/base.kyn' },
    steps: { type: 'string', default: '400' },
    seeds: { type: 'string', default: '1,2,3' },
    patches: { type: 'string', default: '15,150,1500' },
    transfer: { type: 'string', default: 'frozen,scratch' },
  },
});
const list = (text: string) => text.split(',').map(Number);
const file = (name: string) => join(values.data, 'flyem-medulla', name);
const runtime = await nodeRuntime({ threads: 2 });
const base = decodeModel(readFileSync(values.model), values.model);
const train = await loadTrainingVolume(
  await openSections(file('train.h5')),
  await openLabels(file('train.h5')),
  {
    name: 'train.h5',
    isotropic: true,
    zSteps: [1, 2, 4, 4, 6],
  },
);
const cut = { zStep: 4 };
const source = subvolume(await openSections(file('val.h5')), cut) as SectionSource;
const truth = subvolume(await openLabels(file('val.h5')), cut) as LabelSource;
const steps = Number(values.steps);
const schedule = { ...LINKER_DEFAULTS.schedule, steps, warmup: 40 };
const card = { description: '', licence: '', data: [], command: '' };
const MEAN = PAIR_FEATURES.indexOf('affinity, mean');

/** Average precision of the mean affinity over all overlapping pairs of true profiles. */
async function judge(model: Uint8Array): Promise<number> {
  const predictor = await createPredictor(runtime, model, 'head');
  const found: SectionPairs[] = [];
  const input = { source, predictor, fragments: truth, onPairs: (pairs: SectionPairs) => found.push(pairs) };
  await runPipeline(input, createMemoryStore());
  await predictor.close();
  const examples = new PairExamples();
  for (const { lowerZ, upperZ, lower, upper, pairs, upperEdges } of found) {
    const both = [await truth.read(lowerZ), await truth.read(upperZ)] as const;
    examples.add(pairs, [lower, upper], upperEdges, both, 1, false);
  }
  const { values: rows, labels, features } = examples.cross.rows(false);
  const pairs = Array.from(labels, (label, i) => ({ label, score: rows[i * features + MEAN] }));
  pairs.sort((a, b) => b.score - a.score);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  let [hits, sum] = [0, 0];
  pairs.forEach(({ label }, i) => {
    if (!label) return;
    hits++;
    sum += hits / (i + 1);
  });
  return sum / positives;
}

console.log('transfer  patches  average precision by seed');
for (const patches of list(values.patches)) {
  for (const transfer of values.transfer.split(',') as Transfer[]) {
    const figures: number[] = [];
    for (const seed of list(values.seeds)) {
      const options = { ...LINKER_DEFAULTS, transfer, patches, seed, schedule, size: 96, batch: 4 };
      const run = { queue: { workers: 0 }, checkpointEvery: steps + 1, recordEvery: steps };
      const { model } = await trainNeighbourHead(runtime, [train], base, options, card, run);
      const { linker: _, ...head } = model;
      figures.push(await judge(encodeModel(head)));
    }
    const mean = figures.reduce((a, b) => a + b, 0) / figures.length;
    console.log(
      `${transfer.padEnd(8)}  ${String(patches).padStart(7)}  ${mean.toFixed(3)} (${figures.map((f) => f.toFixed(3)).join(', ')})`,
    );
  }
}
