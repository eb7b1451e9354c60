/**
 * Balls in a box whose opposite faces are joined (a torus), and a cell grid that finds the balls near a place. Small
 * and large balls have grids of their own, so that a few thick trunks do not make every search a wide one.
 */
import type { Vec3 } from '../volume/array.ts';

/** Balls as columns; positions are unwrapped (they may leave the box), so a chain of balls stays a line. */
export interface Balls {
  count: number;
  readonly z: Float32Array;
  readonly y: Float32Array;
  readonly x: Float32Array;
  readonly radius: Float32Array;
  /** Neurite of each ball. */
  readonly owner: Int32Array;
  /** Ball it hangs on; -1 for the first of a neurite. */
  readonly parent: Int32Array;
}

export function createBalls(capacity: number): Balls {
  return {
    count: 0,
    z: new Float32Array(capacity),
    y: new Float32Array(capacity),
    x: new Float32Array(capacity),
    radius: new Float32Array(capacity),
    owner: new Int32Array(capacity),
    parent: new Int32Array(capacity),
  };
}

/** `delta` brought into half a period around 0. */
export const wrapped = (delta: number, period: number) => delta - period * Math.floor(delta / period + 0.5);

/** One grid over the balls whose radius lies in a range. */
class CellGrid {
  private readonly cells: Vec3;
  private readonly starts: Int32Array;
  private readonly items: Int32Array;

  constructor(
    balls: Balls,
    private readonly period: Vec3,
    readonly minRadius: number,
    readonly maxRadius: number,
  ) {
    const count = (axis: number) => Math.max(1, Math.floor(period[axis] / (2 * maxRadius)));
    this.cells = [count(0), count(1), count(2)];
    const [cz, cy, cx] = this.cells;
    this.starts = new Int32Array(cz * cy * cx + 1);
    const cellOf = new Int32Array(balls.count).fill(-1);
    for (let i = 0; i < balls.count; i++) {
      if (balls.radius[i] < minRadius || balls.radius[i] >= maxRadius) continue;
      const cell = (this.cell(balls.z[i], 0) * cy + this.cell(balls.y[i], 1)) * cx + this.cell(balls.x[i], 2);
      cellOf[i] = cell;
      this.starts[cell + 1]++;
    }
    for (let c = 0; c + 1 < this.starts.length; c++) this.starts[c + 1] += this.starts[c];
    this.items = new Int32Array(this.starts[this.starts.length - 1]);
    const fill = this.starts.slice();
    for (let i = 0; i < balls.count; i++) if (cellOf[i] >= 0) this.items[fill[cellOf[i]]++] = i;
  }

  private cell(at: number, axis: 0 | 1 | 2): number {
    const extent = this.period[axis];
    const inside = at - extent * Math.floor(at / extent);
    return Math.min(this.cells[axis] - 1, Math.floor((inside / extent) * this.cells[axis]));
  }

  /** First cell, and number of cells, that a span of half-width `reach` around `at` covers. */
  private span(at: number, reach: number, axis: 0 | 1 | 2): readonly [number, number] {
    const size = this.period[axis] / this.cells[axis];
    const first = Math.floor((at - reach) / size);
    return [first, Math.min(this.cells[axis], Math.floor((at + reach) / size) - first + 1)];
  }

  collect(z: number, y: number, x: number, reach: number, into: number[], used: number): number {
    const [cz, cy, cx] = this.cells;
    const [z0, nz] = this.span(z, reach, 0);
    const [y0, ny] = this.span(y, reach, 1);
    const [x0, nx] = this.span(x, reach, 2);
    let n = used;
    for (let dz = 0; dz < nz; dz++) {
      const plane = ((((z0 + dz) % cz) + cz) % cz) * cy;
      for (let dy = 0; dy < ny; dy++) {
        const row = (plane + ((((y0 + dy) % cy) + cy) % cy)) * cx;
        for (let dx = 0; dx < nx; dx++) {
          const cell = row + ((((x0 + dx) % cx) + cx) % cx);
          for (let k = this.starts[cell]; k < this.starts[cell + 1]; k++) into[n++] = this.items[k];
        }
      }
    }
    return n;
  }
}

/** Cell grids by size class: class c holds radii up to `smallest` × 2^c. */
export class BallGrid {
  private readonly levels: CellGrid[] = [];

  constructor(
    private readonly balls: Balls,
    private readonly period: Vec3,
    smallest: number,
  ) {
    let largest = 0;
    for (let i = 0; i < balls.count; i++) largest = Math.max(largest, balls.radius[i]);
    let low = 0;
    for (let high = smallest; low <= largest; high *= 2) {
      this.levels.push(new CellGrid(balls, period, low, high));
      low = high;
    }
  }

  /** Puts the balls whose surface may lie within `reach` of a place into `into`; returns how many. */
  around(z: number, y: number, x: number, reach: number, into: number[]): number {
    let n = 0;
    for (let c = this.levels.length - 1; c >= 0; c--) {
      n = this.levels[c].collect(z, y, x, reach + this.levels[c].maxRadius, into, n);
    }
    return n;
  }

  /**
   * Pairs (i, j) of different owners whose surfaces are nearer than `slack`, each once, as one flat list: a Verlet
   * list, good until some ball has moved by half of `slack`.
   */
  pairs(slack: number): Int32Array {
    const { z, y, x, radius, owner } = this.balls;
    const near: number[] = [];
    let list = new Int32Array(this.balls.count * 24 + 64);
    let used = 0;
    for (let i = 0; i < this.balls.count; i++) {
      for (const level of this.levels) {
        if (level.maxRadius <= radius[i]) continue;
        const same = level.minRadius <= radius[i];
        const n = level.collect(z[i], y[i], x[i], radius[i] + level.maxRadius + slack, near, 0);
        for (let k = 0; k < n; k++) {
          const j = near[k];
          if (owner[j] === owner[i] || (same && j >= i)) continue;
          const reach = radius[i] + radius[j] + slack;
          const dz = wrapped(z[i] - z[j], this.period[0]);
          if (dz > reach || -dz > reach) continue;
          const dy = wrapped(y[i] - y[j], this.period[1]);
          const dx = wrapped(x[i] - x[j], this.period[2]);
          if (dz * dz + dy * dy + dx * dx >= reach * reach) continue;
          if (used + 2 > list.length) {
            const longer = new Int32Array(list.length * 2);
            longer.set(list);
            list = longer;
          }
          list[used++] = i;
          list[used++] = j;
        }
      }
    }
    return list.subarray(0, used);
  }
}
