/**
 * One training step of a U-Net over pixels beside PyTorch's on the CPU: the same network, batch, losses, optimiser and
 * thread count, in turns within one run. The ratio is our speed over PyTorch's.
 *
 *     KYN_PYTHON=python3 node bench/run.mjs bench/train-step.ts [--batch 5] [--size 160] [--threads 2] [--rounds 3]
 *
 * Needs a Python with PyTorch (any from 1.13).
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { ndarray, Random } from '@kyn/core';
import { SEGMENTER_DEFAULTS } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { unet2d, unetFeatures } from '../packages/nn/src/nets/unet.ts';
import { buildTrainStep } from '../packages/nn/src/train/train-step.ts';
import { freshState, SCHEDULE_DEFAULTS, train } from '../packages/nn/src/train/trainer.ts';

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '5' },
    size: { type: 'string', default: '160' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
  },
});
const [batch, size, threads, steps, rounds] = [
  values.batch,
  values.size,
  values.threads,
  values.steps,
  values.rounds,
].map(Number);
const { offsets } = SEGMENTER_DEFAULTS;
/** Of a network over pixels, which both sides can write. */
const widths = [16, 32, 64, 96, 128];
const config = unet2d(widths, offsets.length + 6);
const step = buildTrainStep(
  (layers, x) => layers.head('head', unetFeatures(layers, config, x), config.outputs),
  {
    input: [batch, 1, size, size],
    affinities: offsets.length,
    descriptors: 6,
    descriptorWeight: 1,
  },
);
const random = new Random(1);
const filled = (channels: number, value: () => number) => {
  const data = Float32Array.from({ length: batch * channels * size * size }, value);
  return ndarray(data, [batch, channels, size, size]);
};
const input = filled(1, () => random.normal());
const target = filled(14, () => Number(random.uniform(0, 1) > 0.5));
const weight = filled(14, () => random.uniform(0, 1));

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1];

async function ours(): Promise<number> {
  const times: number[] = [];
  let started = 0;
  await train(await nodeRuntime({ threads }), step, freshState(step.layout, 1), {
    schedule: { ...SCHEDULE_DEFAULTS, steps: steps + 1 },
    recordEvery: 1000,
    async batch() {
      started = performance.now();
      return { input, target, weight };
    },
    async afterStep() {
      times.push((performance.now() - started) / 1000);
      return undefined;
    },
  });
  return median(times.slice(1));
}

function pytorch(): number {
  const args = ['bench/train-step.py', steps, threads, batch, size, widths.join(',')].map(String);
  return Number(execFileSync(process.env.KYN_PYTHON ?? 'python3', args, { encoding: 'utf8' }));
}

const ratios: number[] = [];
for (let round = 0; round < rounds; round++) {
  const [a, b] = [await ours(), pytorch()];
  ratios.push(b / a);
  console.log(
    `ours ${(a * 1000).toFixed(0)} ms, PyTorch ${(b * 1000).toFixed(0)} ms a step: ratio ${(b / a).toFixed(2)}`,
  );
}
console.log(
  `median ratio ${median(ratios).toFixed(2)} (${batch}×${size}², widths ${widths.join('-')}, ${threads} threads)`,
);
