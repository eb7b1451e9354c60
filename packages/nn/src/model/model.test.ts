import { isKynError, LINK_FORMAT, type LinkModel, ndarray, PAIR_FEATURES } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph/builder.ts';
import { nodeRuntime } from '../runtime/node.ts';
import { affinitiesFromForeign, readForeign } from './foreign-output.ts';
import { decodeModel, encodeModel, type KynModel, MODEL_FORMAT, packModel } from './kyn-model.ts';
import { createPredictor } from './predictor.ts';

/** A network whose output is a scaled copy of its input in `channels` channels. */
function copyNetwork(
  channels: number,
  scale: number,
  inputs = 1,
  [n, h, w]: readonly [number | string, number | string, number | string] = ['n', 'h', 'w'],
): Uint8Array {
  const graph = new GraphBuilder('copy');
  const x = graph.input('x', [1, inputs, 4, 4], 'float32', [n, inputs, h, w]);
  const weight = graph.floats(new Float32Array(channels * inputs).fill(scale), [channels, inputs, 1, 1]);
  const y = graph.node('Conv', [x, weight], [1, channels, 4, 4], { kernel_shape: [1, 1] });
  graph.output('y', y, ['n', channels, 'h', 'w']);
  return graph.encode();
}

const trees = {
  features: PAIR_FEATURES.length,
  base: 0.5,
  depth: 1,
  feature: [6],
  threshold: [0.5],
  leaf: [-1, 1],
};
const linker: LinkModel = {
  format: LINK_FORMAT,
  cross: { features: PAIR_FEATURES, trees, calibration: { scale: 1, offset: 0 } },
};

const model: KynModel = {
  segmenter: copyNetwork(2, 0.5),
  linker,
  description: {
    format: MODEL_FORMAT,
    name: 'copy',
    segmenter: {
      voxelSizeNm: [40, 10, 10],
      offsets: [
        [-1, 0],
        [0, -1],
      ],
      contextSections: 0,
      tileMultiple: 1,
      tileSize: 4,
      halo: 0,
      flopPerPixel: 4,
    },
    card: { description: 'test', licence: 'none', data: [], seed: 0, command: 'none', figures: { voi: 1 } },
  },
};

const refusal = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isKynError(error)) throw new Error('not refused');
  return error;
};

describe('model files', () => {
  it('come back as they were, and the same model is the same bytes', () => {
    const bytes = encodeModel(model);
    expect(encodeModel(model)).toEqual(bytes);
    const back = decodeModel(bytes, 'm.kyn');
    expect(back.description).toEqual(model.description);
    expect(back.segmenter).toEqual(model.segmenter);
    expect(back.linker).toEqual(linker);
  });

  it('are refused when damaged or of another format', async () => {
    const bytes = encodeModel(model);
    const cut = await refusal(Promise.resolve().then(() => decodeModel(bytes.slice(0, 200), 'm.kyn')));
    expect(cut.code).toBe('model');
    const other = { ...model, description: { ...model.description, format: 'kyn-model-9' as never } };
    const newer = await refusal(Promise.resolve().then(() => decodeModel(encodeModel(other), 'm.kyn')));
    expect(newer.oneLine()).toContain('kyn-model-9');
    const network = { widths: [4, 6], stem: 1, lsdSigma: 0 };
    for (const wrong of [network, { ...network, widths: undefined as never }]) {
      const segmenter = { ...model.description.segmenter, network: wrong };
      const description = { ...model.description, segmenter };
      const files = { 'segmenter.onnx': model.segmenter, 'segmenter.training': new Uint8Array(8) };
      const broken = packModel(description, files);
      const notWhole = await refusal(Promise.resolve().then(() => decodeModel(broken, 'm.kyn')));
      expect(notWhole.oneLine()).toMatch(/m.kyn.*weights for training are not whole/);
      expect(decodeModel(broken, 'm.kyn', { weights: false }).weights).toBeUndefined();
    }
    const early = packModel(model.description, {
      'segmenter.onnx': model.segmenter,
      'segmenter.weights': new Uint8Array(8),
    });
    expect(decodeModel(early, 'm.kyn').weights).toBeUndefined();
    const stale = { ...model, linker: { ...linker, cross: { ...linker.cross, features: ['overlap'] } } };
    const old = await refusal(Promise.resolve().then(() => decodeModel(encodeModel(stale), 'm.kyn')));
    expect(old.oneLine()).toMatch(/linker.json/);
  });
});

