/**
 * What training batches cost: CPU time a batch of the default size on one thread, with every augmentation, and
 * optionally a picture of a batch to look at.
 *
 *     node bench/run.mjs bench/sample-batch.ts [--size 256] [--sections 3] [--lsd 10] [--batches 60] [--sheet FILE.png]
 *
 * Reads the training volumes that KYN_DATA names (default ../shared/data).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodePng, openLabels, openSections } from '@kyn/io/node';
import {
  AUGMENT_DEFAULTS,
  loadTrainingVolume,
  makeBatch,
  type SampleSpec,
  sampleSheet,
  type VolumeOptions,
} from '@kyn/nn';

const { values } = parseArgs({
  options: {
    sections: { type: 'string', default: '1' },
    lsd: { type: 'string', default: '10' },
    batches: { type: 'string', default: '60' },
    size: { type: 'string', default: '256' },
    sheet: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const data = process.env.KYN_DATA ?? '../shared/data';
const sections = Number(values.sections);

async function load(file: string, options: VolumeOptions) {
  const path = join(data, file);
  const [raw, labels] = [await openSections(path), await openLabels(path)];
  const volume = await loadTrainingVolume(raw, labels, { name: file, isotropic: true, ...options });
  await Promise.all([raw.close(), labels.close()]);
  return volume;
}

const volumes = [
  await load('flyem-medulla/train.h5', { zSteps: sections > 1 ? [1, 4] : undefined }),
  await load('gala-medulla/train.h5', { boundaryLabel: 0, weight: 0.2 }),
];
const spec: SampleSpec = {
  size: Number(values.size),
  batch: 2,
  sections,
  offsets: [1, 3, 9, 27].flatMap((d) => [[-d, 0] as const, [0, -d] as const]),
  lsdSigma: Number(values.lsd),
  pixelNm: 10,
  augment: AUGMENT_DEFAULTS,
};
const seed = Number(values.seed);
for (let step = 0; step < 10; step++) makeBatch(volumes, spec, seed, step);
const batches = Number(values.batches);
const wall = performance.now();
const before = process.cpuUsage();
let known = 0;
for (let step = 10; step < 10 + batches; step++) {
  const { weight, layout } = makeBatch(volumes, spec, seed, step);
  for (let n = 0; n < spec.batch; n++) {
    const start = n * layout.channels * spec.size ** 2;
    for (let i = start; i < start + spec.size ** 2; i++) if (weight[i] > 0) known++;
  }
}
const used = process.cpuUsage(before);
const perBatch = (ms: number) => `${(ms / batches).toFixed(1)} ms`;
console.log(
  `a batch: ${perBatch((used.user + used.system) / 1000)} CPU, ${perBatch(performance.now() - wall)} wall`,
);
console.log(`painted pixels: ${((100 * known) / (batches * spec.batch * spec.size ** 2)).toFixed(0)} %`);
if (values.sheet) {
  const picture = sampleSheet(makeBatch(volumes, { ...spec, batch: 6 }, seed, 0), 2);
  writeFileSync(values.sheet, encodePng({ ...picture, channels: 4 }));
}
