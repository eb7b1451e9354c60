/**
 * Smooth noise in three dimensions, one section at a time: value noise (Perlin's lattice idea with random values
 * instead of gradients) with smoothstep interpolation. A section costs a few nanoseconds a pixel because lattice
 * rows are interpolated in z and y once and only x is done per pixel.
 */
import { hash3 } from './random.ts';

/** Where the pixels of a section lie in tissue: nm of pixel (0, 0), nm a pixel, and the size. */
export interface SectionGrid {
  readonly height: number;
  readonly width: number;
  readonly originY: number;
  readonly originX: number;
  readonly pixelY: number;
  readonly pixelX: number;
}

/** Brings the deviation of the interpolated lattice near 1. */
const NOISE_GAIN = 2.9;

function latticeRow(into: Float32Array, x0: number, iy: number, iz: number, tz: number, seed: number): void {
  for (let i = 0; i < into.length; i++) {
    const below = hash3(x0 + i, iy, iz, seed);
    const above = hash3(x0 + i, iy, iz + 1, seed);
    into[i] = (below + (above - below) * tz) / 2147483648 - 1;
  }
}

const smooth = (t: number) => t * t * (3 - 2 * t);

/** Adds `amplitude` × noise at height `zNm` to `out`; features are about one `wavelengthNm` apart. Mutates `out`. */
export function addNoise(
  out: Float32Array,
  grid: SectionGrid,
  zNm: number,
  wavelengthNm: number,
  zWavelengthNm: number,
  amplitude: number,
  seed: number,
): void {
  const { height, width } = grid;
  const iz = Math.floor(zNm / zWavelengthNm);
  const tz = smooth(zNm / zWavelengthNm - iz);
  const x0 = Math.floor(grid.originX / wavelengthNm);
  const columns = Math.floor((grid.originX + width * grid.pixelX) / wavelengthNm) - x0 + 3;
  const index = new Int32Array(width);
  const weight = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const at = (grid.originX + x * grid.pixelX) / wavelengthNm;
    index[x] = Math.floor(at) - x0;
    weight[x] = smooth(at - Math.floor(at));
  }
  let upper = new Float32Array(columns);
  let lower = new Float32Array(columns);
  const row = new Float32Array(columns);
  let rowY = Number.NaN;
  const gain = amplitude * NOISE_GAIN;
  for (let y = 0; y < height; y++) {
    const at = (grid.originY + y * grid.pixelY) / wavelengthNm;
    const iy = Math.floor(at);
    if (iy !== rowY) {
      if (iy === rowY + 1) {
        const spare = upper;
        upper = lower;
        lower = spare;
      } else {
        latticeRow(upper, x0, iy, iz, tz, seed);
      }
      latticeRow(lower, x0, iy + 1, iz, tz, seed);
      rowY = iy;
    }
    const ty = smooth(at - iy);
    for (let i = 0; i < columns; i++) row[i] = (upper[i] + (lower[i] - upper[i]) * ty) * gain;
    const start = y * width;
    for (let x = 0; x < width; x++) {
      const i = index[x];
      out[start + x] += row[i] + (row[i + 1] - row[i]) * weight[x];
    }
  }
}

/** Noise at one point, as {@link addNoise} would put it there with amplitude 1: the plain reference. */
export function noiseAt(
  zNm: number,
  yNm: number,
  xNm: number,
  wavelengthNm: number,
  zWavelengthNm: number,
  seed: number,
): number {
  const iz = Math.floor(zNm / zWavelengthNm);
  const iy = Math.floor(yNm / wavelengthNm);
  const ix = Math.floor(xNm / wavelengthNm);
  const t = [zNm / zWavelengthNm - iz, yNm / wavelengthNm - iy, xNm / wavelengthNm - ix].map(smooth);
  let sum = 0;
  for (let corner = 0; corner < 8; corner++) {
    const [dz, dy, dx] = [corner >> 2, (corner >> 1) & 1, corner & 1];
    const value = hash3(ix + dx, iy + dy, iz + dz, seed) / 2147483648 - 1;
    sum += value * (dz ? t[0] : 1 - t[0]) * (dy ? t[1] : 1 - t[1]) * (dx ? t[2] : 1 - t[2]);
  }
  return sum * NOISE_GAIN;
}

