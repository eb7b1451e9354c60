import { describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate/index.ts';
import { runPipeline } from '../pipeline.ts';
import { ndarray } from '../volume/array.ts';
import { createMemoryStore } from './memory-store.ts';
import { cellStack, sourceOf } from './testing/cells.ts';
import { asSource } from './testing/results.ts';

describe('given fragments that plain overlap links', () => {
  const SIDE = 60;
  const { sections, truth } = cellStack({ shape: [6, SIDE, SIDE] });

  /** Every pixel `times` times along either axis. */
  const enlarged = (data: ArrayLike<number>, times: number): number[] => {
    const side = SIDE * times;
    const from = (p: number) => Math.floor(p / side / times) * SIDE + Math.floor((p % side) / times);
    return Array.from({ length: side * side }, (_, p) => data[from(p)]);
  };

  const neurons = async (times: number) => {
    const shape = [SIDE * times, SIDE * times] as const;
    const images = sections.map(({ data }) => ndarray(Uint8Array.from(enlarged(data, times)), shape));
    const fragments = truth.map(({ data }) => ndarray(Uint32Array.from(enlarged(data, times)), shape));
    const store = createMemoryStore();
    const source = sourceOf(images, [40, 10 / times, 10 / times]);
    await runPipeline({ source, fragments: asSource(fragments) }, store);
    const scores = await evaluate({
      segmentation: asSource(store.segmentation),
      truth: asSource(fragments),
    });
    return { assignment: [...(store.assignment ?? [])], arand: scores.arand };
  };

  it('make the same neurons, however fine their pixels', async () => {
    const coarse = await neurons(1);
    const fine = await neurons(3);
    expect(coarse.arand).toBeLessThan(0.05);
    expect(fine.assignment).toEqual(coarse.assignment);
  });
});
