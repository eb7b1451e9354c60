/**
 * Local shape descriptors in 2D (Sheridan et al. 2022, Nature Methods, "Local shape descriptors for neuron
 * segmentation"): for each pixel, statistics of its own segment under a Gaussian window around it. Six
 * channels, each cut to 0 … 1: mean offset y and x (0.5 is none, one sigma is 0.5), variance yy and xx (in
 * sigma²), correlation yx (0.5 is none), size (share of the window that the segment fills).
 *
 * The window is separable. Along x a segment's row is a few runs, and the window's moments over a run are
 * differences of a table; along y they are summed with the kernel, at the segment's own pixels only. With a
 * large window both the rows summed and the pixels described are every second one: it is that smooth.
 */
import { LSD_CHANNELS, LSD_REACH } from './spec.ts';

/** From this sigma on every second row and pixel will do. */
const COARSE_FROM_SIGMA = 4;

export interface ShapeDescriptorOptions {
  /** Side of `ids`, px. */
  side: number;
  /** Pixels of `ids` around the square that is asked for; segments are not seen beyond it. */
  margin: number;
  /** Window, px. */
  sigma: number;
  /** 1: every row and pixel; 2: every second, the others between; default by the size of the window. */
  step?: 1 | 2;
}

interface Kernel {
  readonly radius: number;
  /** Weight at distance d + radius, total 1 over the rows that are summed. */
  readonly weight: Float32Array;
}

function gaussian(sigma: number, step: number): Kernel {
  const radius = Math.ceil(LSD_REACH * sigma);
  const weight = new Float32Array(2 * radius + 1);
  let total = 0;
  for (let d = -radius; d <= radius; d++) {
    if (d % step !== 0) continue;
    weight[d + radius] = Math.exp((-d * d) / (2 * sigma * sigma));
    total += weight[d + radius];
  }
  for (let i = 0; i < weight.length; i++) weight[i] /= total;
  return { radius, weight };
}

/** Σ weight(d)·d^power over d = −radius … t, at index t + radius + 1 (index 0: the empty sum). */
function cumulative({ radius, weight }: Kernel, power: number): Float32Array {
  const sums = new Float32Array(2 * radius + 2);
  let sum = 0;
  for (let d = -radius; d <= radius; d++) {
    sum += weight[d + radius] * d ** power;
    sums[d + radius + 1] = sum;
  }
  return sums;
}

/** Runs of equal non-zero ids in raster order, grouped by id. */
interface Runs {
  readonly row: Int32Array;
  readonly from: Int32Array;
  /** Last pixel of the run. */
  readonly to: Int32Array;
  /** Runs of id i are at first[i] … first[i + 1] − 1. */
  readonly first: Int32Array;
}

function findRuns(ids: Int32Array, side: number, count: number): Runs {
  const first = new Int32Array(count + 2);
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      if (ids[i] !== 0 && (x === 0 || ids[i - 1] !== ids[i])) first[ids[i] + 1]++;
    }
  }
  for (let id = 1; id < first.length; id++) first[id] += first[id - 1];
  const total = first[count + 1];
  const row = new Int32Array(total);
  const from = new Int32Array(total);
  const to = new Int32Array(total);
  const next = first.slice();
  for (let y = 0; y < side; y++) {
    let x = 0;
    while (x < side) {
      const id = ids[y * side + x];
      const start = x;
      do x++;
      while (x < side && ids[y * side + x] === id);
      if (id === 0) continue;
      const run = next[id]++;
      row[run] = y;
      from[run] = start;
      to[run] = x - 1;
    }
  }
  return { row, from, to, first };
}

/**
 * @param ids `side` × `side` segments 1 … count, 0 = none; each should be connected (or near to it)
 * @returns `[6, size, size]` with size = side − 2·margin; 0 where the id is 0
 */
