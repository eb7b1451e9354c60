/**
 * Items by descending key: a radix sort of the keys' bits, two passes of 16 (LSD; Knuth, vol. 3, 5.2.5). Linear
 * time, and equal keys stay in order, so runs repeat.
 */

const BUCKETS = 1 << 16;

/**
 * @param items what to order, entries of `key`; not mutated.
 * @param key compared as float32; no NaN.
 */
export function descendingOrder(items: Uint32Array, key: Float64Array | Float32Array): Uint32Array {
  const { length } = items;
  const bits = sortableBits(items, key);
  const byLow = new Uint32Array(length); // positions in `items`
  scatter(length, (i) => i, bits, 0, byLow);
  const byHigh = new Uint32Array(length);
  scatter(length, (i) => byLow[i], bits, 16, byHigh);
  for (let i = 0; i < length; i++) byHigh[i] = items[byHigh[i]];
  return byHigh;
}

/** Unsigned integers that ascend as the keys descend. */
function sortableBits(items: Uint32Array, key: Float64Array | Float32Array): Uint32Array {
  const floats = new Float32Array(items.length);
  for (let i = 0; i < items.length; i++) floats[i] = key[items[i]] + 0; // -0 as 0
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < bits.length; i++) {
    // a positive float's bits ascend with it, a negative one's descend
    if (bits[i] < 0x80000000) bits[i] = 0x7fffffff - bits[i];
  }
  return bits;
}

/** One stable pass: the positions that `at` gives, by the 16 bits from `shift` on. */
function scatter(
  length: number,
  at: (i: number) => number,
  bits: Uint32Array,
  shift: number,
  out: Uint32Array,
): void {
  const next = new Uint32Array(BUCKETS + 1);
  for (let i = 0; i < length; i++) next[((bits[i] >>> shift) & (BUCKETS - 1)) + 1]++;
  for (let bucket = 1; bucket < BUCKETS; bucket++) next[bucket] += next[bucket - 1];
  for (let i = 0; i < length; i++) {
    const position = at(i);
    out[next[(bits[position] >>> shift) & (BUCKETS - 1)]++] = position;
  }
}
