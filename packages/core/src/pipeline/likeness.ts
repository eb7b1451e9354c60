/** How much alike two sections are, place by place: normalised cross-correlation of what is left of them without the light over them. */
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';

/** A section that was shrunk, dense [rows × columns]. */
export interface Plane {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** Side of a block, and how far from a pixel its surroundings go. */
const BLOCK = 8;
const AROUND = 6;

/** Larger features are the light over a section, pixels of it. */
const DETAIL = 8;

/** A section with `step` pixels along either axis becoming one; taken from `shift` further back. */
export function shrunk(
  { data, shape: [height, width] }: NdArray<Float32Array>,
  step: number,
  shift: Offset2 = [0, 0],
): Plane {
  const rows = Math.floor(height / step);
  const columns = Math.floor(width / step);
  const out = new Float32Array(rows * columns);
  for (let y = 0; y < rows * step; y++) {
    const from = y - shift[0];
    if (from < 0 || from >= height) continue;
    addRow(data, from * width, width, shift[1], out, Math.floor(y / step) * columns, columns, step);
  }
  return { data: out, rows, columns };
}

function addRow(
  data: Float32Array,
  row: number,
  width: number,
  shift: number,
  out: Float32Array,
  to: number,
  columns: number,
  step: number,
): void {
  const begin = Math.max(0, Math.ceil(shift / step));
  const end = Math.min(columns, Math.floor((width + shift) / step));
  const weight = 1 / (step * step);
  for (let x = begin; x < end; x++) {
    let sum = 0;
    for (let i = 0, p = row + x * step - shift; i < step; i++) sum += data[p++];
    out[to + x] += sum * weight;
  }
}

/** Less its local mean. */
export function detail(plane: Plane): Plane {
  const { data, rows, columns } = plane;
  const mean = boxMean(plane, DETAIL);
  return { data: data.map((value, i) => (value === 0 ? 0 : value - mean[i])), rows, columns };
}

/** So many pixels of a section, along either axis, are one of those that displacements are told from. */
export const STEP = 4;

/** A section is compared with the one before it and the one after it, several times; its image does not change. */
const IN_PLACE = new WeakMap<NdArray<Float32Array>, Plane>();

/** What displacements are told from: the section shrunk by {@link STEP}, without the light over it, taken from `shift` further back. */
export function shrunkDetail(image: NdArray<Float32Array>, shift: Offset2 = [0, 0]): Plane {
  if (shift[0] !== 0 || shift[1] !== 0) return detail(shrunk(image, STEP, shift));
  const known = IN_PLACE.get(image) ?? detail(shrunk(image, STEP));
  IN_PLACE.set(image, known);
  return known;
}

/** Mean over the square of `radius` around each pixel, as much of it as there is. */
function boxMean({ data, rows, columns }: Plane, radius: number): Float32Array {
  const across = new Float32Array(data.length);
  for (let y = 0; y < rows; y++) {
    const row = y * columns;
    let sum = 0;
    for (let x = 0; x < Math.min(radius, columns); x++) sum += data[row + x];
    for (let x = 0; x < columns; x++) {
      if (x + radius < columns) sum += data[row + x + radius];
      if (x > radius) sum -= data[row + x - radius - 1];
      across[row + x] = sum / (Math.min(columns, x + radius + 1) - Math.max(0, x - radius));
    }
  }
  const out = new Float32Array(data.length);
  const sums = new Float64Array(columns);
  for (let y = -radius; y < rows; y++) {
    const enters = y + radius < rows ? (y + radius) * columns : -1;
    const leaves = y > radius ? (y - radius - 1) * columns : -1;
    const count = Math.min(rows, y + radius + 1) - Math.max(0, y - radius);
    for (let x = 0; x < columns; x++) {
      if (enters >= 0) sums[x] += across[enters + x];
      if (leaves >= 0) sums[x] -= across[leaves + x];
      if (y >= 0) out[y * columns + x] = sums[x] / count;
    }
  }
  return out;
}

/** How much alike the surroundings of each pixel are, -1..1; planes of one size. */
export function surroundingsAlike(a: Plane, b: Plane): Float32Array {
  const { rows, columns } = b;
  const mean = (p: Float32Array, q: Float32Array) =>
    boxMean({ data: p.map((value, i) => value * q[i]), rows, columns }, AROUND);
  const [ab, aa, bb] = [mean(a.data, b.data), mean(a.data, a.data), mean(b.data, b.data)];
  return ab.map((value, i) => (aa[i] > 1e-9 && bb[i] > 1e-9 ? value / Math.sqrt(aa[i] * bb[i]) : 0));
}

/** Two planes of one size, compared block by block. */
export class Blocks {
  readonly rows: number;
  readonly columns: number;
  /** Sums of products in each block, and whether they are of the displacement asked about. */
  readonly #products: Float64Array;
  readonly #known: Uint8Array;
  readonly #energy: readonly [Float64Array, Float64Array];

  constructor(
    readonly a: Plane,
    readonly b: Plane,
  ) {
    this.rows = Math.floor(b.rows / BLOCK);
    this.columns = Math.floor(b.columns / BLOCK);
    this.#products = new Float64Array(this.rows * this.columns);
    this.#known = new Uint8Array(this.rows * this.columns);
    this.#energy = [summedSquares(a), summedSquares(b)];
  }

