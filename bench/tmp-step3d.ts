import { ndarray, Random } from '@kyn/core';
import { nodeRuntime } from '@kyn/nn/node';
import { residualUnet3d, unetFeatures } from '../packages/nn/src/nets/unet.ts';
import { buildTrainStep } from '../packages/nn/src/train/train-step.ts';
import { freshState, SCHEDULE_DEFAULTS, train } from '../packages/nn/src/train/trainer.ts';

const [d, s, n, threads] = process.argv.slice(2).map(Number);
const C = 11;
const config = residualUnet3d([16, 24, 32, 48, 64], C);
const step = buildTrainStep(
  (layers, x) => layers.head('head', unetFeatures(layers, config, x), config.outputs),
  { input: [n, 1, d, s, s], affinities: C, descriptors: 0, descriptorWeight: 0 },
);
const random = new Random(1);
const filled = (c: number, v: () => number) =>
  ndarray(Float32Array.from({ length: n * c * d * s * s }, v), [n, c, d, s, s]);
const input = filled(1, () => random.normal()),
  target = filled(C, () => Number(random.uniform(0, 1) > 0.5)),
  weight = filled(C, () => random.uniform(0, 1));
const times: number[] = [];
let started = 0;
await train(await nodeRuntime({ threads }), step, freshState(step.layout, 1), {
  schedule: { ...SCHEDULE_DEFAULTS, steps: 4 },
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
console.log(
  d,
  s,
  n,
  times.map((t) => t.toFixed(2)).join(' '),
  'kvx/s',
  ((n * d * s * s) / times.at(-1)! / 1000).toFixed(0),
  'params',
  step.layout.parameterCount,
  'rss',
  (process.resourceUsage().maxRSS / 1e6).toFixed(2),
);
