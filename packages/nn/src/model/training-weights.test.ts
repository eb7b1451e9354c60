import { elementCount, Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { baseline3dLayout } from '../nets/baseline3d.ts';
import { initialWeights } from '../nets/initialise.ts';
import type { ParameterLayout, Weights } from '../nets/layers.ts';
import { type SegmenterShape, segmenterLayout } from '../nets/segmenter.ts';
import { residualUnet3d, unetNetwork } from '../nets/unet.ts';
import { tensorsOf } from '../onnx/proto.ts';
import { exportNetwork, exportSegmenter } from '../train/export.ts';
import { decodeTraining, encodeTraining } from './training-weights.ts';

/** Weights as of a trained network: no batch normalisation does nothing. */
function trainedWeights(layout: ParameterLayout): Weights {
  const random = new Random(3);
  const weights = initialWeights(layout, 1);
  for (const { name, offset, shape } of layout.parameters) {
    if (!/gamma|beta|bias/.test(name)) continue;
    for (let i = 0; i < elementCount(shape); i++) weights.parameters[offset + i] += random.normal() / 3;
  }
  for (const { name, offset, shape } of layout.statistics) {
    const low = name.endsWith('variance') ? 0.1 : -2;
    for (let i = 0; i < elementCount(shape); i++) weights.statistics[offset + i] = random.uniform(low, 2);
  }
  return weights;
}

const shape = (changes: Partial<SegmenterShape> = {}): SegmenterShape => ({
  widths: [4, 6, 8],
  offsets: [
    [-1, 0],
    [0, -1],
  ],
  contextSections: 1,
  stem: 2,
  lsdSigma: 8,
  cross: 3,
  ...changes,
});

type Case = [name: string, layout: ParameterLayout, graph: (weights: Weights) => Uint8Array];
const of2d = (name: string, of: SegmenterShape): Case => [
  name,
  segmenterLayout(of),
  (weights) => exportSegmenter(of, segmenterLayout(of), weights),
];
const solid = baseline3dLayout([4, 6, 8], 5);
const cases: Case[] = [
  of2d('a segmenter', shape()),
  of2d('one of pixels, which is asked about nothing else', shape({ stem: 1, lsdSigma: 0, cross: 0 })),
  [
    'a 3D network',
    solid,
    (weights) => exportNetwork(unetNetwork(residualUnet3d([4, 6, 8], 5)), solid, weights, [1, 1, 4, 4]),
  ],
];

describe('weights for training', () => {
  it.each(cases)('come back from the graph and what it does not tell: %s', (_, layout, graphOf) => {
    const weights = trainedWeights(layout);
    const graph = graphOf(weights);
    const rest = encodeTraining(layout, weights, graph);
    expect(rest.length).toBeLessThan(0.5 * 4 * layout.parameterCount);
    const back = decodeTraining(layout, graph, rest);
    expect(back.statistics).toEqual(weights.statistics);
    back.parameters.forEach((value, i) => {
      const was = weights.parameters[i];
      expect(Math.abs(value - was)).toBeLessThanOrEqual(Math.abs(was) * 2 ** -11 + 1e-5);
    });
  });

  it.each(cases)('make the same file again: %s', (_, layout, graphOf) => {
    const weights = trainedWeights(layout);
    const graph = graphOf(weights);
    const back = decodeTraining(layout, graph, encodeTraining(layout, weights, graph));
    const [before, after] = [tensorsOf(graph), tensorsOf(graphOf(back))];
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, { bytes }] of before) {
      if (name.endsWith('.weight')) expect(after.get(name)?.bytes).toEqual(bytes);
    }
  });

  it('of channels that count for nothing are nothing', () => {
    const layout = segmenterLayout(shape());
    const weights = trainedWeights(layout);
    const piece = (name: string): Float32Array => {
      const { offset = 0, shape = [0] } = layout.parameters.find((each) => each.name === name) ?? {};
      return weights.parameters.subarray(offset, offset + elementCount(shape));
    };
    piece('down1.0.gamma')[2] = 0;
    const graph = exportSegmenter(shape(), layout, weights);
    const back = decodeTraining(layout, graph, encodeTraining(layout, weights, graph));
    expect(back.parameters.every(Number.isFinite)).toBe(true);
  });

  it('are refused where graph and rest do not belong together', () => {
    const layout = segmenterLayout(shape());
    const weights = trainedWeights(layout);
    const graph = exportSegmenter(shape(), layout, weights);
    const rest = encodeTraining(layout, weights, graph);
    expect(() => decodeTraining(layout, graph, rest.subarray(4))).toThrow(RangeError);
    expect(() => decodeTraining(segmenterLayout(shape({ widths: [4, 6, 10] })), graph, rest)).toThrow(
      RangeError,
    );
    expect(() => decodeTraining(layout, graph.subarray(0, graph.length - 100), rest)).toThrow(RangeError);
  });
});
