/**
 * Changes of a section's looks that leave its shapes alone: grey curve, uneven illumination, blur, noise.
 * They work on normalised grey values; afterwards the section's statistics are put right again by what the
 * tile's mean and variance changed, because at inference the statistics are taken after all of this.
 */
import { Random } from '@kyn/core';
import type { AugmentOptions } from './augment-options.ts';
import type { GreyCurve } from './normalise.ts';
import { evaluateLattice, randomLattice } from './spline-field.ts';

/** A grey curve: gamma, then a random monotone curve; undefined where neither is drawn. */
export function drawGreyCurve(random: Random, options: AugmentOptions): GreyCurve | undefined {
  const { gamma, curve } = options;
  const power = random.chance(gamma.probability)
    ? Math.exp(random.uniform(-gamma.logRange, gamma.logRange))
    : 1;
  const bends = random.chance(curve.probability)
    ? monotoneCurve(random, curve.points, curve.strength)
    : undefined;
  if (power === 1 && !bends) return undefined;
  return (t) => {
    const grey = t ** power;
    return bends ? bends(grey) : grey;
  };
}

/** Piecewise linear from (0, 0) to (1, 1) over random rises, mixed with the identity. */
function monotoneCurve(random: Random, points: number, strength: number): GreyCurve {
  const levels = [0];
  for (let i = 0; i < points; i++) levels.push(levels[i] + random.uniform(0.05, 1));
  const top = levels[points];
  return (t) => {
    const at = Math.min(points - 1, Math.floor(t * points));
    const bent = (levels[at] + (t * points - at) * (levels[at + 1] - levels[at])) / top;
    return t + strength * (bent - t);
  };
}

/** Changes the looks of a `size` × `size` tile in place. */
export function changeLooksInPlace(
  tile: Float32Array,
  size: number,
  random: Random,
  options: AugmentOptions,
): void {
  const { illumination, blur, noise, statistics } = options;
  const light = random.chance(illumination.probability);
  const soft = random.chance(blur.probability);
  const noisy = random.chance(noise.probability);
  if (light || soft || noisy) {
    const [low, high] = range(tile);
    const before = moments(tile);
    if (light) illuminateInPlace(tile, size, random, illumination);
    if (soft) blurInPlace(tile, size, random.uniform(0.3, blur.maxSigma));
    if (noisy) {
      const [gaussian, shot] = [random.uniform(0, noise.gaussian), random.uniform(0, noise.shot)];
      const grain = noise.maxGrain > 0 ? random.uniform(0, noise.maxGrain) : 0;
      addNoiseInPlace(tile, size, random, { gaussian, shot, grain });
    }
    const after = moments(tile);
    const gained = after.variance - before.variance;
    const reach = 1.5 * Math.sqrt(Math.max(0, gained));
    const scale = 1 / Math.sqrt(Math.max(0.25, 1 + gained));
    const shift = after.mean - before.mean;
    for (let i = 0; i < tile.length; i++) {
      tile[i] = (Math.min(high + reach, Math.max(low - reach, tile[i])) - shift) * scale;
    }
  }
  if (random.chance(statistics.probability)) {
    const gain = 1 + random.uniform(-statistics.gain, statistics.gain);
    const offset = random.uniform(-statistics.offset, statistics.offset);
    for (let i = 0; i < tile.length; i++) tile[i] = tile[i] * gain + offset;
  }
}

function range(tile: Float32Array): [number, number] {
  let low = tile[0];
  let high = tile[0];
  for (let i = 1; i < tile.length; i++) {
    if (tile[i] < low) low = tile[i];
    else if (tile[i] > high) high = tile[i];
  }
  return [low, high];
}

function moments(tile: Float32Array): { mean: number; variance: number } {
  let sum = 0;
  let square = 0;
  for (let i = 0; i < tile.length; i++) {
    sum += tile[i];
    square += tile[i] * tile[i];
  }
  const mean = sum / tile.length;
  return { mean, variance: Math.max(0, square / tile.length - mean * mean) };
}

