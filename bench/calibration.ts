/**
 * How far the probabilities of links can be trusted on volumes that nothing was trained on: of all edges between fragments whose
 * neuron is known (the one that most of their voxels lie in), what share is one neuron, by tenths of the probability given.
 *
 *     node bench/run.mjs bench/calibration.ts [--model models/base.kyn] VOLUME.h5[@Z_STEP] ...
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { ContingencyTable, createMemoryStore, IN_PLANE, majorityOf, runPipeline } from '@kyn/core';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { openVolume } from './volume-spec.ts';

const BINS = 10;

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
    const bins = Array.from({ length: BINS }, () => ({ edges: 0, given: 0, one: 0 }));
    for (let i = 0; i < count; i++) {
      const [first, second] = [neuron.get(a[i]), neuron.get(b[i])];
      if ((kind[i] === IN_PLANE) !== wanted || !first || !second) continue;
      const bin = bins[Math.min(BINS - 1, Math.floor(BINS * probability[i]))];
      bin.edges++;
      bin.given += probability[i];
      bin.one += Number(first === second);
    }
    const edges = bins.reduce((sum, bin) => sum + bin.edges, 0);
    const error = bins.reduce((sum, { given, one }) => sum + Math.abs(given - one), 0) / edges;
    const shown = bins.map(({ edges: n, given, one }) =>
      n === 0 ? '-' : `${(given / n).toFixed(2)}:${(one / n).toFixed(2)}`,
    );
    console.log(
      `${basename(spec)}, ${name}: error ${(100 * error).toFixed(1)} % of ${edges} edges; given:true ${shown.join(' ')}`,
    );
  }
}
await predictor.close();
