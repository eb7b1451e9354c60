/** Separable Gaussian smoothing of a dense image; beyond the border the edge pixel repeats. */

/** Taps of a normalised Gaussian, from the middle outwards. */
function halfKernel(sigma: number): Float32Array {
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const taps = new Float32Array(radius + 1);
  let sum = 0;
  for (let i = 0; i <= radius; i++) {
    taps[i] = sigma > 0 ? Math.exp((-0.5 * i * i) / (sigma * sigma)) : i === 0 ? 1 : 0;
    sum += i === 0 ? taps[i] : 2 * taps[i];
  }
  return taps.map((tap) => tap / sum);
}

/** Smoothed copy of `image` [height × width]; `sigma` in pixels. */
export function gaussianBlur(
  image: Float32Array,
  height: number,
  width: number,
  sigma: number,
): Float32Array {
  const taps = halfKernel(sigma);
  const middle = new Float32Array(image.length);
  const out = new Float32Array(image.length);
  const padded = new Float32Array(width + 2 * (taps.length - 1));
  const sums = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    blurRow(image, y * width, taps, padded, sums);
    middle.set(sums, y * width);
  }
  for (let y = 0; y < height; y++) blurAcross(middle, out, y, height, width, taps);
  return out;
}

/** Smooths one row into `sums`, with `padded` as scratch. */
function blurRow(
  image: Float32Array,
  row: number,
  taps: Float32Array,
  padded: Float32Array,
  sums: Float64Array,
): void {
  const radius = taps.length - 1;
  const width = sums.length;
  padded.fill(image[row], 0, radius);
  padded.set(image.subarray(row, row + width), radius);
  padded.fill(image[row + width - 1], radius + width);
  for (let x = 0; x < width; x++) sums[x] = taps[0] * padded[x + radius];
  for (let i = 1; i <= radius; i++) addTap(padded, radius - i, radius + i, taps[i], sums);
}

function addTap(padded: Float32Array, left: number, right: number, tap: number, sums: Float64Array): void {
  for (let x = 0; x < sums.length; x++) sums[x] += tap * (padded[left + x] + padded[right + x]);
}

function blurAcross(
  image: Float32Array,
  out: Float32Array,
  y: number,
  height: number,
  width: number,
  taps: Float32Array,
): void {
  const row = y * width;
  for (let x = 0; x < width; x++) out[row + x] = taps[0] * image[row + x];
  for (let i = 1; i < taps.length; i++) {
    const up = Math.max(0, y - i) * width;
    const down = Math.min(height - 1, y + i) * width;
    addTapAcross(image, up, down, taps[i], out, row, width);
  }
}

function addTapAcross(
  image: Float32Array,
  up: number,
  down: number,
  tap: number,
  out: Float32Array,
  row: number,
  width: number,
): void {
  for (let x = 0; x < width; x++) out[row + x] += tap * (image[up + x] + image[down + x]);
}
