import { type NdArray, ndarray, Random } from '@kyn/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type KynModel, MODEL_FORMAT } from '../model/kyn-model.ts';
import { initialWeights } from '../nets/initialise.ts';
import type { Weights } from '../nets/layers.ts';
import { segmenterLayout, segmenterShape } from '../nets/segmenter.ts';
import { nodeRuntime } from '../runtime/node.ts';
import type { Runtime } from '../runtime/session.ts';
import { exportSegmenter } from '../train/export.ts';
import { carryCross } from './carry-cross.ts';

const network = { widths: [4, 6, 8], stem: 2, lsdSigma: 0 } as const;
const offsets = [
  [-1, 0],
  [0, -1],
] as const;
const displacements = [[0, 4]] as const;
const LINKER_CARD = { description: 'links', licence: '', data: [], seed: 0, command: '', figures: {} };

/** A segmenter of given weights. @param linking with affinities between sections */
function modelOf(seed: number, linking: boolean, change: (weights: Weights) => void = () => {}): KynModel {
  const shape = segmenterShape({
    ...network,
    offsets,
    contextSections: 1,
    ...(linking ? { displacements } : {}),
  });
  const layout = segmenterLayout(shape);
  const weights = initialWeights(layout, seed);
  change(weights);
  return {
    segmenter: exportSegmenter(shape, layout, weights),
    weights,
    description: {
      format: MODEL_FORMAT,
      name: 'tiny',
      segmenter: {
        voxelSizeNm: [40, 10, 10],
        offsets,
        contextSections: 1,
        ...(linking ? { cross: { displacements, stride: 2 } } : {}),
        network,
        tileMultiple: 8,
        tileSize: 64,
        halo: 0,
        flopPerPixel: 0,
      },
      card: {
        description: '',
        licence: '',
        data: [],
        seed: 0,
        command: '',
        figures: {},
        ...(linking ? { linker: LINKER_CARD } : {}),
      },
    },
  };
}

function images(seed: number, height: number, width: number): NdArray<Float32Array>[] {
  const random = new Random(seed);
  return [0, 1, 2].map(() =>
    ndarray(
      Float32Array.from({ length: height * width }, () => random.normal()),
      [height, width],
    ),
  );
}

describe('affinities between sections, carried over to other features', () => {
  let runtime: Runtime;
  let base: KynModel;
  beforeAll(async () => {
    runtime = await nodeRuntime({ threads: 1 });
    base = modelOf(1, true);
  });

  const cross = async (model: KynModel, input: NdArray<Float32Array>) => {
    const session = await runtime.load(model.segmenter);
    const out = await session.run({ input });
    await session.release();
    return out.cross;
  };

  it('are what they were, where features only changed their scale', async () => {
    const plain = segmenterLayout(segmenterShape({ ...network, offsets, contextSections: 1 }));
    const full = segmenterLayout(segmenterShape({ ...network, offsets, contextSections: 1, displacements }));
    const old = initialWeights(full, 1);
    // the base model's weights, but the last layer, which only heads see: its features become twice as large
    const adapted = modelOf(1, false, ({ parameters }) => {
      for (const { name, offset, shape } of plain.parameters) {
        const from = full.parameters.find((piece) => piece.name === name)?.offset ?? 0;
        const count = shape.reduce((a, b) => a * b, 1);
        const scale = /^up0\.1\.(gamma|beta)$/.test(name) ? 2 : 1;
        for (let i = 0; i < count; i++) parameters[offset + i] = scale * old.parameters[from + i];
      }
    });
    const { model, kept } = await carryCross(runtime, base, adapted, [images(1, 64, 50), images(2, 64, 50)]);
    expect(kept).toBeGreaterThan(0.99);
    const fresh = images(3, 32, 32);
    const input = ndarray(Float32Array.from(fresh.flatMap((image) => [...image.data])), [1, 3, 32, 32]);
    const [before, after] = [await cross(base, input), await cross(model, input)];
    expect(after.shape).toEqual(before.shape);
    after.data.forEach((value, i) => {
      expect(Math.abs(value - before.data[i])).toBeLessThan(0.05);
    });
    expect(model.description.card.linker).toBe(LINKER_CARD);
    expect(model.description.segmenter.cross).toEqual(base.description.segmenter.cross);
    expect(model.weights?.parameters).toHaveLength(base.weights?.parameters.length ?? 0);
  });

  it('are told to be worse where the features are others', async () => {
    const { kept } = await carryCross(runtime, base, modelOf(77, false), [images(1, 64, 64)]);
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(0.95);
  });
});
