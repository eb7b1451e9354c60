/**
 * The 3D residual symmetric U-Net (Lee 2017) with random weights, for its speed: the values of weights change
 * nothing in it.
 */
import { ndarray } from '@kyn/core';
import { baseline3dLayout } from '../nets/baseline3d.ts';
import { residualUnet3d, unetFlopPerPixel, unetNetwork } from '../nets/unet.ts';
import type { Runtime } from '../runtime/session.ts';
import { exportNetwork } from './export.ts';
import { freshState } from './trainer.ts';

/** Features at every level, finest first, of the network that scored best on SNEMI3D. */
export const PUBLISHED_WIDTHS_3D: readonly number[] = [28, 36, 48, 64, 80];

/** Voxels (zyx) of a block like those that SNEMI3D's winners were run on. */
const BLOCK = [18, 160, 160];
const AFFINITIES = 3;

export interface RandomNetwork3d {
  /** Multiply-adds, counted as two operations, per voxel. */
  readonly flopPerVoxel: number;
  /** Throughput of one run over one block, without halo, in million voxels a second. */
  megavoxelsPerSecond(): Promise<number>;
  close(): Promise<void>;
}

/** Loads such a network and runs it once, to warm up. */
export async function randomNetwork3d(runtime: Runtime, widths: readonly number[]): Promise<RandomNetwork3d> {
  const config = residualUnet3d(widths, AFFINITIES);
  const network = unetNetwork(config);
  const layout = baseline3dLayout(widths, AFFINITIES);
  const model = exportNetwork(network, layout, freshState(layout, 1), [1, ...BLOCK]);
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
    close: () => session.release(),
  };
}
