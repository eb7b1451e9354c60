/** The 3D baseline as the pipeline sees it: a {@link BlockPredictor} over a loaded ONNX graph. */
import { type BlockPredictor, KynError, type NdArray, type Signal, throwIfCancelled } from '@kyn/core';
import type { Runtime } from '../runtime/session.ts';
import { decodeBaseline3d, looksLikeBaseline3d } from './baseline3d-model.ts';
import { createPredictor, type LoadedModel } from './predictor.ts';

/** @throws KynError `model` if the bytes are not a 3D baseline. */
export async function createBlockPredictor(
  runtime: Runtime,
  bytes: Uint8Array,
  where: string,
): Promise<BlockPredictor> {
  const { description, graph } = decodeBaseline3d(bytes, where);
  const session = await runtime.load(graph, where);
  const [input] = session.inputs;
  if (session.inputs.length !== 1 || input.shape.length !== 5) {
    throw new KynError('model', 'the network does not take one input [n, 1, d, h, w]', {
      where,
      hint: 'make it again with kyn train baseline3d',
    });
  }
  const outputName = session.outputs[0].name;
  return {
    info: { name: description.name, ...description.baseline3d },
    async predict(blocks: NdArray<Float32Array>, signal?: Signal) {
      throwIfCancelled(signal);
      const results = await session.run({ [input.name]: blocks });
      throwIfCancelled(signal);
      return results[outputName];
    },
    close: () => session.release(),
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
): Promise<LoadedModel | BlockPredictor> {
  return looksLikeBaseline3d(bytes)
    ? createBlockPredictor(runtime, bytes, where)
    : createPredictor(runtime, bytes, where);
}