function illuminateInPlace(
  tile: Float32Array,
  size: number,
  random: Random,
  options: AugmentOptions['illumination'],
): void {
  const offset = evaluateLattice(randomLattice(random, size, options.spacing, options.offset * 2), size);
  const gain = evaluateLattice(randomLattice(random, size, options.spacing, options.gain * 2), size);
  for (let i = 0; i < tile.length; i++) tile[i] = tile[i] * (1 + gain[i]) + offset[i];
}

/** Gaussian blur, edges repeated. */
export function blurInPlace(tile: Float32Array, size: number, sigma: number): void {
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const kernel = new Float32Array(2 * radius + 1);
  let total = 0;
  for (let i = -radius; i <= radius; i++) {
    kernel[i + radius] = Math.exp((-i * i) / (2 * sigma * sigma));
    total += kernel[i + radius];
  }
  for (let i = 0; i < kernel.length; i++) kernel[i] /= total;
  const last = size - 1;
  const padded = new Float32Array(size + 2 * radius);
  for (let y = 0; y < size; y++) {
    const row = y * size;
    padded.set(tile.subarray(row, row + size), radius);
    padded.fill(tile[row], 0, radius);
    padded.fill(tile[row + last], radius + size);
    for (let x = 0; x < size; x++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k] * padded[x + k];
      tile[row + x] = sum;
    }
  }
  const source = tile.slice();
  tile.fill(0);
  for (let y = 0; y < size; y++) {
    const to = y * size;
    for (let k = -radius; k <= radius; k++) {
      const from = Math.min(last, Math.max(0, y + k)) * size;
      const weight = kernel[k + radius];
      for (let x = 0; x < size; x++) tile[to + x] += weight * source[from + x];
    }
  }
}

const NORMALS = 1 << 13;
let normalTable: Float32Array | undefined;

/** Standard normal values to draw from at random: quick, and the same in every thread. */
function normals(): Float32Array {
  if (normalTable) return normalTable;
  const random = new Random(0x6e6f726d);
  const table = new Float32Array(NORMALS);
  for (let i = 0; i < NORMALS; i++) table[i] = random.normal();
  const { mean, variance } = moments(table);
  for (let i = 0; i < NORMALS; i++) table[i] = (table[i] - mean) / Math.sqrt(variance);
  normalTable = table;
  return table;
}

/** Noise of less blur than this is white. */
const LEAST_GRAIN = 0.3;

/** Normal values of spread 1, one a pixel, smoothed by `grain` (Gaussian sigma, px). */
function noiseField(size: number, random: Random, grain: number): Float32Array {
  const table = normals();
  const field = new Float32Array(size * size);
  let bits = 0;
  for (let i = 0; i < field.length; i++) {
    bits = (i & 1) === 0 ? random.uint32() : bits >>> 16;
    field[i] = table[bits & (NORMALS - 1)];
  }
  if (grain < LEAST_GRAIN) return field;
  blurInPlace(field, size, grain);
  const spread = Math.sqrt(moments(field).variance);
  return field.map((value) => value / spread);
}

/**
 * Adds normal noise of spread `gaussian`, and of spread `shot` where the tile is brightest (0 at its darkest).
 * @param grain sigma that the noise is smoothed by, px
 */
export function addNoiseInPlace(
  tile: Float32Array,
  size: number,
  random: Random,
  {
    gaussian,
    shot = 0,
    grain = 0,
  }: { readonly gaussian: number; readonly shot?: number; readonly grain?: number },
): void {
  const field = noiseField(size, random, grain);
  const [low, high] = range(tile);
  const base = gaussian * gaussian;
  const slope = high > low ? (shot * shot) / (high - low) : 0;
  for (let i = 0; i < tile.length; i++) tile[i] += Math.sqrt(base + slope * (tile[i] - low)) * field[i];
}
