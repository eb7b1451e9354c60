/**
 * Phantoms beside real tissue: profile areas, overlaps of true neighbours and the rest of `profileStatistics`, of
 * label volumes that KYN_DATA names (default ../shared/data) and of phantoms of the same voxel size; then the time
 * that drawing takes, and the peak memory.
 *
 *     node bench/run.mjs bench/phantom.ts [--write]
 *
 * `--write` only records the figures of the real volumes for `packages/core/src/phantom/statistics.test.ts`.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPhantom, type LabelSource, subvolume, type Vec3 } from '@kyn/core';
import { openLabels } from '@kyn/io/node';
import {
  type ProfileStatistics,
  profileStatistics,
} from '../packages/core/src/phantom/profile-statistics.ts';

const data = process.env.KYN_DATA ?? '../shared/data';
const record = 'packages/core/src/phantom/fixtures/profile-statistics.json';
const command = 'node bench/run.mjs bench/phantom.ts --write';

interface Real {
  readonly name: string;
  readonly file: string;
  readonly min: Vec3;
  readonly max: Vec3;
  readonly zStep: number;
  readonly pairs?: readonly number[];
}

const everyFourth = (count: number) => Array.from({ length: count }, (_, k) => 4 * k);
const medulla = { file: 'flyem-medulla/train.h5', min: [0, 0, 0], max: [110, 250, 250] } as const;
const real: Real[] = [
  {
    name: 'cortex 40×8×8',
    file: 'pinky40-labels/labels.h5',
    min: [0, 768, 0],
    max: [400, 1024, 768],
    zStep: 1,
    pairs: everyFourth(100),
  },
  { name: 'medulla 10×10×10', ...medulla, zStep: 1, pairs: everyFourth(27) },
  { name: 'medulla 40×10×10', ...medulla, zStep: 4 },
];

function row(name: string, s: ProfileStatistics): string {
  const q = ({ q25, median, q75 }: ProfileStatistics['all']['area'], digits: number) =>
    [q25, median, q75].map((v) => v.toFixed(digits)).join(' / ');
  return [
    `| ${name}`,
    q(s.all.area, 0),
    q(s.traced.area, 0),
    q(s.all.overlap, 2),
    q(s.traced.overlap, 2),
    s.specks.toFixed(2),
    s.profilesPerNeuron.toFixed(2),
    `${s.elongated.toFixed(2)} |`,
  ].join(' | ');
}

console.log('| volume | area | area ≥25 | IoU | IoU ≥25 | specks | profiles per neuron | elongated |');
console.log('|---|---|---|---|---|---|---|---|');
const figures: Record<string, ProfileStatistics> = {};
for (const { name, file, min, max, zStep, pairs } of real) {
  const path = join(data, file);
  if (!existsSync(path)) {
    console.log(`| ${name}: no ${path} |`);
    continue;
  }
  const whole = await openLabels(`${path}:/volumes/labels/neuron_ids`);
  const labels: LabelSource = subvolume(whole, { bbox: { min, max }, zStep });
  figures[name] = await profileStatistics(labels, pairs);
  await whole.close();
  console.log(row(name, figures[name]));
}
if (process.argv.includes('--write')) {
  writeFileSync(record, `${JSON.stringify({ command, figures }, null, 2)}\n`);
  process.exit(0);
}

const grown = [
  { name: 'cortex', voxelSizeNm: [40, 8, 8], shape: [24, 512, 512] },
  { name: 'fly', voxelSizeNm: [10, 10, 10], shape: [32, 384, 384] },
  { name: 'fly', voxelSizeNm: [40, 10, 10], shape: [16, 384, 384] },
] as const;
for (const { name, voxelSizeNm, shape } of grown) {
  for (const seed of [1, 2, 3, 4]) {
    const phantom = createPhantom({ shape, voxelSizeNm, seed, geometry: name });
    const title = `phantom ${name} ${voxelSizeNm.join('×')}, seed ${seed}`;
    console.log(row(title, await profileStatistics(phantom.labels)));
  }
}

console.log('\n| drawing 32×512×512 | growing, CPU s | MVx per CPU s |\n|---|---|---|');
for (const [geometry, look] of [
  ['cortex', 'sstem'],
  ['cortex', 'varied'],
  ['fly', 'fibsem'],
] as const) {
  const shape: Vec3 = [32, 512, 512];
  const cpu = () => process.cpuUsage().user / 1e6;
  const start = cpu();
  const phantom = createPhantom({ shape, voxelSizeNm: [40, 8, 8], seed: 5, look, geometry });
  const built = cpu();
  for (let z = 0; z < shape[0]; z++) {
    await phantom.raw.read(z);
    await phantom.labels.read(z);
  }
  const rate = (shape[0] * shape[1] * shape[2]) / 1e6 / (cpu() - built);
  console.log(`| ${geometry}, ${look} | ${(built - start).toFixed(1)} | ${rate.toFixed(2)} |`);
}
console.log(`peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
