/** The 3D network that the 2D one is compared with: see {@link residualUnet3d}. */
import type { ParameterLayout } from './layers.ts';
import { networkLayout } from './segmenter.ts';
import { residualUnet3d, unetMultiple, unetNetwork } from './unet.ts';

/** Where the weights of such a network lie. */
export function baseline3dLayout(widths: readonly number[], affinities: number): ParameterLayout {
  const unet = residualUnet3d(widths, affinities);
  return networkLayout(unetNetwork(unet), [1, unet.inputs, ...unetMultiple(unet)]);
}
