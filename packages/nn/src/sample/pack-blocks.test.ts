import { describe, expect, it } from 'vitest';
import { packBlocks } from './pack-blocks.ts';

describe('packBlocks', () => {
  it('keeps all pixels of in-plane channels, and of the others the first, which counts for all', () => {
    const [count, channels, side] = [2, 3, 4];
    const target = Float32Array.from({ length: count * channels * side * side }, (_, i) => i);
    const weight = target.map((value) => value / 10);
    const batch = packBlocks(
      {
        step: 1,
        input: new Float32Array(0),
        inputShape: [count, 1, side, side],
        target,
        weight,
        targetShape: [count, channels, side, side],
        layout: { channels, plane: [0, 1], cross: [1, 2], lsd: [2, 3] },
        origins: [],
      },
      2,
    );
    expect(batch.targetShape).toEqual([2, 6, 2, 2]);
    const channel = (data: Float32Array, n: number, c: number) =>
      Array.from(data.subarray((n * 6 + c) * 4, (n * 6 + c + 1) * 4));
    for (let n = 0; n < count; n++) {
      const start = n * 48;
      const blocks = [0, 2, 8, 10].map((p) => start + p);
      [0, 1, 4, 5].forEach((phase, c) => {
        expect(channel(batch.target, n, c)).toEqual(blocks.map((p) => p + phase));
      });
      expect(channel(batch.target, n, 4)).toEqual(blocks.map((p) => p + 16));
      expect(channel(batch.target, n, 5)).toEqual(blocks.map((p) => p + 32));
      channel(batch.weight, n, 0).forEach((value, i) => {
        expect(value).toBeCloseTo(blocks[i] / 10);
      });
      channel(batch.weight, n, 5).forEach((value, i) => {
        expect(value).toBeCloseTo((4 * (blocks[i] + 32)) / 10, 4);
      });
    }
    expect(target[5]).toBe(5);
  });
});