/** Below this a blur does nothing. */
const LEAST_SIGMA = 0.15;

/** Weights of a Gaussian at 0, 1, 2, ... pixels; both sides sum to 1. */
function halfKernel(sigma: number): Float32Array {
  const radius = Math.max(1, Math.ceil(2.6 * sigma));
  const kernel = new Float32Array(radius + 1);
  let sum = 0;
  for (let k = 0; k <= radius; k++) {
    kernel[k] = Math.exp((-0.5 * k * k) / (sigma * sigma));
    sum += k === 0 ? kernel[k] : 2 * kernel[k];
  }
  return kernel.map((weight) => weight / sum);
}

/** What a blur leaves of the deviation of white noise. */
export function blurredDeviation(sigma: number): number {
  if (sigma < LEAST_SIGMA) return 1;
  return halfKernel(sigma).reduce((sum, weight, k) => sum + (k === 0 ? 1 : 2) * weight * weight, 0);
}

/** Gaussian blur in place with deviation `sigma` pixels, edges replicated; `scratch` as long as `image`. */
export function blurInPlace(
  image: Float32Array,
  height: number,
  width: number,
  sigma: number,
  scratch: Float32Array,
): void {
  if (sigma < LEAST_SIGMA) return;
  const kernel = halfKernel(sigma);
  const radius = kernel.length - 1;
  const line = new Float32Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    const start = y * width;
    line.fill(image[start], 0, radius);
    line.set(image.subarray(start, start + width), radius);
    line.fill(image[start + width - 1], radius + width);
    for (let x = 0; x < width; x++) {
      let value = kernel[0] * line[x + radius];
      for (let k = 1; k <= radius; k++) value += kernel[k] * (line[x + radius - k] + line[x + radius + k]);
      scratch[start + x] = value;
    }
  }
  for (let y = 0; y < height; y++) {
    const start = y * width;
    for (let x = 0; x < width; x++) image[start + x] = kernel[0] * scratch[start + x];
    for (let k = 1; k <= radius; k++) {
      const above = Math.max(0, y - k) * width;
      const below = Math.min(height - 1, y + k) * width;
      const weight = kernel[k];
      for (let x = 0; x < width; x++) image[start + x] += weight * (scratch[above + x] + scratch[below + x]);
    }
  }
}

/** Sum of the four bytes of a hash, as a number of mean 0 and deviation 1 (near enough to normal). */
export function byteNormal(h: number): number {
  return ((h & 255) + ((h >>> 8) & 255) + ((h >>> 16) & 255) + (h >>> 24) - 510) / 147.8;
}

/**
 * Fine grain without the lattice's straight lines: white noise blurred to features of about `grainNm`, of deviation
 * 1, that changes over `depthNm` across sections. Returns a new image; `scratch` is as long.
 */
export function grain(
  grid: SectionGrid,
  zNm: number,
  grainNm: number,
  depthNm: number,
  seed: number,
  scratch: Float32Array,
): Float32Array {
  const { height, width } = grid;
  const out = new Float32Array(height * width);
  const iz = Math.floor(zNm / depthNm);
  const t = zNm / depthNm - iz;
  const sigma = Math.max(0.5, (0.4 * grainNm) / grid.pixelX);
  const gain = 1 / (blurredDeviation(sigma) * Math.sqrt(t * t + (1 - t) * (1 - t)));
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      const low = byteNormal(hash3(x, y, iz, seed));
      out[p] = gain * (t === 0 ? low : low * (1 - t) + t * byteNormal(hash3(x, y, iz + 1, seed)));
    }
  }
  blurInPlace(out, height, width, sigma, scratch);
  return out;
}
