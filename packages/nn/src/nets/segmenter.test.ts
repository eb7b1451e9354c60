import { elementCount, ndarray, Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Value } from '../graph/builder.ts';
import { conv, depthToSpace, relu, spaceToDepth, stridedConv } from '../graph/ops.ts';
import { nodeRuntime } from '../runtime/node.ts';
import { packBlocks } from '../sample/pack-blocks.ts';
import { exportSegmenter } from '../train/export.ts';
import { initialWeights } from './initialise.ts';
import { InferenceLayers } from './layers.ts';
import { segmenterLayout, segmenterNetwork, segmenterUnet } from './segmenter.ts';
import { emptyWeights, transferWeights, widenChannels, widenContext } from './transfer-weights.ts';
import { unetFlopPerPixel, unetMultiple } from './unet.ts';

const runtime = await nodeRuntime({ threads: 1 });
const shape = {
  widths: [4, 6, 8],
  offsets: [
    [-1, 0],
    [0, -3],
  ],
  lsdSigma: 8,
  contextSections: 1,
  stem: 2,
  cross: 3,
} as const;

const random = new Random(4);
const noise = (extents: readonly number[]) => {
  const count = extents.reduce((a, b) => a * b, 1);
  return ndarray(
    Float32Array.from({ length: count }, () => random.normal()),
    extents,
  );
};

const worst = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), Math.abs(a.length - b.length));

describe('a segmenter that sees more sections', () => {
  it('says the same as long as it has not been trained on', async () => {
    const layout = segmenterLayout(shape);
    const weights = initialWeights(layout, 5);
    const wide = { ...shape, contextSections: 2 };
    const more = widenContext(shape, weights, 2);
    const few = await runtime.load(exportSegmenter(shape, layout, weights));
    const many = await runtime.load(exportSegmenter(wide, segmenterLayout(wide), more));
    const five = noise([1, 5, 16, 24]);
    const three = ndarray(five.data.slice(16 * 24, 4 * 16 * 24), [1, 3, 16, 24]);
    const [before, after] = [await few.run({ input: three }), await many.run({ input: five })];
    for (const name of ['affinities', 'cross']) {
      expect(worst(before[name].data, after[name].data)).toBeLessThan(1e-5);
    }
    expect(widenContext(shape, weights, 1)).toEqual(weights);
  });
});

describe('a network with more channels', () => {
  const layout = segmenterLayout(shape);
  const weights = initialWeights(layout, 5);
  const widened = (widths: readonly number[]) => {
    const wide = { ...shape, widths };
    return { wide, weights: widenChannels({ layout, weights }, segmenterLayout(wide), 6) };
  };

  it('says the same as long as it has not been trained on, and can learn', async () => {
    const { wide, weights: more } = widened(shape.widths.map((width, level) => width + level + 1));
    const few = await runtime.load(exportSegmenter(shape, layout, weights));
    const many = await runtime.load(exportSegmenter(wide, segmenterLayout(wide), more));
    const input = noise([1, 1 + 2 * shape.contextSections, 16, 24]);
    const [before, after] = [await few.run({ input }), await many.run({ input })];
    for (const name of ['affinities', 'cross']) {
      expect(worst(before[name].data, after[name].data)).toBeLessThan(1e-5);
    }
    // the new channels are no copies: each has weights of its own
    const { offset, shape: extents } = segmenterLayout(wide).parameters[0];
    const row = elementCount(extents) / extents[0];
    const last = more.parameters.subarray(offset + (extents[0] - 1) * row, offset + extents[0] * row);
    expect(last.every((value) => value !== 0)).toBe(true);
  });

  it('is the network itself where nothing is wider, and never narrower or another', () => {
    expect(widened(shape.widths).weights).toEqual(weights);
    const [first, ...others] = shape.widths;
    expect(() => widened([first - 1, ...others])).toThrow(/other layers, or more channels/);
    expect(() => widened([...shape.widths, 8])).toThrow(/other layers, or more channels/);
  });
});

