/**
 * How far the probabilities of links can be trusted on volumes that nothing was trained on: of all edges between fragments whose
 * neuron is known (the one that most of their voxels lie in), what share is one neuron, by tenths of the probability given.
 *
 *     node bench/run.mjs bench/calibration.ts [--model models/base.kyn] VOLUME.h5[@Z_STEP] ...
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import {
  ContingencyTable,
  createMemoryStore,
  IN_PLANE,
  majorityOf,
  reliabilityOf,
  runPipeline,
} from '@kyn/core';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { openVolume } from './volume-spec.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: 'string', default: 'models/base.kyn' } },
});
const runtime = await nodeRuntime({ threads: 2 });
const predictor = await createPredictor(runtime, new Uint8Array(readFileSync(values.model)), values.model);
for (const spec of positionals) {
  const { source, truth } = await openVolume(spec);
  const store = createMemoryStore();
  await runPipeline({ source, predictor, linker: predictor.linker }, store);
  const table = new ContingencyTable();
  for (const [z, fragments] of store.fragments.entries()) table.add(fragments, await truth.read(z));
  await Promise.all([source.close(), truth.close()]);
  if (!store.graph) throw new Error('no graph');
  const { count, a, b, kind, probability } = store.graph;
  const neuron = majorityOf(table);
  for (const [name, wanted] of [
    ['between sections', false],
    ['within a section', true],
  ] as const) {
    const known = Array.from({ length: count }, (_, i) => i).filter(
      (i) => (kind[i] === IN_PLANE) === wanted && neuron.get(a[i]) && neuron.get(b[i]),
    );
    const { rows, calibrationError, bins } = reliabilityOf(
      known.map((i) => probability[i]),
      known.map((i) => Number(neuron.get(a[i]) === neuron.get(b[i]))),
    );
    const shown = bins.map(({ predicted, observed }) => `${predicted.toFixed(2)}:${observed.toFixed(2)}`);
    const error = `error ${(100 * calibrationError).toFixed(1)} % of ${rows} edges`;
    console.log(`${basename(spec)}, ${name}: ${error}; given:true ${shown.join(' ')}`);
  }
}
await predictor.close();
