/** The 3D residual symmetric U-Net with random weights, for its speed: the values of weights change nothing in it. */
import { ndarray } from '@kyn/core';
import type { Runtime } from '@kyn/nn';
import type { Network } from '../packages/nn/src/nets/segmenter.ts';
import { residualUnet3d, unetFeatures, unetFlopPerPixel } from '../packages/nn/src/nets/unet.ts';
import { exportNetwork } from '../packages/nn/src/train/export.ts';
import { buildTrainStep } from '../packages/nn/src/train/train-step.ts';
import { freshState } from '../packages/nn/src/train/trainer.ts';

/** Blocks like those that SNEMI3D's winners were run on (18×160×160). */
const BLOCK = [18, 160, 160];
const AFFINITIES = 3;

export interface Network3d {
  readonly flopPerVoxel: number;
  /** Throughput of one run over one block. */
  megavoxelsPerSecond(): Promise<number>;
}

export async function randomNetwork3d(runtime: Runtime, widths: readonly number[]): Promise<Network3d> {
  const config = residualUnet3d(widths, AFFINITIES);
  const network: Network = (layers, x) =>
    layers.head('head', unetFeatures(layers, config, x), config.outputs);
  const { layout } = buildTrainStep(network, {
    input: [1, 1, 2, 32, 32],
    affinities: AFFINITIES,
    descriptors: 0,
    descriptorWeight: 0,
  });
  const model = exportNetwork(network, layout, freshState(layout, 1), {
    input: [1, ...BLOCK],
    keep: AFFINITIES,
  });
  const session = await runtime.load(model);
  const voxels = BLOCK.reduce((a, b) => a * b, 1);
  const input = ndarray(Float32Array.from({ length: voxels }, Math.random), [1, 1, ...BLOCK]);
  await session.run({ input });
  return {
    flopPerVoxel: Math.round(unetFlopPerPixel(config)),
    async megavoxelsPerSecond() {
      const start = performance.now();
      await session.run({ input });
      return voxels / (performance.now() - start) / 1000;
    },
  };
}
