import { Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { LeastSquares } from './least-squares.ts';

/** Channel by channel: two inputs, and what `map` makes of every sample. */
function samples(count: number, seed: number, map: (a: number, b: number) => number) {
  const random = new Random(seed);
  const x = Float32Array.from({ length: 2 * count }, () => random.uniform(-1, 3));
  const y = Float32Array.from({ length: count }, (_, i) => map(x[i], x[count + i]));
  return { x, y };
}

describe('least squares', () => {
  it('finds the map that made the samples, in whatever pieces they come', () => {
    const fit = new LeastSquares(2, 1);
    for (const seed of [1, 2, 3]) {
      const { x, y } = samples(50, seed, (a, b) => 2 * a - 0.5 * b + 3);
      fit.add(x, y);
    }
    const { weight, constant, squares } = fit.solve();
    expect(weight[0]).toBeCloseTo(2, 3);
    expect(weight[1]).toBeCloseTo(-0.5, 3);
    expect(constant[0]).toBeCloseTo(3, 3);
    expect(squares[0] / squares[1]).toBeLessThan(1e-6);
  });

  it('says how much it does not explain', () => {
    const fit = new LeastSquares(2, 1);
    const noise = new Random(9);
    const { x, y } = samples(20_000, 4, (a) => a + noise.normal());
    fit.add(x, y);
    const [unexplained, total] = fit.solve().squares;
    // inputs vary by 16/12, the noise by 1
    expect(unexplained / total).toBeCloseTo(1 / (1 + 16 / 12), 1);
  });

  it('keeps to finite numbers where an input is constant or another one again', () => {
    const fit = new LeastSquares(3, 2);
    const x = Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4, 0, 0, 0, 0);
    fit.add(x, Float32Array.of(2, 4, 6, 8, 1, 1, 1, 1));
    const { weight, constant } = fit.solve();
    expect(weight[0] + weight[1]).toBeCloseTo(2, 3);
    expect([...weight, ...constant].every(Number.isFinite)).toBe(true);
    expect(constant[1]).toBeCloseTo(1, 3);
  });
});
