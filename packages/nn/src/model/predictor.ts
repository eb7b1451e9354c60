/** Networks as the pipeline sees them: a {@link Predictor} over a loaded ONNX graph. */
import {
  KynError,
  type LinkModel,
  type NdArray,
  type Offset2,
  type Predictor,
  type PredictorInfo,
} from '@kyn/core';
import type { Runtime, Session } from '../runtime/session.ts';
import { CROSS_OUTPUT } from '../train/export.ts';
import { affinitiesFromForeign, type ForeignReading, readForeign } from './foreign-output.ts';
import { decodeModel, looksLikeKynModel } from './kyn-model.ts';
import { lateNetwork } from './late-network.ts';

/** How plain ONNX networks are run: nothing is known of them but their graph. */
const FOREIGN = { tileMultiple: 32, tileSize: 512, halo: 32 } as const;

/** Affinities to the upper and left neighbour: what a membrane map can say. */
const NEIGHBOURS: readonly Offset2[] = [
  [-1, 0],
  [0, -1],
];

/** A model ready to predict. */
export interface LoadedModel extends Predictor {
  /** What judges the links between sections, where the model has it. */
  readonly linker?: LinkModel;
}

export interface LoadOptions {
  /**
   * False: whoever loads goes on while the runtime still takes in the network of a `.kyn` file. One that it cannot run is then
   * told of by the first prediction.
   */
  readonly wait?: boolean;
}

/**
 * Loads a model for prediction.
 * @param bytes a `.kyn` file, or a plain `.onnx` network with one float input `[n, 1, h, w]` and a first output of
 *   one membrane (or cell) channel or of affinities to the upper and left neighbour.
 * @param where the model's name, for messages.
 * @throws KynError `model` if it is neither, or has other inputs.
 */
export async function createPredictor(
  runtime: Runtime,
  bytes: Uint8Array,
  where: string,
  { wait = true }: LoadOptions = {},
): Promise<LoadedModel> {
  if (looksLikeKynModel(bytes)) {
    const model = decodeModel(bytes, where, { weights: false });
    const { name, segmenter } = model.description;
    const info = { name, ...segmenter };
    const sections = 1 + 2 * info.contextSections;
    const network = lateNetwork(runtime, model.segmenter, where, (session) =>
      checkGraph(session, where, sections),
    );
    if (wait) await network.loaded;
    const predictor: Predictor = {
      info,
      async predict(tiles, signal) {
        const { first, all } = await network.run(tiles, signal);
        return { affinities: first, cross: info.cross && all[CROSS_OUTPUT] };
      },
      close: () => network.close(),
    };
    return model.linker ? { ...predictor, linker: model.linker } : predictor;
  }
  const network = lateNetwork(runtime, bytes, where, (session) => checkGraph(session, where, 1));
  await network.loaded;
  const info: PredictorInfo = {
    name: where,
    voxelSizeNm: undefined,
    offsets: NEIGHBOURS,
    ...FOREIGN,
    contextSections: 0,
    flopPerPixel: Number.NaN,
  };
  let reading: Promise<ForeignReading> | undefined;
  return {
    info,
    async prepare(tiles, signal) {
      const outputs: NdArray<Float32Array>[] = [];
      for (const tile of tiles) outputs.push((await network.run(tile, signal)).first);
      reading = Promise.resolve(readForeign(outputs));
    },
    async predict(tiles, signal) {
      const answer = network.run(tiles, signal);
      reading ??= answer.then(({ first }) => readForeign([first]));
      reading.catch(() => {}); // told when it is awaited; where the answer fails it never is
      return { affinities: affinitiesFromForeign((await answer).first, await reading, tiles.shape, where) };
    },
    close: () => network.close(),
  };
}

function checkGraph(session: Session, where: string, sections: number): void {
  const describe = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;
  const [input] = session.inputs;
  const fits =
    session.inputs.length === 1 &&
    input.shape.length === 4 &&
    input.type === 'float32' &&
    (input.shape[1] === sections || typeof input.shape[1] === 'string');
  if (!fits) {
    const found = session.inputs.map(({ name, shape, type }) => `${name} ${describe(shape)} of ${type}`);
    const expected = `one input [n, ${sections}, h, w] of float32`;
    throw new KynError('model', `the network takes ${found.join(', ') || 'nothing'}, not ${expected}`, {
      where,
      hint: 'give a 2D network for grey sections',
    });
  }
  const [n, , ...size] = input.shape;
  if ((typeof n === 'number' && n !== 1) || size.some((extent) => typeof extent === 'number')) {
    throw new KynError('model', `the network takes ${describe(input.shape)} only, not tiles of any size`, {
      where,
      hint: 'export it with free height and width, and batches of 1 or any (PyTorch: dynamic_axes)',
    });
  }
}
