/** The 3D baseline as the pipeline sees it: a {@link BlockPredictor} over a loaded ONNX graph. */
import { type BlockPredictor, KynError, type NdArray, type Signal, throwIfCancelled } from '@kyn/core';
import type { Runtime } from '../runtime/session.ts';
import { decodeBaseline3d, looksLikeBaseline3d } from './baseline3d-model.ts';
import { createPredictor, type LoadedModel, type LoadOptions } from './predictor.ts';

/** @throws KynError `model` if the bytes are not a 3D baseline. */
export async function createBlockPredictor(
  runtime: Runtime,
  bytes: Uint8Array,
  where: string,
  { wait = true }: LoadOptions = {},
): Promise<BlockPredictor> {
  const { description, graph } = decodeBaseline3d(bytes, where);
  const loading = runtime.load(graph, where).then((session) => {
    if (session.inputs.length === 1 && session.inputs[0].shape.length === 5) return session;
    throw new KynError('model', 'the network does not take one input [n, 1, d, h, w]', {
      where,
      hint: 'make it again with kyn train baseline3d',
    });
  });
  loading.catch(() => {}); // told where it is awaited
  if (wait) await loading;
  return {
    info: { name: description.name, ...description.baseline3d },
    async predict(blocks: NdArray<Float32Array>, signal?: Signal) {
      const session = await loading;
      throwIfCancelled(signal);
      const results = await session.run({ [session.inputs[0].name]: blocks });
      throwIfCancelled(signal);
      return results[session.outputs[0].name];
    },
    close: () =>
      loading.then(
        (session) => session.release(),
        () => {},
      ),
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
