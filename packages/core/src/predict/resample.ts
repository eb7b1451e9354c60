/**
 * Sections in the pixel size of the network, and labels back in the pixel size of the section.
 *
 * Down by a whole factor is a box average; down by a fraction averages by covered area; up is bilinear. Pixels
 * without a value (NaN) don't count in an average, and only what has no valued pixel stays NaN. Labels come back
 * by nearest neighbour on the same grid, so every section pixel has the label of the network pixel it lies in.
 */
import { type NdArray, ndarray, toDense } from '../volume/array.ts';
import type { RawSection } from '../volume/contracts.ts';

/** Pixel sizes that differ by less than this ratio are left as they are. */
const SAME_FROM = 0.75;
const SAME_TO = 4 / 3;

/** A whole factor is used where it comes this close to the ratio. */
const WHOLE_TOLERANCE = 0.2;

/** Sections are enlarged at most this much: beyond, there is nothing to see. */
const MAX_ENLARGEMENT = 4;

export interface ResamplePlan {
  /** Size of the section, [height, width]. */
  readonly full: readonly [number, number];
  /** Size as the network sees it. */
  readonly small: readonly [number, number];
  /** Section pixels a network pixel, y and x; 1 where nothing is done. */
  readonly factor: readonly [number, number];
  /** True where both sizes are the same. */
  readonly identity: boolean;
}

/**
 * How to bring sections of `full` [height, width] with `pixelNm` [y, x] to the pixel size of the network. Each
 * axis for itself, so that anisotropic pixels come out nearly square.
 */
export function planResample(
  full: readonly [number, number],
  pixelNm: readonly [number, number],
  targetNm: readonly [number, number],
): ResamplePlan {
  const factor = [0, 1].map((axis) => axisFactor(targetNm[axis] / pixelNm[axis]));
  const small = [0, 1].map((axis) => smallExtent(full[axis], factor[axis]));
  return {
    full,
    small: [small[0], small[1]],
    factor: [factor[0], factor[1]],
    identity: factor[0] === 1 && factor[1] === 1,
  };
}

function axisFactor(ratio: number): number {
  if (ratio >= SAME_FROM && ratio <= SAME_TO) return 1;
  const whole = Math.max(1, Math.round(ratio));
  if (whole > 1 && Math.abs(ratio / whole - 1) <= WHOLE_TOLERANCE) return whole;
  return Math.max(1 / MAX_ENLARGEMENT, ratio);
}

function smallExtent(full: number, factor: number): number {
  return Number.isInteger(factor) ? Math.ceil(full / factor) : Math.max(1, Math.round(full / factor));
}

/**
 * The section in the network's pixels, float32, dense. The input is not changed; the result is a new array, also
 * where nothing is to do.
 */
export function resampleSection(raw: RawSection, plan: ResamplePlan): NdArray<Float32Array> {
  const [height, width] = plan.small;
  const data = toDense(raw).data;
  if (plan.identity) return ndarray(Float32Array.from(data), [height, width]);
  const [fy, fx] = plan.factor;
  if (Number.isInteger(fy) && Number.isInteger(fx)) return ndarray(boxAverage(data, plan), [height, width]);
  const integral = !(data instanceof Float32Array);
  const out = weightedAverage(Float32Array.from(data), plan);
  // constant fill must stay exactly constant: sixteenths of a grey value are fine enough
  if (integral) for (let p = 0; p < out.length; p++) out[p] = Math.round(out[p] * 16) / 16;
  return ndarray(out, [height, width]);
}

function boxAverage(data: RawSection['data'], { full, small, factor }: ResamplePlan): Float32Array {
  const [fullHeight, fullWidth] = full;
  const [height, width] = small;
  const [fy, fx] = factor;
  const out = new Float32Array(height * width);
  const twoByTwo = fy === 2 && fx === 2 && fullHeight === 2 * height && fullWidth === 2 * width;
  for (let y = 0; y < height; y++) {
    if (twoByTwo) averagePairs(data, out, 2 * y * fullWidth, fullWidth, y * width, width);
    else averageRow(data, out, y, full, width, fy, fx);
  }
  if (data instanceof Float32Array) repairNaN(data, out, { full, small, factor, identity: false });
  return out;
}

