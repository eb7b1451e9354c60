/**
 * Bare throughput of the networks in ONNX Runtime, in turns within one run: the shipped 2D segmenter on the tiles
 * that the pipeline gives it, and the 3D residual symmetric U-Net of the published SNEMI3D shape (Lee 2017; random
 * weights, whose values change nothing in the time).
 *
 *     node bench/run.mjs bench/network-throughput.ts [--threads 2] [--rounds 3] [--tile 1024] [--widths 28,36,48,64,80]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ndarray } from '@kyn/core';
import { decodeModel } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { residualUnet3d, unetFeatures, unetFlopPerPixel } from '../packages/nn/src/nets/unet.ts';
import { exportNetwork } from '../packages/nn/src/train/export.ts';
import { buildTrainStep, type Network } from '../packages/nn/src/train/train-step.ts';
import { freshState } from '../packages/nn/src/train/trainer.ts';

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    tile: { type: 'string', default: '1024' },
    widths: { type: 'string', default: '28,36,48,64,80' },
    model: { type: 'string', default: 'models/base.kyn' },
  },
});
const runtime = await nodeRuntime({ threads: Number(values.threads) });

/** Million voxels a second; the first run warms up. */
async function measure(model: Uint8Array, shape: readonly number[]): Promise<() => Promise<number>> {
  const session = await runtime.load(model);
  const voxels = shape.reduce((a, b) => a * b, 1);
  const input = ndarray(Float32Array.from({ length: voxels }, Math.random), shape);
  await session.run({ input });
  return async () => {
    const start = performance.now();
    await session.run({ input });
    return voxels / (performance.now() - start) / 1000;
  };
}

const config = residualUnet3d(values.widths.split(',').map(Number), 3);
const network: Network = (layers, x) => layers.head('head', unetFeatures(layers, config, x), config.outputs);
const { layout } = buildTrainStep(network, {
  input: [1, 1, 2, 32, 32],
  affinities: 3,
  descriptors: 0,
  descriptorWeight: 0,
});
const shape3d = [1, 1, 18, 160, 160];
const model3d = exportNetwork(network, layout, freshState(layout, 1), { input: shape3d.slice(1), keep: 3 });
const model2d = decodeModel(readFileSync(values.model), values.model);
const tile = Number(values.tile);
const run2d = await measure(model2d.segmenter, [1, 1, tile, tile]);
const run3d = await measure(model3d, shape3d);
const ratios: number[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const [a, b] = [await run2d(), await run3d()];
  ratios.push(a / b);
  console.log(`2D ${a.toFixed(2)} MVx/s, 3D ${b.toFixed(3)} MVx/s: ratio ${(a / b).toFixed(1)}`);
}
ratios.sort((a, b) => a - b);
console.log(
  `median ratio ${ratios[ratios.length >> 1].toFixed(1)}; FLOP a voxel: 2D ${model2d.description.segmenter.flopPerPixel}, ` +
    `3D ${Math.round(unetFlopPerPixel(config))} (widths ${values.widths}), ${runtime.description}`,
);
