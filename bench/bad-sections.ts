/**
 * What bad sections cost: one section in ten blanked and one ruined by noise, 3D VOI over the sound ones, against the same
 * sections of the untouched volume.
 *
 *     node bench/run.mjs bench/bad-sections.ts VOLUME.h5[@Z_STEP] [--model models/base.kyn] [--noise 80] [--every 10]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  ContingencyTable,
  createMemoryStore,
  Random,
  runPipeline,
  type SectionSource,
  scoreTable,
} from '@kyn/core';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { openVolume } from './volume-spec.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'models/base.kyn' },
    noise: { type: 'string', default: '80' },
    every: { type: 'string', default: '10' },
  },
});
const every = Number(values.every);
const noise = Number(values.noise);
const { source, truth } = await openVolume(positionals[0]);
const depth = source.info.shape[0];
/** Never the first or the last, and never two in a row. */
const blank = (z: number): boolean => z % every === 3 && z < depth - 1;
const ruined = (z: number): boolean => z % every === 8 && z < depth - 1;

const spoilt: SectionSource = {
  ...source,
  info: { ...source.info, dtype: 'float32' },
  async read(z, signal) {
    const { data, shape, stride } = await source.read(z, signal);
    if (blank(z)) return { data: new Float32Array(data.length).fill(128), shape, stride };
    const random = new Random(z, 7);
    const grey = (value: number) => value + (ruined(z) ? noise * random.normal() : 0);
    return { data: Float32Array.from(data as ArrayLike<number>, grey), shape, stride };
  },
};

const runtime = await nodeRuntime({ threads: 2 });
const predictor = await createPredictor(runtime, new Uint8Array(readFileSync(values.model)), values.model);
const { linker } = predictor;
for (const [name, from] of [
  ['untouched', source],
  ['spoilt', spoilt],
] as const) {
  const store = createMemoryStore();
  const { notes } = await runPipeline({ source: from, predictor, linker }, store);
  const table = new ContingencyTable();
  for (const [z, section] of store.segmentation.entries()) {
    if (!blank(z) && !ruined(z)) table.add(section, await truth.read(z));
  }
  const { voi_split, voi_merge, voi } = scoreTable(table);
  console.log(`${name}: VOI ${voi_split.toFixed(3)} + ${voi_merge.toFixed(3)} = ${voi.toFixed(3)}`);
  for (const note of notes) console.log(`  ${note}`);
}
await Promise.all([predictor.close(), source.close(), truth.close()]);
