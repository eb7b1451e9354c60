/** Networks that PyTorch has trained (scripts/pytorch) are the same functions in our graphs. */
import { readFileSync } from 'node:fs';
import { ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { baseline3dLayout } from '../nets/baseline3d.ts';
import type { ParameterLayout } from '../nets/layers.ts';
import { type Network, segmenterLayout, segmenterNetwork, segmenterShape } from '../nets/segmenter.ts';
import { residualUnet3d, unetNetwork } from '../nets/unet.ts';
import { nodeRuntime } from '../runtime/node.ts';
import { BASELINE3D_DEFAULTS } from './baseline3d.ts';
import { exportNetwork } from './export.ts';
import { LINKER_DEFAULTS } from './linker.ts';
import { SEGMENTER_DEFAULTS } from './segmenter.ts';

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Case {
  readonly widths: readonly number[];
  /** Parameters, then statistics. */
  readonly weights: readonly number[];
  readonly input: Stored;
  /** Logits. */
  readonly output: Stored;
}

const url = new URL('../../fixtures/pytorch.json', import.meta.url);
const cases: Record<'2d' | '3d', Case> = JSON.parse(readFileSync(url, 'utf8'));

function networkOf(kind: '2d' | '3d', widths: readonly number[]): [Network, ParameterLayout] {
  const { offsets } = SEGMENTER_DEFAULTS;
  if (kind === '2d') {
    const { displacements } = LINKER_DEFAULTS;
    const shape = segmenterShape({ ...SEGMENTER_DEFAULTS, widths, displacements });
    return [segmenterNetwork(shape), segmenterLayout(shape)];
  }
  const affinities = offsets.length + BASELINE3D_DEFAULTS.zReach.length;
  return [unetNetwork(residualUnet3d(widths, affinities)), baseline3dLayout(widths, affinities)];
}

describe('a network from PyTorch', () => {
  it.each(['2d', '3d'] as const)('says the same here, weight by weight: %s', async (kind) => {
    const { widths, weights, input, output } = cases[kind];
    const [network, layout] = networkOf(kind, widths);
    const flat = Float32Array.from(weights);
    expect(flat).toHaveLength(layout.parameterCount + layout.statisticCount);
    const graph = exportNetwork(
      network,
      layout,
      { parameters: flat.slice(0, layout.parameterCount), statistics: flat.slice(layout.parameterCount) },
      kind === '2d' ? input.shape.slice(1) : [1, ...input.shape.slice(1)],
      'float32',
    );
    const session = await (await nodeRuntime({ threads: 1 })).load(graph);
    const shape = kind === '2d' ? input.shape : [1, ...input.shape];
    const { affinities } = await session.run({ input: ndarray(Float32Array.from(input.data), shape) });
    await session.release();
    expect(affinities.shape).toEqual(output.shape);
    const expected = output.data.map((logit) => 1 / (1 + Math.exp(-logit)));
    const off = expected.map((value, i) => Math.abs(value - affinities.data[i]));
    expect(Math.max(...off)).toBeLessThan(1e-5);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1);
  });
});
