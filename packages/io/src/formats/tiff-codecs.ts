/**
 * TIFF decompression and predictors (TIFF 6.0; Technical Note 3 for the floating-point predictor). Each decoder
 * fills a block of known size and says so when the data end early.
 */

import type { Inflate } from '../inflate.ts';
import { zstdDecode } from './zstd.ts';

/** Names of compression schemes, for messages; those with a decoder are in {@link decompress}. */
export const compressionNames: Readonly<Record<number, string>> = {
  1: 'none',
  2: 'CCITT RLE',
  3: 'CCITT fax 3',
  4: 'CCITT fax 4',
  5: 'LZW',
  6: 'old JPEG',
  7: 'JPEG',
  8: 'deflate',
  32773: 'PackBits',
  32946: 'deflate',
  34712: 'JPEG 2000',
  34887: 'LERC',
  50000: 'Zstandard',
  50001: 'WebP',
};

/** Name of a scheme; undefined where nothing is compressed. */
export function compressionOf(scheme = 1): string | undefined {
  return scheme === 1 ? undefined : (compressionNames[scheme] ?? `number ${scheme}`);
}

/** The bytes of one strip or tile; undefined where the scheme is not supported. Throws on damaged data. */
export async function decompress(
  bytes: Uint8Array,
  scheme: number,
  size: number,
  inflate: Inflate,
): Promise<Uint8Array | undefined> {
  switch (scheme) {
    case 1:
      return bytes;
    case 5:
      return unpackLzw(bytes, size);
    case 8:
    case 32946:
      return inflate(bytes, size);
    case 32773:
      return unpackBits(bytes, size);
    case 50000:
      return zstdDecode(bytes);
    default:
      return undefined;
  }
}

/** PackBits: n ≥ 0 copies n + 1 bytes, n < 0 repeats the next byte 1 - n times, -128 does nothing. */
export function unpackBits(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let to = 0;
  for (let from = 0; from < bytes.length && to < size; ) {
    const n = (bytes[from++] << 24) >> 24;
    if (n >= 0) {
      out.set(bytes.subarray(from, Math.min(from + n + 1, from + size - to)), to);
      to += n + 1;
      from += n + 1;
    } else if (n !== -128) {
      out.fill(bytes[from++], to, to + 1 - n);
      to += 1 - n;
    }
  }
  return out.subarray(0, Math.min(to, size));
}

const clearCode = 256;
const endCode = 257;

/**
 * LZW as TIFF has it: codes of 9 to 12 bits, most significant bit first, widened one code early. Strings are
 * kept as (where it was written, length), so that each code is one copy inside the output.
 */
export function unpackLzw(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const start = new Int32Array(4096);
  const length = new Int32Array(4096);
  let next = 258;
  let width = 9;
  let bits = 0;
  let held = 0;
  let to = 0;
  let previousStart = 0;
  let previousLength = 0;
  let from = 0;
  while (to < size) {
    while (held < width) {
      if (from >= bytes.length) return out.subarray(0, to);
      bits = ((bits << 8) | bytes[from++]) & 0xffffff;
      held += 8;
    }
    const code = (bits >> (held - width)) & ((1 << width) - 1);
    held -= width;
    if (code === endCode) break;
    if (code === clearCode) {
      next = 258;
      width = 9;
      previousLength = 0;
      continue;
    }
    const at = to;
    let copied: number;
    if (code < 256) {
      out[to] = code;
      copied = 1;
    } else if (code < next) {
      copied = length[code];
      copyInside(out, start[code], to, Math.min(copied, size - to));
    } else if (code === next && previousLength > 0) {
      // The string being defined right now: the previous one and its own first byte.
      copied = previousLength + 1;
      copyInside(out, previousStart, to, Math.min(copied, size - to));
    } else {
      throw new Error(`LZW code ${code} is not defined yet`);
    }
    if (previousLength > 0 && next < 4096) {
      start[next] = previousStart;
      length[next] = previousLength + 1;
      next++;
      if (next === 511 || next === 1023 || next === 2047) width++;
    }
    to += copied;
    previousStart = at;
    previousLength = copied;
  }
  return out.subarray(0, Math.min(to, size));
}

/** Forward byte copy; source and target may overlap. */
function copyInside(out: Uint8Array, from: number, to: number, count: number): void {
  for (let i = 0; i < count; i++) out[to + i] = out[from + i];
}

/** Reverses the byte order of elements of `size` bytes, in place. */
export function swapBytesInPlace(bytes: Uint8Array, size: number): void {
  if (size < 2) return;
  for (let at = 0; at + size <= bytes.length; at += size) {
    for (let i = 0, j = size - 1; i < j; i++, j--) {
      const kept = bytes[at + i];
      bytes[at + i] = bytes[at + j];
      bytes[at + j] = kept;
    }
  }
}

/** Predictor 2, in place: each sample was stored as the difference to the one `channels` before it. */
export function undoDifferencesInPlace(
  samples: Uint8Array | Uint16Array | Uint32Array | BigUint64Array,
  rowSamples: number,
  channels: number,
): void {
  const data = samples as Uint8Array; // the arithmetic is the same for every width but 64 bit
  if (samples instanceof BigUint64Array) {
    for (let row = 0; row < samples.length; row += rowSamples) {
      for (let i = channels; i < rowSamples; i++) samples[row + i] += samples[row + i - channels];
    }
    return;
  }
  for (let row = 0; row < data.length; row += rowSamples) {
    for (let i = channels; i < rowSamples; i++) data[row + i] += data[row + i - channels];
  }
}

/**
 * Predictor 3: a row of floats was stored as its bytes by significance (all first bytes, then all second, ...,
 * most significant first), differenced byte by byte. Returns little-endian floats.
 */
export function undoFloatPredictor(
  bytes: Uint8Array,
  rowSamples: number,
  channels: number,
  size: number,
): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const rowBytes = rowSamples * size;
  const row = new Uint8Array(rowBytes);
  for (let start = 0; start + rowBytes <= bytes.length; start += rowBytes) {
    row.set(bytes.subarray(start, start + rowBytes));
    for (let i = channels; i < rowBytes; i++) row[i] += row[i - channels];
    for (let i = 0; i < rowSamples; i++) {
      for (let b = 0; b < size; b++) out[start + i * size + b] = row[(size - 1 - b) * rowSamples + i];
    }
  }
  return out;
}
