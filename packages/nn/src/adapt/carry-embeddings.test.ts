import { type NdArray, ndarray, Random } from '@kyn/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type KynModel, MODEL_FORMAT } from '../model/kyn-model.ts';
import { initialWeights } from '../nets/initialise.ts';
import type { ParameterLayout, Weights } from '../nets/layers.ts';
import { neighbourNetwork } from '../nets/neighbour-head.ts';
import { networkLayout, segmenterLayout, segmenterUnet } from '../nets/segmenter.ts';
import { nodeRuntime } from '../runtime/node.ts';
import type { Runtime } from '../runtime/session.ts';
import { EMBEDDINGS, exportComparison, exportSegmenter } from '../train/export.ts';
import { carryEmbeddings } from './carry-embeddings.ts';

const shape = {
  widths: [4, 6, 8],
  offsets: [
    [-1, 0],
    [0, -1],
  ],
  lsdSigma: 0,
  contextSections: 1,
} as const;
const unet = segmenterUnet(shape);
const layout = segmenterLayout(unet);
const config = { embedding: [3, 5], widths: [4, 4], outputs: 1 } as const;

/** A segmenter with a neighbour head, both of random weights. */
function modelOf(weights: Weights): KynModel {
  const headLayout: ParameterLayout = networkLayout(
    (layers, input) => neighbourNetwork(layers, layers.frozen(layout, weights), unet, config, input),
    [1, 6, 16, 16],
  );
  const head = { config, layout: headLayout, weights: initialWeights(headLayout, 5) };
  return {
    segmenter: exportSegmenter(unet, layout, weights, 2, head),
    neighbour: exportComparison(head),
    weights,
    description: {
      format: MODEL_FORMAT,
      name: 'tiny',
      segmenter: {
        voxelSizeNm: [40, 10, 10],
        offsets: shape.offsets,
        contextSections: 1,
        network: { widths: shape.widths, lsdSigma: 0 },
        tileMultiple: 4,
        tileSize: 64,
        halo: 0,
        flopPerPixel: 0,
      },
      neighbour: { displacements: [[0, 0]], stride: 2, flopPerPixel: 0 },
      card: {
        description: '',
        licence: '',
        data: [],
        seed: 0,
        command: '',
        figures: {},
        linker: LINKER_CARD,
      },
    },
  };
}

const LINKER_CARD = { description: 'links', licence: '', data: [], seed: 0, command: '', figures: {} };

function images(seed: number, height: number, width: number): NdArray<Float32Array>[] {
  const random = new Random(seed);
  return [0, 1, 2].map(() =>
    ndarray(
      Float32Array.from({ length: height * width }, () => random.normal()),
      [height, width],
    ),
  );
}

describe('embeddings carried over to other features', () => {
  let runtime: Runtime;
  let base: KynModel;
  beforeAll(async () => {
    runtime = await nodeRuntime({ threads: 1 });
    base = modelOf(initialWeights(layout, 1));
  });

  const embeddings = async (model: KynModel, input: NdArray<Float32Array>) => {
    const session = await runtime.load(model.segmenter);
    const out = await session.run({ input });
    await session.release();
    return EMBEDDINGS.map((name) => out[name]);
  };

  it('are what they were, where features only changed their scale', async () => {
    const weights = initialWeights(layout, 1);
    // the last layer, which only heads see: its features become twice as large
    for (const {
      name,
      offset,
      shape: [count],
    } of layout.parameters) {
      if (/^up0\.1\.(gamma|beta)$/.test(name)) {
        for (let i = 0; i < count; i++) weights.parameters[offset + i] *= 2;
      }
    }
    const { neighbour: _, ...adapted } = modelOf(weights);
    const moved = { ...adapted, segmenter: exportSegmenter(unet, layout, weights, 2) };
    const { model, kept } = await carryEmbeddings(runtime, base, moved, [
      images(1, 64, 50),
      images(2, 64, 50),
    ]);
    expect(kept).toBeGreaterThan(0.99);
    const fresh = images(3, 32, 32);
    const input = ndarray(Float32Array.from(fresh.flatMap((image) => [...image.data])), [1, 3, 32, 32]);
    const [before, after] = [await embeddings(base, input), await embeddings(model, input)];
    after.forEach((embedding, level) => {
      expect(embedding.shape).toEqual(before[level].shape);
      const off = embedding.data.map((value, i) => Math.abs(value - before[level].data[i]));
      expect(Math.max(...off)).toBeLessThan(0.05 * Math.max(...before[level].data));
    });
    expect(model.neighbour).toBe(base.neighbour);
    expect(model.description.card.linker).toBe(LINKER_CARD);
    expect(model.description.neighbour).toEqual(base.description.neighbour);
  });

  it('are told to be worse where the features are others', async () => {
    const weights = initialWeights(layout, 77);
    const adapted = { ...modelOf(weights), segmenter: exportSegmenter(unet, layout, weights, 2) };
    const { kept } = await carryEmbeddings(runtime, base, adapted, [images(1, 64, 64)]);
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(0.95);
  });
});