function averagePairs(
  data: RawSection['data'],
  out: Float32Array,
  from: number,
  fullWidth: number,
  to: number,
  width: number,
): void {
  for (let x = 0, a = from, b = from + fullWidth; x < width; x++, a += 2, b += 2) {
    out[to + x] = (data[a] + data[a + 1] + data[b] + data[b + 1]) * 0.25;
  }
}

function averageRow(
  data: RawSection['data'],
  out: Float32Array,
  y: number,
  [fullHeight, fullWidth]: readonly [number, number],
  width: number,
  fy: number,
  fx: number,
): void {
  const yTo = Math.min(fullHeight, (y + 1) * fy);
  for (let x = 0; x < width; x++) {
    const xTo = Math.min(fullWidth, (x + 1) * fx);
    let sum = 0;
    for (let yy = y * fy; yy < yTo; yy++) {
      for (let p = yy * fullWidth + x * fx; p < yy * fullWidth + xTo; p++) sum += data[p];
    }
    out[y * width + x] = sum / ((yTo - y * fy) * (xTo - x * fx));
  }
}

/** Averages that a NaN spoilt are taken again over the valued pixels. */
function repairNaN(data: Float32Array, out: Float32Array, { full, small, factor }: ResamplePlan): void {
  const [fullHeight, fullWidth] = full;
  const width = small[1];
  for (let p = 0; p < out.length; p++) {
    if (out[p] - out[p] === 0) continue;
    const y = Math.floor(p / width) * factor[0];
    const x = (p % width) * factor[1];
    let sum = 0;
    let count = 0;
    for (let yy = y; yy < Math.min(fullHeight, y + factor[0]); yy++) {
      for (let xx = x; xx < Math.min(fullWidth, x + factor[1]); xx++) {
        const value = data[yy * fullWidth + xx];
        if (value - value !== 0) continue;
        sum += value;
        count++;
      }
    }
    out[p] = count > 0 ? sum / count : Number.NaN;
  }
}

/** Source pixels and weights of every pixel of one axis. */
interface AxisWeights {
  readonly first: Int32Array;
  /** Taps a pixel. */
  readonly taps: number;
  /** [extent × taps], summing to 1 a pixel. */
  readonly weight: Float32Array;
}

function axisWeights(full: number, small: number): AxisWeights {
  const ratio = full / small;
  const taps = Math.min(full, ratio >= 1 ? Math.ceil(ratio) + 1 : 2);
  const first = new Int32Array(small);
  const weight = new Float32Array(small * taps);
  for (let i = 0; i < small; i++) {
    const from = ratio >= 1 ? i * ratio : (i + 0.5) * ratio - 0.5;
    const to = ratio >= 1 ? (i + 1) * ratio : from;
    const start = Math.max(0, Math.min(full - taps, Math.floor(from)));
    first[i] = start;
    let sum = 0;
    for (let t = 0; t < taps; t++) {
      const at = start + t;
      const share =
        ratio >= 1
          ? Math.max(0, Math.min(at + 1, to) - Math.max(at, from))
          : Math.max(0, 1 - Math.abs(at - Math.max(0, Math.min(full - 1, from))));
      weight[i * taps + t] = share;
      sum += share;
    }
    for (let t = 0; t < taps; t++) weight[i * taps + t] /= sum;
  }
  return { first, taps, weight };
}

