import {
  createMemoryStore,
  isKynError,
  ndarray,
  PIPELINE_DEFAULTS,
  Random,
  runPipeline,
  type SectionSource,
} from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph/builder.ts';
import { sigmoid } from '../graph/ops.ts';
import { encodeModel, type KynModel } from '../model/kyn-model.ts';
import { createPredictor } from '../model/predictor.ts';
import { InferenceLayers, TrainingLayers } from '../nets/layers.ts';
import { neighbourNetwork } from '../nets/neighbour-head.ts';
import { segmenterLayout, segmenterUnet } from '../nets/segmenter.ts';
import { nodeRuntime } from '../runtime/node.ts';
import { AUGMENT_NONE } from '../sample/augment-options.ts';
import { cellVolume } from '../sample/testing/cells.ts';
import { decodeCheckpoint } from './checkpoint.ts';
import { LINKER_DEFAULTS, type LinkerOptions, trainNeighbourHead } from './linker.ts';
import { SEGMENTER_DEFAULTS, trainSegmenter } from './segmenter.ts';
import { SCHEDULE_DEFAULTS } from './trainer.ts';

const schedule = { ...SCHEDULE_DEFAULTS, steps: 4, warmup: 1 };
const card = { description: 'test', licence: 'none', data: [], command: 'none' };
const volumes = [cellVolume([14, 64, 64], 30)];
const runtime = await nodeRuntime({ threads: 1 });
const quiet = { queue: { workers: 0 }, checkpointEvery: 100, recordEvery: 1 };

const options: LinkerOptions = {
  ...LINKER_DEFAULTS,
  size: 32,
  batch: 2,
  embedding: [4, 6],
  widths: [8, 8],
  augment: AUGMENT_NONE,
  schedule,
};

const { model: base } = await trainSegmenter(
  runtime,
  volumes,
  { ...SEGMENTER_DEFAULTS, widths: [4, 6, 8], size: 32, batch: 2, augment: AUGMENT_NONE, schedule },
  'tiny',
  card,
  quiet,
);

async function predictorOf(model: KynModel) {
  return createPredictor(runtime, encodeModel(model), 'tiny');
}

describe('the neighbour head', () => {
  it('says in two graphs, a section at a time, what the one that was trained says of both', async () => {
    let state: Uint8Array | undefined;
    const { model } = await trainNeighbourHead(runtime, volumes, base, options, card, {
      ...quiet,
      async onCheckpoint(bytes) {
        state = bytes;
      },
    });
    expect(state).toBeDefined();
    const head = state as Uint8Array;
    const predictor = await predictorOf(model);
    const random = new Random(3);
    const images = Float32Array.from({ length: 6 * 32 * 48 }, () => random.normal());
    const [a, b] = [0, 1].map((i) =>
      ndarray(images.subarray(i * 3 * 32 * 48, (i + 1) * 3 * 32 * 48), [1, 3, 32, 48]),
    );
    const lower = (await predictor.predict(a)).embeddings;
    const upper = (await predictor.predict(b)).embeddings;
    expect(lower.map(({ shape }) => shape)).toEqual([
      [1, 4, 16, 24],
      [1, 6, 8, 12],
    ]);
    const apart = await predictor.neighbours?.compare(lower, upper);
    const together = await wholeNetwork(head, images);
    expect(apart?.shape).toEqual([1, 5, 16, 24]);
    together.forEach((value, i) => {
      expect(apart?.data[i]).toBeCloseTo(value, 4);
    });
    await predictor.close();
  });

  it('leaves the affinities as they are where the features are frozen, and only there', async () => {
    const image = ndarray(
      new Float32Array(3 * 32 * 32).map((_, i) => Math.sin(i)),
      [1, 3, 32, 32],
    );
    const affinities = async (model: KynModel) => {
      const predictor = await predictorOf(model);
      const { affinities: out } = await predictor.predict(image);
      await predictor.close();
      return out.data;
    };
    const before = await affinities(base);
    for (const transfer of ['frozen', 'tuned', 'scratch'] as const) {
      const { model, history } = await trainNeighbourHead(
        runtime,
        volumes,
        base,
        { ...options, transfer },
        card,
        quiet,
      );
      expect(history).toHaveLength(4);
      const after = await affinities(model);
      expect(after.every((value, i) => Math.abs(value - before[i]) < 1e-5)).toBe(transfer === 'frozen');
    }
  });

  it('gives the pipeline pairs to learn from', async () => {
    const { model } = await trainNeighbourHead(runtime, volumes, base, options, card, quiet);
    const predictor = await predictorOf(model);
    const { raw, voxelSizeNm } = volumes[0];
    const info = { dtype: 'uint8', format: '', location: '', notes: [] };
    const source: SectionSource = {
      info: { ...info, shape: [3, 64, 64], voxelSizeNm },
      read: async (z) => ndarray(raw.data.slice(z * 64 * 64, (z + 1) * 64 * 64), [64, 64]),
      close: async () => {},
    };
    const seen: number[][] = [];
    const onPairs = ({
      lowerZ,
      upperZ,
      pairs,
    }: {
      lowerZ: number;
      upperZ: number;
      pairs: { features: Float32Array };
    }) => {
      expect(pairs.features.every(Number.isFinite)).toBe(true);
      seen.push([lowerZ, upperZ]);
    };
    await runPipeline({ source, predictor, onPairs }, createMemoryStore(), PIPELINE_DEFAULTS);
    expect(seen).toEqual([
      [0, 1],
      [1, 2],
    ]);
    await predictor.close();
  });

  it('refuses a model that carries no weights', async () => {
    const { weights: _, ...bare } = base;
    const error = await trainNeighbourHead(runtime, volumes, bare, options, card, quiet).catch(
      (reason) => reason,
    );
    expect(isKynError(error) && error.code).toBe('model');
  });
});

/** The network as it was trained, in one graph, from a checkpoint of its training. */
async function wholeNetwork(checkpoint: Uint8Array, images: Float32Array): Promise<Float32Array> {
  const { network, offsets, contextSections } = base.description.segmenter;
  const unet = segmenterUnet({
    widths: network?.widths ?? [],
    lsdSigma: network?.lsdSigma ?? 0,
    offsets,
    contextSections,
  });
  const config = {
    embedding: options.embedding,
    widths: options.widths,
    outputs: options.displacements.length,
  };
  const header = JSON.parse(new TextDecoder().decode(checkpoint.subarray(0, checkpoint.indexOf(10))));
  const state = decodeCheckpoint(checkpoint, () => header.settings, 'test');
  const backbone = {
    layout: segmenterLayout(unet),
    weights: base.weights as NonNullable<KynModel['weights']>,
  };
  const layout = headLayout();
  const graph = new GraphBuilder('whole');
  const input = graph.input('input', [1, 6, 32, 48]);
  const layers = new InferenceLayers(graph, layout, {
    parameters: state.average,
    statistics: state.statistics,
  });
  const frozen = layers.frozen(backbone.layout, backbone.weights);
  graph.output('out', sigmoid(graph, neighbourNetwork(layers, frozen, unet, config, input)));
  const session = await runtime.load(graph.encode());
  const { out } = await session.run({ input: ndarray(images, [1, 6, 32, 48]) });
  await session.release();
  return out.data;

  function headLayout() {
    const scratch = new GraphBuilder('layout');
    const training = new TrainingLayers(scratch, { name: 'parameters', shape: [0], dtype: 'float32' });
    const x = scratch.input('input', [1, 6, 32, 32]);
    neighbourNetwork(training, training.frozen(backbone.layout, backbone.weights), unet, config, x);
    return training.layout;
  }
}
