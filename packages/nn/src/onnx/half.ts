/** Numbers of 16 bit (IEEE 754 binary16), as ONNX's `float16` holds them: half of the room for trained weights. */

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** Highest finite number. */
const MOST = 65504;

/** The nearest number of 16 bit, ties to the even one; beyond ±65504 that; NaN stays NaN. */
function encodeHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  single[0] = Math.max(-MOST, Math.min(MOST, value));
  const bits = word[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // below 2^-14 numbers lie 2^-24 apart
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(single[0]) * 2 ** 24);
  // 13 bits fewer, and another bias of the exponent; what rounding carries over raises the exponent, as it should
  const kept = magnitude - ((127 - 15) << 23);
  return sign | ((kept + 0xfff + ((kept >>> 13) & 1)) >>> 13);
}

function roundToEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

function decodeHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** @returns the bits of each */
export function toHalf(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from({ length: values.length }, (_, i) => encodeHalf(values[i]));
}

/** @param bits as {@link toHalf} returns them */
export function fromHalf(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, decodeHalf);
}
