/**
 * What the pipeline costs beyond its network, files to files, in turns within one run:
 *   A  `kyn segment INPUT`, the built command line as a process of its own (its time by its own clock);
 *   B  the bare network in ONNX Runtime on the tiles that the pipeline gives it, as many as INPUT has;
 *   C  the 3D residual symmetric U-Net of the published SNEMI3D shape (28-36-48-64-80, Lee 2017) on blocks of
 *      18×160×160 voxels of INPUT at its full resolution, without halo.
 * Printed: throughput in million voxels of INPUT a second, A over B, A over C, the share of A's CPU time that is
 * not the network's, and A's peak memory.
 *
 *     npm run build && node bench/run.mjs bench/segment-speed.ts [INPUT] [--voxel-size 4.6,4.6,45] [--rounds 3]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ndarray, planResample, planTiles, type Vec3 } from '@kyn/core';
import { openSections } from '@kyn/io/node';
import { createPredictor, PUBLISHED_WIDTHS_3D, randomNetwork3d } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'voxel-size': { type: 'string', default: '4.6,4.6,45' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    model: { type: 'string', default: 'models/base.kyn' },
  },
});
const input = positionals[0] ?? join(process.env.KYN_DATA ?? '../shared/data', 'vnc-stack1/raw');
const threads = Number(values.threads);
const [x, y, z] = values['voxel-size'].split(',').map(Number);
const voxelSizeNm: Vec3 = [z, y, x];

const source = await openSections(input, { voxelSizeNm });
const [depth, height, width] = source.info.shape;
await source.close();
const megavoxels = (depth * height * width) / 1e6;

interface Report {
  readonly seconds: number;
  readonly peakMemoryBytes: number;
  readonly cpuSeconds: { readonly total: number; readonly network: number };
}

function pipeline(): Report {
  const folder = mkdtempSync(join(tmpdir(), 'kyn-speed-'));
  try {
    const args = [
      'dist/kyn.js',
      'segment',
      input,
      '--out',
      join(folder, 'out'),
      '--voxel-size',
      values['voxel-size'],
    ];
    args.push('--model', values.model, '--threads', values.threads, '--quiet', '--json');
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e9 }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const runtime = await nodeRuntime({ threads });
const predictor = await createPredictor(runtime, readFileSync(values.model), values.model);
const [, modelY, modelX] = predictor.info.voxelSizeNm ?? voxelSizeNm;
const plan = planResample([height, width], [y, x], [modelY, modelX]);
const tiles = planTiles(...plan.small, predictor.info);
const tileCount = depth * tiles.rows.start.length * tiles.columns.start.length;
const seen = 1 + 2 * predictor.info.contextSections;
const tile = ndarray(
  Float32Array.from({ length: seen * tiles.rows.side * tiles.columns.side }, () => Math.random() - 0.5),
  [1, seen, tiles.rows.side, tiles.columns.side],
);

/** Seconds for all tiles of the input, one after the other. */
async function bareNetwork(): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < tileCount; i++) await predictor.predict(tile);
  return (performance.now() - start) / 1000;
}

const published = await randomNetwork3d(runtime, PUBLISHED_WIDTHS_3D);
const median = (numbers: number[]): number => numbers.sort((a, b) => a - b)[numbers.length >> 1];
const [overBare, over3d, others, peaks]: number[][] = [[], [], [], []];
await predictor.predict(tile);
for (let round = 0; round < Number(values.rounds); round++) {
  const report = pipeline();
  const bare = megavoxels / (await bareNetwork());
  const slow = await published.megavoxelsPerSecond();
  const ours = megavoxels / report.seconds;
  const share = 1 - report.cpuSeconds.network / report.cpuSeconds.total;
  overBare.push(ours / bare);
  over3d.push(ours / slow);
  others.push(share);
  peaks.push(report.peakMemoryBytes / 1e6);
  console.log(
    `pipeline ${ours.toFixed(2)}, bare network ${bare.toFixed(2)}, 3D network ${slow.toFixed(3)} MVx/s; ` +
      `not the network: ${(100 * share).toFixed(0)} % of ${report.cpuSeconds.total.toFixed(1)} CPU-s; ` +
      `peak ${peaks.at(-1)?.toFixed(0)} MB`,
  );
}
console.log(
  `medians: ${median(overBare).toFixed(2)} of the bare network, ${median(over3d).toFixed(1)} times the 3D network, ` +
    `${(100 * median(others)).toFixed(0)} % of the CPU time not the network's, peak ${median(peaks).toFixed(0)} MB ` +
    `(${megavoxels.toFixed(1)} MVx, ${threads} threads)`,
);