export function shapeDescriptors(
  ids: Int32Array,
  count: number,
  options: ShapeDescriptorOptions,
): Float32Array {
  const { side, margin, sigma } = options;
  const step = options.step ?? (sigma >= COARSE_FROM_SIGMA ? 2 : 1);
  const size = side - 2 * margin;
  const everyRow = gaussian(sigma, 1);
  const { radius } = everyRow;
  const tables = [cumulative(everyRow, 0), cumulative(everyRow, 1), cumulative(everyRow, 2)] as const;
  const everySecond = gaussian(sigma, 2);
  const runs = findRuns(ids, side, count);
  // Interleaved while it is made, six values a pixel: planes a power of two apart would share cache lines.
  const made = new Float32Array(LSD_CHANNELS * size * size);
  const moments = new Float32Array(3 * side * side);
  for (let id = 1; id <= count; id++) {
    const begin = runs.first[id];
    const end = runs.first[id + 1];
    let left = side;
    let right = -1;
    for (let run = begin; run < end; run++) {
      if (runs.from[run] < left) left = runs.from[run];
      if (runs.to[run] > right) right = runs.to[run];
    }
    left = Math.max(left, margin);
    right = Math.min(right, margin + size - 1);
    const top = Math.max(runs.row[begin], margin - radius);
    const bottom = Math.min(runs.row[end - 1], margin + size - 1 + radius);
    if (right < left || top >= margin + size || bottom < margin) continue;
    const width = right - left + 1;
    rowMoments(moments, runs, begin, end, left, width, top, bottom, radius, tables);
    const box = { moments, left, width, top, bottom };
    // A low segment has few rows, which all count.
    const rowStep = bottom - top >= 2 * sigma ? step : 1;
    const down = rowStep === 1 ? everyRow : everySecond;
    for (let run = begin; run < end; run++) {
      const y = runs.row[run];
      if (y < margin || y >= margin + size || (y - margin) % step !== 0) continue;
      const last = Math.min(runs.to[run], right);
      const start = Math.max(runs.from[run], left);
      for (let x = start + ((start - margin) % step); x <= last; x += step) {
        describe(made, box, down, rowStep, sigma, y, x, margin, size);
      }
    }
    if (step === 1) continue;
    for (let run = begin; run < end; run++) {
      const y = runs.row[run];
      if (y < margin || y >= margin + size) continue;
      const last = Math.min(runs.to[run], right);
      const oddRow = (y - margin) & 1;
      const start = Math.max(runs.from[run], left);
      for (let x = start; x <= last; x++) {
        const described = oddRow === 0 && ((x - margin) & 1) === 0;
        if (!described && !between(made, ids, side, id, sigma, y, x, margin, size)) {
          describe(made, box, down, rowStep, sigma, y, x, margin, size);
        }
      }
    }
  }
  return planes(made, size * size);
}

function planes(interleaved: Float32Array, pixels: number): Float32Array {
  const out = new Float32Array(interleaved.length);
  for (let c = 0, to = 0; c < LSD_CHANNELS; c++) {
    for (let i = 0, from = c; i < pixels; i++, from += LSD_CHANNELS) out[to++] = interleaved[from];
  }
  return out;
}

/**
 * Describes a pixel as the mean of those of its (2 to 4) described neighbours that are in the same segment;
 * false where none is.
 */
function between(
  out: Float32Array,
  ids: Int32Array,
  side: number,
  id: number,
  sigma: number,
  y: number,
  x: number,
  margin: number,
  size: number,
): boolean {
  const oddY = (y - margin) & 1;
  const oddX = (x - margin) & 1;
  let count = 0;
  let awayY = 0;
  let awayX = 0;
  let c0 = 0;
  let c1 = 0;
  let c2 = 0;
  let c3 = 0;
  let c4 = 0;
  let c5 = 0;
  const edge = margin + size;
  for (let dy = -oddY; dy <= oddY; dy += 2) {
    if (y + dy >= edge) continue;
    for (let dx = -oddX; dx <= oddX; dx += 2) {
      if (x + dx >= edge || ids[(y + dy) * side + x + dx] !== id) continue;
      const at = LSD_CHANNELS * ((y + dy - margin) * size + x + dx - margin);
      count++;
      awayY += dy;
      awayX += dx;
      c0 += out[at];
      c1 += out[at + 1];
      c2 += out[at + 2];
      c3 += out[at + 3];
      c4 += out[at + 4];
      c5 += out[at + 5];
    }
  }
  if (count === 0) return false;
  const to = LSD_CHANNELS * ((y - margin) * size + x - margin);
  const share = 1 / count;
  // The segment's mean stays where it is while the pixel moves.
  out[to] = unit(share * (c0 + (0.5 * awayY) / sigma));
  out[to + 1] = unit(share * (c1 + (0.5 * awayX) / sigma));
  out[to + 2] = share * c2;
  out[to + 3] = share * c3;
  out[to + 4] = share * c4;
  out[to + 5] = share * c5;
  return true;
}

