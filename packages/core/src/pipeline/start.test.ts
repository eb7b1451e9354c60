import { describe, expect, it } from 'vitest';
import { CROSS, EdgeList } from '../graph/edge-list.ts';
import { partition } from '../partition/partition.ts';
import { pipelineDefaults } from './start.ts';
import { cellStack } from './testing/cells.ts';
import { asSource } from './testing/results.ts';

describe('given fragments that plain overlap links', () => {
  it('make the same neurons, however fine their pixels', () => {
    const { truth } = cellStack({ shape: [2, 8, 8] });
    const { partition: options } = pipelineDefaults({ fragments: asSource(truth) });
    const neurons = (pixelArea: number) => {
      const edges = new EdgeList();
      edges.push(1, 2, CROSS, 100 * pixelArea, 0.6);
      edges.push(2, 3, CROSS, 100 * pixelArea, 0.4);
      const voxels = Float64Array.of(0, 10_000, 10_000, 10_000).map((count) => count * pixelArea);
      return [...partition(edges.columns(), voxels, options)];
    };
    expect(neurons(1)).toEqual([0, 1, 1, 2]);
    expect(neurons(25)).toEqual([0, 1, 1, 2]);
  });
});