describe('blocks of pixels', () => {
  it('go into channels and back by pixel', async () => {
    const graph = new GraphBuilder('blocks');
    const x = graph.input('x', [1, 1, 4, 6]);
    graph.output('deep', spaceToDepth(graph, x, 2));
    graph.output('back', depthToSpace(graph, spaceToDepth(graph, x, 2), 2));
    const input = ndarray(
      Float32Array.from({ length: 24 }, (_, i) => i),
      [1, 1, 4, 6],
    );
    const { deep, back } = await (await runtime.load(graph.encode())).run({ x: input });
    expect(deep.shape).toEqual([1, 4, 2, 3]);
    expect(Array.from(deep.data.subarray(0, 6))).toEqual([0, 2, 4, 12, 14, 16]);
    expect(Array.from(deep.data.subarray(18, 24))).toEqual([7, 9, 11, 19, 21, 23]);
    expect(back.data).toEqual(input.data);
  });

  it('are convolved alike with and without the copy into channels', async () => {
    // one layer, whose batch normalisation does not do nothing
    const layout = segmenterLayout(shape);
    const weights = initialWeights(layout, 2);
    for (const piece of layout.statistics) {
      if (!piece.name.startsWith('down0.0.')) continue;
      const [count] = piece.shape;
      for (let i = 0; i < count; i++) weights.statistics[piece.offset + i] = random.uniform(0.5, 1.5);
    }
    const input = noise([1, 3, 16, 24]);
    const run = async (layer: (layers: InferenceLayers, x: Value, graph: GraphBuilder) => Value) => {
      const graph = new GraphBuilder('stem');
      const x = graph.input('x', [1, 3, 16, 24]);
      graph.output('y', layer(new InferenceLayers(graph, layout, weights), x, graph));
      return (await (await runtime.load(graph.encode())).run({ x: input })).y;
    };
    const strided = await run((layers, x) => layers.stem('down0.0', x, 4, [3, 3], 2));
    const copied = await run((layers, x, graph) =>
      layers.block('down0.0', spaceToDepth(graph, x, 2), 4, [3, 3]),
    );
    expect(strided.shape).toEqual([1, 4, 8, 12]);
    expect(worst(strided.data, copied.data)).toBeLessThan(1e-4);
  });

  it('are convolved with zeros beyond the edge', async () => {
    const graph = new GraphBuilder('edge');
    const x = graph.input('x', [1, 1, 4, 4]);
    const ones = graph.floats(new Float32Array(36).fill(1), [1, 1, 6, 6]);
    graph.output('y', relu(graph, stridedConv(graph, x, ones, graph.floats([0]), 2)));
    graph.output('z', conv(graph, x, graph.floats([2], [1, 1, 1, 1])));
    const { y } = await (await runtime.load(graph.encode())).run({
      x: ndarray(new Float32Array(16).fill(1), [1, 1, 4, 4]),
    });
    expect(Array.from(y.data)).toEqual([16, 16, 16, 16]);
  });
});

describe('the segmenter', () => {
  const layout = segmenterLayout(shape);
  const weights = initialWeights(layout, 1);

  it.each([
    ['float32', 1e-5],
    ['float16', 2e-3],
  ] as const)(
    'gives in its file, pixel by pixel, what it gives in training, block by block: %s',
    async (dtype, most) => {
      const graph = new GraphBuilder('training');
      const x = graph.input('x', [2, 3, 16, 24]);
      const raw = segmenterNetwork(shape)(new InferenceLayers(graph, layout, weights), x);
      graph.output('raw', graph.unary('Sigmoid', raw));
      const input = noise([2, 3, 16, 24]);
      const whole = (await (await runtime.load(graph.encode())).run({ x: input })).raw;
      const file = await (await runtime.load(exportSegmenter(shape, layout, weights, dtype))).run({ input });
      expect(whole.shape).toEqual([2, 2 * 4 + 3 + 6, 8, 12]);
      expect(file.affinities.shape).toEqual([2, 2, 16, 24]);
      expect(file.cross.shape).toEqual([2, 3, 8, 12]);
      // as targets are brought to the order of training: in-plane channels by block, of the others the first pixel
      const packed = packBlocks(
        {
          step: 0,
          input: input.data,
          inputShape: [2, 3, 16, 24],
          target: file.affinities.data,
          weight: file.affinities.data,
          targetShape: file.affinities.shape,
          layout: { channels: 2, plane: [0, 2], cross: [2, 2], lsd: [2, 2] },
          origins: [],
        },
        2,
      );
      for (let n = 0; n < 2; n++) {
        const planes = packed.target.subarray(n * 8 * 96, (n + 1) * 8 * 96);
        expect(worst(planes, whole.data.subarray(n * 17 * 96, (n * 17 + 8) * 96))).toBeLessThan(most);
        const cross = file.cross.data.subarray(n * 3 * 96, (n + 1) * 3 * 96);
        expect(worst(cross, whole.data.subarray((n * 17 + 8) * 96, (n * 17 + 11) * 96))).toBeLessThan(most);
      }
    },
  );

  it('takes extents that its levels divide, and counts its operations', () => {
    const unet = segmenterUnet(shape);
    expect(unetMultiple(unet)).toEqual([8, 8]);
    const finest = 2 * 9 * (12 * 4 + 3 * 16);
    const middle = 2 * 9 * (4 * 6 + 3 * 36);
    const coarsest = 2 * 9 * (6 * 8 + 64);
    const narrow = (2 * (6 * 4)) / 16 + (2 * (8 * 6)) / 64;
    const heads = (2 * 4 * (2 * 4 + 3)) / 4;
    expect(unetFlopPerPixel(unet)).toBeCloseTo(finest / 4 + middle / 16 + coarsest / 64 + narrow + heads);
  });

  it('hands its weights on, layer by layer of the same name', () => {
    const { cross: _, ...plain } = shape;
    const target = segmenterLayout(plain);
    const copy = emptyWeights(target);
    transferWeights({ layout, weights }, target, copy);
    expect(copy.parameters.filter((value) => value === 0).length).toBeLessThan(300); // biases and betas
    const back = initialWeights(layout, 9);
    const before = back.parameters.slice();
    transferWeights({ layout: target, weights: copy }, layout, back);
    for (const { name, offset, shape: extents } of layout.parameters) {
      const [from, to] = [offset, offset + extents.reduce((a, b) => a * b, 1)];
      const expected = (name.startsWith('cross.') ? before : weights.parameters).subarray(from, to);
      expect(back.parameters.subarray(from, to)).toEqual(expected);
    }
  });
});
