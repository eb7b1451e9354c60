/**
 * Fourier transform of small images: radix-2 Cooley-Tukey, in place, rows then columns. Sides are powers of two.
 */

export interface ComplexImage {
  readonly side: number;
  /** Dense [side × side]. */
  readonly re: Float32Array;
  readonly im: Float32Array;
}

/** Transforms in place; `inverse` without the division by side². */
export function fft2InPlace({ side, re, im }: ComplexImage, inverse = false): void {
  const twiddle = twiddles(side, inverse);
  for (let y = 0; y < side; y++) fftLine(re, im, y * side, 1, side, twiddle);
  for (let x = 0; x < side; x++) fftLine(re, im, x, side, side, twiddle);
}

interface Twiddles {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly reversed: Uint16Array;
}

const tables = new Map<number, Twiddles>();

/** Kept for the next transform of the size; the inverse has its sines negated. */
function twiddles(side: number, inverse: boolean): Twiddles {
  const key = inverse ? -side : side;
  const known = tables.get(key) ?? makeTwiddles(side, inverse);
  tables.set(key, known);
  return known;
}

function makeTwiddles(side: number, inverse: boolean): Twiddles {
  const cos = new Float32Array(side / 2);
  const sin = new Float32Array(side / 2);
  for (let i = 0; i < side / 2; i++) {
    const angle = ((inverse ? 2 : -2) * Math.PI * i) / side;
    cos[i] = Math.cos(angle);
    sin[i] = Math.sin(angle);
  }
  const reversed = new Uint16Array(side);
  for (let i = 1; i < side; i++) reversed[i] = (reversed[i >> 1] >> 1) | (i & 1 ? side >> 1 : 0);
  return { cos, sin, reversed };
}

function fftLine(
  re: Float32Array,
  im: Float32Array,
  start: number,
  step: number,
  side: number,
  { cos, sin, reversed }: Twiddles,
): void {
  for (let i = 0; i < side; i++) {
    const j = reversed[i];
    if (j <= i) continue;
    const a = start + i * step;
    const b = start + j * step;
    const r = re[a];
    const i2 = im[a];
    re[a] = re[b];
    im[a] = im[b];
    re[b] = r;
    im[b] = i2;
  }
  for (let half = 1; half < side; half *= 2) {
    const turn = side / (2 * half);
    for (let base = 0; base < side; base += 2 * half) {
      for (let k = 0; k < half; k++) {
        const c = cos[k * turn];
        const s = sin[k * turn];
        const a = start + (base + k) * step;
        const b = a + half * step;
        const tr = re[b] * c - im[b] * s;
        const ti = re[b] * s + im[b] * c;
        re[b] = re[a] - tr;
        im[b] = im[a] - ti;
        re[a] += tr;
        im[a] += ti;
      }
    }
  }
}
