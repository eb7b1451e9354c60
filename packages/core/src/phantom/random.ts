/**
 * Random numbers as pure functions. Everything a phantom shows is a hash of (seed, place), so that any section can
 * be drawn alone and in any order. Integer mixing after the "lowbias32" family of Wellons' hash prospector.
 */

/** A 32-bit hash of up to three integers and a seed. */
export function hash3(a: number, b: number, c: number, seed: number): number {
  let h = seed ^ Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d);
  h ^= h >>> 16;
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** {@link hash3} as a number in 0..1 (1 excluded). */
export function unit3(a: number, b: number, c: number, seed: number): number {
  return hash3(a, b, c, seed) / 4294967296;
}

/** A seed for a named purpose, so that two purposes never share their numbers. */
export function deriveSeed(seed: number, purpose: string): number {
  let h = seed | 0;
  for (let i = 0; i < purpose.length; i++) h = hash3(h, purpose.charCodeAt(i), i, 0x51ed27) | 0;
  return h;
}

/** A sequence of random numbers: `next` in 0..1, `normal` with mean 0 and deviation 1. */
export interface Random {
  next(): number;
  normal(): number;
}

/** A sequence for `seed` (counter-based: the n-th number is a hash of n). */
export function randomSequence(seed: number): Random {
  let counter = 0;
  const next = () => unit3(counter++, 0x2545f4, 0, seed);
  return {
    next,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}