interface Box {
  readonly moments: Float32Array;
  readonly left: number;
  readonly width: number;
  readonly top: number;
  readonly bottom: number;
}

/** Moments 0, 1, 2 along x of one segment at each pixel of its box: triples, row by row from `top`. */
function rowMoments(
  moments: Float32Array,
  runs: Runs,
  begin: number,
  end: number,
  left: number,
  width: number,
  top: number,
  bottom: number,
  radius: number,
  [zeroth, first, second]: readonly [Float32Array, Float32Array, Float32Array],
): void {
  moments.fill(0, 0, 3 * width * (bottom - top + 1));
  const most = 2 * radius + 1;
  for (let run = begin; run < end; run++) {
    const row = runs.row[run];
    if (row < top || row > bottom) continue;
    const reachLeft = Math.max(left, runs.from[run] - radius);
    const reachRight = Math.min(left + width - 1, runs.to[run] + radius);
    let at = 3 * ((row - top) * width + reachLeft - left);
    // Table index of a distance d is d + radius + 1, cut to the window.
    let high = runs.to[run] - reachLeft + radius + 1;
    let low = runs.from[run] - 1 - reachLeft + radius + 1;
    for (let x = reachLeft; x <= reachRight; x++, at += 3, high--, low--) {
      const h = Math.min(high, most);
      const l = Math.max(low, 0);
      moments[at] += zeroth[h] - zeroth[l];
      moments[at + 1] += first[h] - first[l];
      moments[at + 2] += second[h] - second[l];
    }
  }
}

/** Sums the rows' moments around one pixel and writes its six channels. */
function describe(
  out: Float32Array,
  { moments, left, width, top, bottom }: Box,
  { radius, weight }: Kernel,
  rowStep: number,
  sigma: number,
  y: number,
  x: number,
  margin: number,
  size: number,
): void {
  const reach = radius - (radius % rowStep);
  let dy = -Math.min(reach, Math.floor((y - top) / rowStep) * rowStep);
  const lastDy = Math.min(reach, bottom - y);
  let mass = 0;
  let sumY = 0;
  let sumX = 0;
  let sumYY = 0;
  let sumYX = 0;
  let sumXX = 0;
  const stride = 3 * width * rowStep;
  let at = 3 * ((y + dy - top) * width + x - left);
  for (; dy <= lastDy; dy += rowStep, at += stride) {
    const w = weight[dy + radius];
    const m0 = w * moments[at];
    const m1 = w * moments[at + 1];
    mass += m0;
    sumY += dy * m0;
    sumYY += dy * dy * m0;
    sumX += m1;
    sumYX += dy * m1;
    sumXX += w * moments[at + 2];
  }
  const meanY = sumY / mass;
  const meanX = sumX / mass;
  const varianceY = Math.max(0, sumYY / mass - meanY * meanY);
  const varianceX = Math.max(0, sumXX / mass - meanX * meanX);
  const spread = Math.sqrt(varianceY * varianceX);
  const correlation = spread > 1e-3 ? (sumYX / mass - meanY * meanX) / spread : 0;
  const to = LSD_CHANNELS * ((y - margin) * size + x - margin);
  const inverse = 1 / (sigma * sigma);
  out[to] = unit(0.5 + (0.5 * meanY) / sigma);
  out[to + 1] = unit(0.5 + (0.5 * meanX) / sigma);
  out[to + 2] = unit(varianceY * inverse);
  out[to + 3] = unit(varianceX * inverse);
  out[to + 4] = unit(0.5 + 0.5 * correlation);
  out[to + 5] = unit(mass);
}

function unit(value: number): number {
  return Math.min(1, Math.max(0, value));
}
