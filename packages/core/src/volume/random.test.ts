import { describe, expect, it } from 'vitest';
import { hash32, Random } from './random.ts';

describe('Random', () => {
  it('gives the same stream for the same keys and another for any other key', () => {
    const draw = (...keys: number[]) => {
      const random = new Random(...keys);
      return Array.from({ length: 5 }, () => random.uint32()).join();
    };
    expect(draw(1, 2, 3)).toBe(draw(1, 2, 3));
    const streams = [
      draw(1, 2, 3),
      draw(3, 2, 1),
      draw(1, 2),
      draw(1, 2, 4),
      draw(-1, 2, 3),
      draw(2 ** 33, 2),
    ];
    expect(new Set(streams).size).toBe(streams.length);
  });

  it('matches the published xoshiro128** recurrence', () => {
    const state = [1, 2, 3, 4].map((lane) => hash32(7, lane));
    state[3] |= 1;
    const rotate = (x: number, k: number) => ((x << k) | (x >>> (32 - k))) >>> 0;
    const next = () => {
      const result = Math.imul(rotate(Math.imul(state[1], 5) >>> 0, 7), 9) >>> 0;
      const t = (state[1] << 9) >>> 0;
      state[2] = (state[2] ^ state[0]) >>> 0;
      state[3] = (state[3] ^ state[1]) >>> 0;
      state[1] = (state[1] ^ state[2]) >>> 0;
      state[0] = (state[0] ^ state[3]) >>> 0;
      state[2] = (state[2] ^ t) >>> 0;
      state[3] = rotate(state[3], 11);
      return result;
    };
    const random = new Random(7);
    for (let i = 0; i < 50; i++) expect(random.uint32()).toBe(next());
  });

  it('forks the same stream wherever the parent has got to', () => {
    const parent = new Random(5);
    const before = parent.fork(1).uint32();
    parent.uint32();
    expect(parent.fork(1).uint32()).toBe(before);
    expect(parent.fork(2).uint32()).not.toBe(before);
  });

  it('is uniform, normal and weighted as it says', () => {
    const random = new Random(11);
    const n = 40_000;
    let sum = 0;
    let normal = 0;
    let square = 0;
    let inside = true;
    const picks = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      const f = random.float();
      inside &&= f >= 0 && f < 1;
      sum += f;
      const g = random.normal();
      normal += g;
      square += g * g;
      picks[random.pick([1, 0, 3])]++;
    }
    expect(inside).toBe(true);
    expect(sum / n).toBeCloseTo(0.5, 1);
    expect(Math.abs(normal / n)).toBeLessThan(0.03);
    expect(square / n).toBeCloseTo(1, 1);
    expect(picks[1]).toBe(0);
    expect(picks[2] / n).toBeCloseTo(0.75, 1);
  });
});