  /** How much alike three by three blocks around each of those asked about are, -1..1, `a` taken `by` further on. */
  alike([dy, dx]: Offset2, asked: Uint32Array): Float32Array {
    const { a, b, rows, columns } = this;
    const products = this.#products;
    const known = this.#known.fill(0);
    const [energyA, energyB] = this.#energy;
    const out = new Float32Array(asked.length);
    for (let k = 0; k < asked.length; k++) {
      const row = Math.floor(asked[k] / columns);
      const column = asked[k] - row * columns;
      const [top, bottom] = [Math.max(0, row - 1), Math.min(rows, row + 2)];
      const [left, right] = [Math.max(0, column - 1), Math.min(columns, column + 2)];
      let product = 0;
      for (let r = top; r < bottom; r++) {
        for (let c = left; c < right; c++) {
          const block = r * columns + c;
          if (known[block] === 0) {
            known[block] = 1;
            products[block] = blockProduct(a, b, r * BLOCK, c * BLOCK, dy, dx);
          }
          product += products[block];
        }
      }
      const y0 = Math.max(top * BLOCK, -dy);
      const y1 = Math.min(bottom * BLOCK, a.rows - dy);
      const x0 = Math.max(left * BLOCK, -dx);
      const x1 = Math.min(right * BLOCK, a.columns - dx);
      if (y1 <= y0 || x1 <= x0) continue;
      const inA = within(energyA, a.columns, y0 + dy, y1 + dy, x0 + dx, x1 + dx);
      const inB = within(energyB, b.columns, y0, y1, x0, x1);
      out[k] = inA > 0 && inB > 0 ? product / Math.sqrt(inA * inB) : 0;
    }
    return out;
  }
}

/** Sum of products over a block whose first pixel is at (top, left) of `b`. */
function blockProduct(a: Plane, b: Plane, top: number, left: number, dy: number, dx: number): number {
  const begin = Math.max(left, -dx);
  const end = Math.min(left + BLOCK, a.columns - dx);
  const { data: p } = a;
  const { data: q } = b;
  let sum = 0;
  for (let y = Math.max(top, -dy); y < Math.min(top + BLOCK, a.rows - dy); y++) {
    const row = y * b.columns;
    const by = dy * a.columns + dx;
    for (let i = row + begin; i < row + end; i++) sum += p[i + by] * q[i];
  }
  return sum;
}

/** Sums of squares over all above and left of each corner, (rows + 1) × (columns + 1) (Crow 1984). */
function summedSquares({ data, rows, columns }: Plane): Float64Array {
  const sums = new Float64Array((rows + 1) * (columns + 1));
  for (let y = 0; y < rows; y++) {
    let row = 0;
    for (let x = 0; x < columns; x++) {
      row += data[y * columns + x] ** 2;
      sums[(y + 1) * (columns + 1) + x + 1] = sums[y * (columns + 1) + x + 1] + row;
    }
  }
  return sums;
}

function within(sums: Float64Array, columns: number, y0: number, y1: number, x0: number, x1: number): number {
  const [above, below] = [y0 * (columns + 1), y1 * (columns + 1)];
  return sums[below + x1] - sums[below + x0] - sums[above + x1] + sums[above + x0];
}

/** Steps that are taken to the best of all displacements. */
const STEPS = 4;

/**
 * The displacement of `b` at which two planes of one size are most alike all over, to a fraction of a pixel, and how much they are there, -1..1:
 * uphill from none, then the top of the parabola through the neighbours.
 */
export function bestShift(a: Plane, b: Plane): { readonly by: Offset2; readonly alike: number } {
  const known = new Map<number, number>();
  const alike = (y: number, x: number): number => {
    const key = y * 4 * STEPS + x;
    const value = known.get(key) ?? allAlike(a, b, y, x);
    known.set(key, value);
    return value;
  };
  let [y, x] = [0, 0];
  for (let step = 0; step < STEPS; step++) {
    let [bestY, bestX] = [y, x];
    for (const [nextY, nextX] of [
      [y - 1, x],
      [y + 1, x],
      [y, x - 1],
      [y, x + 1],
    ]) {
      if (alike(nextY, nextX) > alike(bestY, bestX)) [bestY, bestX] = [nextY, nextX];
    }
    if (bestY === y && bestX === x) break;
    [y, x] = [bestY, bestX];
  }
  const here = alike(y, x);
  const top = (before: number, after: number): number => {
    const bend = before - 2 * here + after;
    return bend < 0 ? Math.max(-0.5, Math.min(0.5, (before - after) / (2 * bend))) : 0;
  };
  return {
    by: [-y - top(alike(y - 1, x), alike(y + 1, x)), -x - top(alike(y, x - 1), alike(y, x + 1))],
    alike: here,
  };
}

/** The same of two planes all over, `a` taken `dy`, `dx` further on. */
function allAlike(a: Plane, b: Plane, dy: number, dx: number): number {
  const { rows, columns } = b;
  let [ab, aa, bb] = [0, 0, 0];
  for (let y = Math.max(0, -dy); y < Math.min(rows, rows - dy); y++) {
    const by = dy * columns + dx;
    const end = y * columns + Math.min(columns, columns - dx);
    for (let i = y * columns + Math.max(0, -dx); i < end; i++) {
      const [p, q] = [a.data[i + by], b.data[i]];
      ab += p * q;
      aa += p * p;
      bb += q * q;
    }
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}