describe('predictors', () => {
  it('run a .kyn model', async () => {
    const predictor = await createPredictor(await nodeRuntime({ threads: 1 }), encodeModel(model), 'm.kyn');
    expect(predictor.info.name).toBe('copy');
    const { affinities: out } = await predictor.predict(
      ndarray(Float32Array.from([1, 0, 0, 1]), [1, 1, 2, 2]),
    );
    expect(out.shape).toEqual([1, 2, 2, 2]);
    expect(Array.from(out.data)).toEqual([0.5, 0, 0, 0.5, 0.5, 0, 0, 0.5]);
    await predictor.close();
  });

  it('take a plain ONNX membrane network', async () => {
    const predictor = await createPredictor(await nodeRuntime({ threads: 1 }), copyNetwork(1, 1), 'm.onnx');
    // one membrane pixel at the right of the second row
    const image = Float32Array.from([0, 0, 0, 0, 0, 1, 0, 0, 0]);
    const { data, shape } = (await predictor.predict(ndarray(image, [1, 1, 3, 3]))).affinities;
    expect(shape).toEqual([1, 2, 3, 3]);
    expect(Array.from(data.subarray(0, 9))).toEqual([0, 0, 0, 1, 1, 0, 1, 1, 0]);
    expect(Array.from(data.subarray(9))).toEqual([0, 1, 1, 0, 1, 0, 0, 1, 1]);
    await predictor.close();
  });

  it('read a plain network’s output in one way for all tiles: as the samples, else as the first', async () => {
    const predictor = await createPredictor(await nodeRuntime({ threads: 1 }), copyNetwork(1, 1), 'm.onnx');
    const tile = (...values: number[]) => ndarray(Float32Array.from(values), [1, 1, 1, values.length]);
    const left = async (input: ReturnType<typeof tile>) =>
      Array.from((await predictor.predict(input)).affinities.data.subarray(input.data.length));
    expect(await left(tile(0, 0, 1, 0))).toEqual([0, 1, 0, 0]);
    expect(await left(tile(1, 1, 1, 0))).toEqual([0, 0, 0, 0]); // mostly membrane
    await predictor.prepare?.([tile(1, 1, 0.5, 0), tile(1, 1, 1, 1)]);
    expect(await left(tile(0, 0, 1, 1))).toEqual([0, 0, 0, 1]); // cells
    expect(await left(tile(0, 1, 3, 1))).toEqual([0, 0, 1, 1]); // no logits
    await predictor.close();
  });

  it('refuse what is no network, or takes other input, in one line', async () => {
    const runtime = await nodeRuntime({ threads: 1 });
    const text = await refusal(createPredictor(runtime, new TextEncoder().encode('hello'), 'x.onnx'));
    expect(text.code).toBe('model');
    const colour = await refusal(createPredictor(runtime, copyNetwork(1, 1, 3), 'rgb.onnx'));
    expect(colour.oneLine()).toMatch(/rgb\.onnx: the network takes x \[n, 3, h, w\] of float32, not one/);
    for (const sizes of [
      ['n', 4, 4],
      [4, 'h', 'w'],
    ] as const) {
      // biome-ignore format: pairs
      const fixed = await refusal(createPredictor(runtime, copyNetwork(1, 1, 1, sizes), 'fixed.onnx'));
      expect(fixed.oneLine()).toMatch(
        /fixed\.onnx: the network takes \[\w, 1, \w, \w\] only, .*dynamic_axes/,
      );
    }
    const single = await createPredictor(runtime, copyNetwork(1, 1, 1, [1, 'h', 'w']), 'single.onnx');
    await single.close();
  });
});

describe('output of other networks', () => {
  it('is turned where cells, not membranes, are the majority, and squashed where it is logits', () => {
    const cells = ndarray(Float32Array.from([9, 9, 9, -9]), [1, 1, 2, 2]);
    const { data } = affinitiesFromForeign(cells, readForeign([cells]), cells.shape, 'x');
    expect(data[2]).toBeGreaterThan(0.99);
    expect(data[3]).toBeLessThan(0.01);
  });

  it('is refused where it is smaller than its input', () => {
    const cells = ndarray(new Float32Array(4), [1, 1, 2, 2]);
    expect(() => affinitiesFromForeign(cells, readForeign([cells]), [1, 1, 6, 6], 'x.onnx')).toThrow(
      /2×2 for a tile of 6×6/,
    );
  });
});
