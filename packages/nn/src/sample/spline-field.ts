/**
 * A smooth random field over a square grid: a uniform cubic B-spline through values on a coarse lattice.
 * Bends coordinates (elastic deformation) and makes slow changes of brightness.
 */
import type { Random } from '@kyn/core';

export interface SplineLattice {
  /** Values a row and column of the lattice, row by row. */
  readonly values: Float32Array;
  readonly side: number;
  /** Pixels between lattice points. */
  readonly spacing: number;
}

/** A lattice of uniform values in −amplitude … amplitude that covers `side` × `side` pixels. */
export function randomLattice(
  random: Random,
  side: number,
  spacing: number,
  amplitude: number,
): SplineLattice {
  const points = Math.ceil((side - 1) / spacing) + 4;
  const values = new Float32Array(points * points);
  for (let i = 0; i < values.length; i++) values[i] = random.uniform(-amplitude, amplitude);
  return { values, side: points, spacing };
}

/** Weights of the four lattice points around each of `side` pixels, and the first of the four. */
function basis(side: number, spacing: number): { first: Int32Array; weights: Float32Array } {
  const first = new Int32Array(side);
  const weights = new Float32Array(side * 4);
  for (let i = 0; i < side; i++) {
    const cell = Math.floor(i / spacing);
    const t = i / spacing - cell;
    first[i] = cell;
    weights[i * 4] = ((1 - t) * (1 - t) * (1 - t)) / 6;
    weights[i * 4 + 1] = (3 * t * t * t - 6 * t * t + 4) / 6;
    weights[i * 4 + 2] = (-3 * t * t * t + 3 * t * t + 3 * t + 1) / 6;
    weights[i * 4 + 3] = (t * t * t) / 6;
  }
  return { first, weights };
}

/** The field at each pixel of `side` × `side`. */
export function evaluateLattice(lattice: SplineLattice, side: number): Float32Array {
  const { values, side: points, spacing } = lattice;
  const { first, weights } = basis(side, spacing);
  const out = new Float32Array(side * side);
  const line = new Float32Array(points);
  for (let y = 0, to = 0; y < side; y++) {
    const top = first[y] * points;
    for (let i = 0; i < points; i++) {
      line[i] =
        weights[y * 4] * values[top + i] +
        weights[y * 4 + 1] * values[top + points + i] +
        weights[y * 4 + 2] * values[top + 2 * points + i] +
        weights[y * 4 + 3] * values[top + 3 * points + i];
    }
    for (let x = 0; x < side; x++, to++) {
      const i = first[x];
      const w = x * 4;
      out[to] =
        weights[w] * line[i] +
        weights[w + 1] * line[i + 1] +
        weights[w + 2] * line[i + 2] +
        weights[w + 3] * line[i + 3];
    }
  }
  return out;
}
