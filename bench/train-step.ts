/**
 * One training step of the shipped network beside PyTorch's on the CPU: the same network, batch, losses, optimiser and thread
 * count, in turns within one run. The ratio is our speed over PyTorch's.
 *
 *     KYN_PYTHON=python3 node bench/run.mjs bench/train-step.ts [--widths 48,64,96,144,192] [--batch 5] [--size 160] [--threads 2] [--rounds 3]
 *
 * Needs a Python with PyTorch (any from 1.13).
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { elementCount, ndarray, Random } from '@kyn/core';
import { LINKER_DEFAULTS, SEGMENTER_DEFAULTS } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { segmenterHeads, segmenterNetwork, segmenterShape } from '../packages/nn/src/nets/segmenter.ts';
import { buildTrainStep } from '../packages/nn/src/train/train-step.ts';
import { freshState, SCHEDULE_DEFAULTS, train } from '../packages/nn/src/train/trainer.ts';

const { values } = parseArgs({
  options: {
    widths: { type: 'string', default: '48,64,96,144,192' },
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
const shape = segmenterShape({
  ...SEGMENTER_DEFAULTS,
  widths: values.widths.split(',').map(Number),
  contextSections: 3,
  displacements: LINKER_DEFAULTS.displacements,
});
const { widths, stem } = shape;
const heads = segmenterHeads(shape);
const sections = 1 + 2 * shape.contextSections;
const affinities = heads.affinities + heads.cross;
const outputs = affinities + heads.descriptors;
const extents = [size / stem, size / stem];
const step = buildTrainStep(segmenterNetwork(shape), {
  input: [batch, sections, size, size],
  affinities,
  descriptors: heads.descriptors,
  descriptorWeight: 1,
  extents,
});
const random = new Random(1);
const filled = (full: readonly number[], value: () => number) =>
  ndarray(Float32Array.from({ length: elementCount(full) }, value), full);
const input = filled([batch, sections, size, size], () => random.normal());
const target = filled([batch, outputs, ...extents], () => Number(random.uniform(0, 1) > 0.5));
const weight = filled([batch, outputs, ...extents], () => random.uniform(0, 1));

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
  const network = [widths.join(','), sections, stem, affinities, heads.descriptors];
  const args = ['bench/train-step.py', steps, threads, batch, size, ...network].map(String);
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
  `median ratio ${median(ratios).toFixed(2)} (${batch}×${sections}×${size}², widths ${widths.join('-')} over ${stem}×${stem} px, ${threads} threads)`,
);