function weightedAverage(data: Float32Array, { full, small }: ResamplePlan): Float32Array {
  const rows = axisWeights(full[0], small[0]);
  const columns = axisWeights(full[1], small[1]);
  const [height, width] = small;
  const out = new Float32Array(height * width);
  const line = new Float32Array(full[1]);
  const weightSum = new Float32Array(full[1]);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    weightSum.fill(0);
    for (let t = 0; t < rows.taps; t++) {
      const weight = rows.weight[y * rows.taps + t];
      if (weight === 0) continue;
      const row = (rows.first[y] + t) * full[1];
      for (let x = 0; x < full[1]; x++) {
        const value = data[row + x];
        if (value - value !== 0) continue;
        line[x] += weight * value;
        weightSum[x] += weight;
      }
    }
    for (let x = 0; x < width; x++) {
      let sum = 0;
      let total = 0;
      for (let t = 0; t < columns.taps; t++) {
        const weight = columns.weight[x * columns.taps + t];
        sum += weight * line[columns.first[x] + t];
        total += weight * weightSum[columns.first[x] + t];
      }
      out[y * width + x] = total > 1e-6 ? sum / total : Number.NaN;
    }
  }
  return out;
}

/**
 * Labels of the network's grid in section pixels.
 * @param labels dense [height × width] of `plan.small`
 * @param idOffset added to every label but 0
 * @param out dense [height × width] of `plan.full`, overwritten; a new array where absent
 * @returns `out`
 */
export function enlargeLabels(
  labels: Uint32Array,
  plan: ResamplePlan,
  idOffset = 0,
  out: Uint32Array = new Uint32Array(plan.full[0] * plan.full[1]),
): Uint32Array {
  const [height, width] = plan.full;
  if (plan.identity) return addOffset(labels, idOffset, out);
  const smallWidth = plan.small[1];
  const row = axisMap(height, plan.small[0], plan.factor[0]);
  const column = axisMap(width, smallWidth, plan.factor[1]);
  const doubled = plan.factor[1] === 2 && width === 2 * smallWidth;
  for (let y = 0; y < height; y++) {
    const to = y * width;
    const from = row[y] * smallWidth;
    if (y > 0 && row[y] === row[y - 1]) out.copyWithin(to, to - width, to);
    else if (doubled) {
      for (let x = 0, p = to; x < smallWidth; x++, p += 2) {
        const label = labels[from + x];
        const id = label === 0 ? 0 : label + idOffset;
        out[p] = id;
        out[p + 1] = id;
      }
    } else {
      for (let x = 0; x < width; x++) {
        const label = labels[from + column[x]];
        out[to + x] = label === 0 ? 0 : label + idOffset;
      }
    }
  }
  return out;
}

function addOffset(labels: Uint32Array, idOffset: number, out: Uint32Array): Uint32Array {
  for (let p = 0; p < labels.length; p++) {
    const label = labels[p];
    out[p] = label === 0 ? 0 : label + idOffset;
  }
  return out;
}

/** Which section pixels every pixel of the network's grid stands for when labels come back: by row and by column. */
export interface PixelSpans {
  /** Section rows of network row y: `rows[y]` up to, not including, `rows[y + 1]`; none where the two are equal. */
  readonly rows: Uint32Array;
  readonly columns: Uint32Array;
}

export function pixelSpans({ full, small, factor }: ResamplePlan): PixelSpans {
  const [rows, columns] = [0, 1].map((axis) => {
    const map = axisMap(full[axis], small[axis], factor[axis]);
    const start = new Uint32Array(small[axis] + 1);
    for (const pixel of map) start[pixel + 1]++;
    for (let i = 1; i < start.length; i++) start[i] += start[i - 1];
    return start;
  });
  return { rows, columns };
}

/** Network pixel of every section pixel of one axis. */
function axisMap(full: number, small: number, factor: number): Int32Array {
  const map = new Int32Array(full);
  for (let i = 0; i < full; i++) {
    const at = Number.isInteger(factor) ? Math.floor(i / factor) : Math.floor(((i + 0.5) * small) / full);
    map[i] = Math.min(small - 1, at);
  }
  return map;
}
