import { describe, expect, it } from 'vitest';
import { CROSS, EdgeList } from '../graph/edge-list.ts';
import { optionsIn, partition } from '../partition/partition.ts';
import { planResample } from '../predict/resample.ts';
import type { Vec3 } from '../volume/array.ts';
import { pipelineDefaults, pixelArea } from './start.ts';
import { cellStack, sourceOf } from './testing/cells.ts';
import { crudePredictor } from './testing/crude-predictor.ts';
import { asSource } from './testing/results.ts';

describe('given fragments that plain overlap links', () => {
  const { sections, truth } = cellStack({ shape: [2, 8, 8] });
  const fragments = asSource(truth);
  const inputOf = (voxelSizeNm: Vec3 | undefined) => ({
    source: sourceOf(sections, voxelSizeNm),
    fragments,
  });
  const imagePlan = planResample([8, 8], [5, 5], [10, 10]);

  it('have options for pixels of 10 nm, or of the network', () => {
    expect(pixelArea({ input: inputOf([40, 10, 10]), imagePlan })).toBe(1);
    expect(pixelArea({ input: inputOf([40, 5, 10]), imagePlan })).toBe(2);
    expect(pixelArea({ input: inputOf(undefined), imagePlan })).toBe(1);
    const sized = { ...fragments, info: { ...fragments.info, voxelSizeNm: [40, 5, 5] as const } };
    expect(pixelArea({ input: { ...inputOf(undefined), fragments: sized }, imagePlan })).toBe(4);
    const input = { ...inputOf([40, 5, 5]), predictor: crudePredictor() };
    expect(pixelArea({ input, imagePlan })).toBe(4);
    expect(pixelArea({ input, imagePlan: planResample([8, 8], [10, 10], [10, 10]) })).toBe(1);
  });

  it('make the same neurons, however fine their pixels', () => {
    const neurons = (pixelNm: number) => {
      const input = inputOf([40, pixelNm, pixelNm]);
      const area = (10 / pixelNm) ** 2;
      const edges = new EdgeList();
      // on either side of what a merge must bring
      edges.push(1, 2, CROSS, 100 * area, 0.75);
      edges.push(3, 4, CROSS, 100 * area, 0.65);
      const voxels = Float64Array.of(0, 10_000, 10_000, 10_000, 10_000).map((count) => count * area);
      const options = optionsIn(pixelArea({ input, imagePlan }), pipelineDefaults(input).partition);
      return [...partition(edges.columns(), voxels, options)];
    };
    expect(neurons(10)).toEqual([0, 1, 1, 2, 3]);
    expect(neurons(2)).toEqual([0, 1, 1, 2, 3]);
    expect(neurons(20)).toEqual([0, 1, 1, 2, 3]);
  });
});
