/**
 * Which pixels of a section show tissue. Not tissue are pixels without a value (NaN, infinite) and the constant
 * fill that alignment leaves around a section: a flat area of one single value that reaches the border.
 *
 * Real images are never flat over 7 × 7 pixels, not even where they are saturated along a membrane, so the fill
 * is what an opening with such a square (erosion, then dilation) leaves of the pixels of that value, as far as it
 * is connected to the border.
 */

import type { RawSection } from '../volume/contracts.ts';

/** Half the side of the flat square, in pixels. */
const FLAT_RADIUS = 3;

/** A border run of one value this long makes the value a candidate for fill. */
const BORDER_RUN = 12;

/** At most this many fill values are looked for. */
const MAX_FILL_VALUES = 4;

export interface Tissue {
  /** Dense [height × width], 1 = tissue; undefined where every pixel is. */
  readonly mask: Uint8Array | undefined;
  /** Pixels without a value. */
  readonly invalidPixels: number;
  /** Pixels of constant fill. */
  readonly fillPixels: number;
}

/** Finds the tissue of a dense float image. */
export function findTissue(image: Float32Array, height: number, width: number): Tissue {
  let mask: Uint8Array | undefined;
  let invalidPixels = 0;
  for (let y = 0; y < height; y++) {
    const invalid = countInvalid(image, y * width, (y + 1) * width);
    if (invalid === 0) continue;
    mask ??= new Uint8Array(image.length).fill(1);
    for (let p = y * width; p < (y + 1) * width; p++) if (image[p] - image[p] !== 0) mask[p] = 0;
    invalidPixels += invalid;
  }
  let fillPixels = 0;
  for (const value of fillCandidates(image, height, width)) {
    const fill = fillOfValue(image, height, width, value);
    if (!fill) continue;
    mask ??= new Uint8Array(image.length).fill(1);
    for (let p = 0; p < fill.length; p++) {
      if (fill[p] === 0) continue;
      mask[p] = 0;
      fillPixels++;
    }
  }
  return { mask, invalidPixels, fillPixels };
}

/** Pixels of a section as it was read that are NaN or infinite; averaging may leave nothing of them. */
export function invalidPixels({ data, shape, stride }: RawSection): number {
  if (!(data instanceof Float32Array)) return 0;
  let count = 0;
  for (let y = 0; y < shape[0]; y++) {
    for (let x = 0, p = y * stride[0]; x < shape[1]; x++, p += stride[1])
      if (data[p] - data[p] !== 0) count++;
  }
  return count;
}

/** Pixels of a row that are NaN or infinite. */
function countInvalid(image: Float32Array, from: number, to: number): number {
  let count = 0;
  for (let p = from; p < to; p++) if (image[p] - image[p] !== 0) count++;
  return count;
}

/** Values that stand in a long run on the border. */
function fillCandidates(image: Float32Array, height: number, width: number): number[] {
  const found: number[] = [];
  const scan = (start: number, step: number, count: number) => {
    let run = 0;
    for (let i = 1; i < count; i++) {
      const p = start + i * step;
      const value = image[p];
      // pixels without a value are left out already
      run = value === image[p - step] && Number.isFinite(value) ? run + 1 : 0;
      if (run + 1 === BORDER_RUN && !found.includes(value) && found.length < MAX_FILL_VALUES) {
        found.push(value);
      }
    }
  };
  scan(0, 1, width);
  scan((height - 1) * width, 1, width);
  scan(0, width, height);
  scan(width - 1, width, height);
  return found;
}

/** Flat areas of `value` that reach the border, 1 a pixel; undefined where there is none. */
function fillOfValue(
  image: Float32Array,
  height: number,
  width: number,
  value: number,
): Uint8Array | undefined {
  const opened = flatAreas(image, height, width, value);
  const fill = new Uint8Array(image.length);
  const queue: number[] = [];
  const visit = (p: number) => {
    if (opened[p] === 0 || fill[p] !== 0) return;
    fill[p] = 1;
    queue.push(p);
  };
  for (let x = 0; x < width; x++) {
    visit(x);
    visit((height - 1) * width + x);
  }
  for (let y = 0; y < height; y++) {
    visit(y * width);
    visit(y * width + width - 1);
  }
  if (queue.length === 0) return undefined;
  for (let p = queue.pop(); p !== undefined; p = queue.pop()) {
    const x = p % width;
    if (x > 0) visit(p - 1);
    if (x + 1 < width) visit(p + 1);
    if (p >= width) visit(p - width);
    if (p + width < image.length) visit(p + width);
  }
  return fill;
}

/** Opening of `image === value` with a flat square; beyond the border counts as equal. */
function flatAreas(image: Float32Array, height: number, width: number, value: number): Uint8Array {
  const equal = new Uint8Array(image.length);
  for (let p = 0; p < image.length; p++) equal[p] = image[p] === value ? 1 : 0;
  const eroded = alongRows(equal, height, width, true);
  const seeds = alongColumns(eroded, height, width, true);
  return alongColumns(alongRows(seeds, height, width, false), height, width, false);
}

function alongRows(from: Uint8Array, height: number, width: number, erode: boolean): Uint8Array {
  const out = new Uint8Array(from.length);
  for (let y = 0; y < height; y++) morphLine(from, out, y * width, 1, width, erode);
  return out;
}

function alongColumns(from: Uint8Array, height: number, width: number, erode: boolean): Uint8Array {
  const out = new Uint8Array(from.length);
  for (let x = 0; x < width; x++) morphLine(from, out, x, width, height, erode);
  return out;
}

/** Erosion or dilation of one line of 0/1 by the flat radius: a running count of the window. */
function morphLine(
  from: Uint8Array,
  out: Uint8Array,
  start: number,
  step: number,
  count: number,
  erode: boolean,
): void {
  let ones = 0;
  let inside = 0;
  for (let i = 0; i < Math.min(FLAT_RADIUS, count); i++, inside++) ones += from[start + i * step];
  for (let i = 0; i < count; i++) {
    if (i + FLAT_RADIUS < count) {
      ones += from[start + (i + FLAT_RADIUS) * step];
      inside++;
    }
    if (i - FLAT_RADIUS - 1 >= 0) {
      ones -= from[start + (i - FLAT_RADIUS - 1) * step];
      inside--;
    }
    out[start + i * step] = (erode ? ones === inside : ones > 0) ? 1 : 0;
  }
}
