/**
 * A linear map with a constant, fitted by least squares: sums of products are gathered piece by piece, then the normal
 * equations are solved by Cholesky's factorisation, with a ridge that keeps them solvable where inputs depend on one
 * another.
 */

/** Ridge, as a share of the mean square of the inputs. */
const RIDGE = 1e-5;

export interface LinearMap {
  /** `[outputs, inputs]` */
  readonly weight: Float32Array;
  /** `[outputs]` */
  readonly constant: Float32Array;
  /** Sum of squares that is left, and that the outputs have about their means. */
  readonly squares: readonly [unexplained: number, total: number];
}

export class LeastSquares {
  /** Inputs and, last, the constant 1. */
  private readonly side: number;
  private readonly xx: Float64Array;
  private readonly xy: Float64Array;
  private readonly yy: Float64Array;

  constructor(
    readonly inputs: number,
    readonly outputs: number,
  ) {
    this.side = inputs + 1;
    this.xx = new Float64Array(this.side * this.side);
    this.xy = new Float64Array(outputs * this.side);
    this.yy = new Float64Array(outputs);
  }

  /** Adds samples: channel by channel, `[inputs, n]` and `[outputs, n]`. */
  add(x: Float32Array, y: Float32Array): void {
    const { side, inputs, outputs, xx, xy, yy } = this;
    const n = x.length / inputs;
    const row = (k: number): Float32Array => x.subarray(k * n, (k + 1) * n);
    for (let i = 0; i < side; i++) {
      const a = i < inputs ? row(i) : undefined;
      for (let j = 0; j <= i; j++) {
        const sum = a ? dot(a, row(j)) : j < inputs ? total(row(j)) : n;
        xx[i * side + j] += sum;
        if (j < i) xx[j * side + i] += sum;
      }
      for (let o = 0; o < outputs; o++) {
        const out = y.subarray(o * n, (o + 1) * n);
        xy[o * side + i] += a ? dot(a, out) : total(out);
      }
    }
    for (let o = 0; o < outputs; o++) {
      const out = y.subarray(o * n, (o + 1) * n);
      yy[o] += dot(out, out);
    }
  }

  solve(): LinearMap {
    const { side, inputs, outputs, xx, xy, yy } = this;
    const count = xx[side * side - 1];
    const matrix = xx.slice();
    let trace = 0;
    for (let i = 0; i < inputs; i++) trace += xx[i * side + i];
    for (let i = 0; i < inputs; i++) matrix[i * side + i] += (RIDGE * trace) / inputs + Number.MIN_VALUE;
    factorInPlace(matrix, side);
    const weight = new Float32Array(outputs * inputs);
    const constant = new Float32Array(outputs);
    const squares: [number, number] = [0, 0];
    for (let o = 0; o < outputs; o++) {
      const right = xy.subarray(o * side, (o + 1) * side);
      const solution = solveFactored(matrix, right, side);
      weight.set(solution.subarray(0, inputs), o * inputs);
      constant[o] = solution[inputs];
      squares[0] += yy[o] - 2 * dot(solution, right) + quadratic(xx, solution, side);
      squares[1] += yy[o] - right[inputs] ** 2 / count;
    }
    return { weight, constant, squares };
  }
}

type Numbers = Float32Array | Float64Array;

function dot(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function total(a: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i];
  return sum;
}

function quadratic(matrix: Float64Array, x: Float64Array, side: number): number {
  let sum = 0;
  for (let i = 0; i < side; i++) sum += x[i] * dot(matrix.subarray(i * side, (i + 1) * side), x);
  return sum;
}

/** Lower triangle L of a positive definite matrix, L Lᵀ. */
function factorInPlace(a: Float64Array, side: number): void {
  for (let i = 0; i < side; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * side + j];
      for (let k = 0; k < j; k++) sum -= a[i * side + k] * a[j * side + k];
      a[i * side + j] = i === j ? Math.sqrt(Math.max(sum, Number.MIN_VALUE)) : sum / a[j * side + j];
    }
  }
}

function solveFactored(l: Float64Array, right: Float64Array, side: number): Float64Array {
  const x = right.slice();
  for (let i = 0; i < side; i++) {
    for (let k = 0; k < i; k++) x[i] -= l[i * side + k] * x[k];
    x[i] /= l[i * side + i];
  }
  for (let i = side - 1; i >= 0; i--) {
    for (let k = i + 1; k < side; k++) x[i] -= l[k * side + i] * x[k];
    x[i] /= l[i * side + i];
  }
  return x;
}
