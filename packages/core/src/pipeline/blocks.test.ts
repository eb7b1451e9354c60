import { describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate/index.ts';
import { CROSS, SKIP } from '../graph/edge-list.ts';
import { runPipeline } from '../pipeline.ts';
import { ndarray, type Vec3 } from '../volume/array.ts';
import type { LabelSection, LabelSource } from '../volume/contracts.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.ts';
import { BLOCK_DEFAULTS } from './start.ts';
import { cellStack, sourceOf } from './testing/cells.ts';
import { crudeBlockPredictor } from './testing/crude-block-predictor.ts';

function asSource(sections: readonly LabelSection[]): LabelSource {
  const shape: Vec3 = [sections.length, sections[0].shape[0], sections[0].shape[1]];
  const info = { shape, voxelSizeNm: undefined, dtype: 'uint32', format: '', location: '', notes: [] };
  return { info, read: async (z) => sections[z], close: async () => {} };
}

function whole({ fragments, segmentation, graph, assignment, neurons, records }: MemoryStore): string {
  return JSON.stringify({ fragments, segmentation, graph, assignment, neurons, records }, (_, value) =>
    ArrayBuffer.isView(value) ? Array.from(value as Uint32Array).join() : value,
  );
}

describe('runPipeline with a 3D network', () => {
  it('finds the cells of a stack that is deeper than a block', async () => {
    const { source, truth } = cellStack({ shape: [13, 90, 100], cells: 15 });
    const store = createMemoryStore();
    const predictor = crudeBlockPredictor();
    const report = await runPipeline({ source, predictor }, store);
    expect(predictor.blocks).toBeGreaterThan(6);
    const score = await evaluate({ segmentation: asSource(store.segmentation), truth: asSource(truth) });
    expect(score.arand).toBeLessThan(0.1);
    expect(report.edges.skip).toBe(0);
    expect(report.edges.cross).toBeGreaterThan(12 * 10);
    expect(store.segmentation.every(({ data }) => data.every((id) => id > 0))).toBe(true);
  });

  it('is deterministic and goes on where it stopped', async () => {
    const sections = cellStack({ shape: [14, 40, 50] }).sections.slice();
    sections[4] = ndarray(new Uint8Array(40 * 50), [40, 50]); // blank
    const source = sourceOf(sections, [40, 10, 10]);
    const store = createMemoryStore();
    await runPipeline({ source, predictor: crudeBlockPredictor() }, store);
    const first = whole(store);
    for (const done of [1, 4, 5, 6, 13, 14]) {
      const records = store.records.slice(0, done);
      const half = createMemoryStore({ fragments: store.fragments.slice(0, done), records });
      const predictor = crudeBlockPredictor();
      await runPipeline({ source, predictor }, half);
      expect(whole(half) === first).toBe(true);
      if (done === 14) expect(predictor.blocks).toBe(0);
    }
  });

  it('links across a blank section', async () => {
    const sections = cellStack({ shape: [7, 90, 100], cells: 15 }).sections.slice();
    sections[3] = ndarray(new Uint8Array(90 * 100), [90, 100]);
    const source = sourceOf(sections, [40, 10, 10]);
    const near = createMemoryStore();
    await runPipeline({ source, predictor: crudeBlockPredictor() }, near);
    const kinds = (store: MemoryStore, z: number) => [...new Set(store.records[z].edges.kind)].sort();
    expect(kinds(near, 4)).toEqual([0, SKIP]);
    expect(kinds(near, 5)).toEqual([0, CROSS]);
    const plain = createMemoryStore();
    const byOverlap = { ...BLOCK_DEFAULTS, across: undefined };
    await runPipeline({ source, predictor: crudeBlockPredictor() }, plain, byOverlap);
    expect(kinds(plain, 5)).toEqual([0, CROSS]);
    expect(plain.records[5].edges.probability).not.toEqual(near.records[5].edges.probability);
  });

  it('links given fragments, in pixels finer than its own', async () => {
    const { source, truth } = cellStack({
      shape: [5, 90, 80],
      voxelSizeNm: [40, 5, 5],
      membrane: 5,
      cells: 8,
    });
    const store = createMemoryStore();
    await runPipeline({ source, predictor: crudeBlockPredictor(), fragments: asSource(truth) }, store);
    const score = await evaluate({ segmentation: asSource(store.segmentation), truth: asSource(truth) });
    expect(score.arand).toBeLessThan(0.05);
    const { area, kind } = store.records[1].edges;
    const shared = area.reduce((sum, pixels, i) => sum + (kind[i] === CROSS ? pixels : 0), 0);
    expect(shared / (90 * 80)).toBeGreaterThan(0.95);
    expect(shared / (90 * 80)).toBeLessThan(1.05);
  });
});
