/** The 3D baseline as the pipeline sees it: a {@link BlockPredictor} over a loaded ONNX graph. */
import { type BlockPredictor, KynError, type NdArray, type Signal } from '@kyn/core';
import type { Runtime } from '../runtime/session.ts';
import { decodeBaseline3d, looksLikeBaseline3d } from './baseline3d-model.ts';
import { lateNetwork } from './late-network.ts';
import { createPredictor, type LoadedModel, type LoadOptions } from './predictor.ts';

/** @throws KynError `model` if the bytes are not a 3D baseline. */
export async function createBlockPredictor(
  runtime: Runtime,
  bytes: Uint8Array,
  where: string,
  { wait = true }: LoadOptions = {},
): Promise<BlockPredictor> {
  const { description, graph } = decodeBaseline3d(bytes, where, { weights: false });
  const network = lateNetwork(runtime, graph, where, ({ inputs }) => {
    if (inputs.length === 1 && inputs[0].shape.length === 5) return;
    throw new KynError('model', 'the network does not take one input [n, 1, d, h, w]', {
      where,
      hint: 'make it again with kyn train baseline3d',
    });
  });
  if (wait) await network.loaded;
  return {
    info: { name: description.name, ...description.baseline3d },
    predict: async (blocks: NdArray<Float32Array>, signal?: Signal) =>
      (await network.run(blocks, signal)).first,
    close: () => network.close(),
  };
}

/**
 * Loads a model of either kind.
 * @param bytes as {@link createPredictor} takes, or a 3D baseline
 * @throws KynError `model` if it is none of them.
 */
export function openPredictor(
  runtime: Runtime,
  bytes: Uint8Array,
  where: string,
  options: LoadOptions = {},
): Promise<LoadedModel | BlockPredictor> {
  return looksLikeBaseline3d(bytes)
    ? createBlockPredictor(runtime, bytes, where, options)
    : createPredictor(runtime, bytes, where, options);
}
