/**
 * Random numbers that are the same everywhere: xoshiro128** (Blackman & Vigna 2018) whose state is filled
 * by hashing any number of integer keys with splitmix32-style mixing. `new Random(seed, step, sample)` is
 * therefore a stream of its own for each (seed, step, sample), whoever asks and in whatever order.
 * Not for secrets.
 */

/** Mixes integer keys into one uint32; every key and its position matter. */
export function hash32(...keys: number[]): number {
  let state = 0x9e3779b9;
  for (const key of keys) {
    state = mix(state ^ mix(key | 0));
    // Keys beyond 32 bits (and negative ones) count in full.
    const high = Math.floor(key / 0x1_0000_0000);
    if (high !== 0 && high !== -1) state = mix(state ^ mix(high | 0));
    state = (state + 0x9e3779b9) | 0;
  }
  return mix(state) >>> 0;
}

function mix(value: number): number {
  let h = value + 0x9e3779b9;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return h ^ (h >>> 15);
}

/** A stream of random numbers, fixed by its integer keys. Each call advances the stream. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;
  readonly #keys: readonly number[];

  constructor(...keys: number[]) {
    this.#keys = keys;
    this.#a = hash32(...keys, 1) | 0;
    this.#b = hash32(...keys, 2) | 0;
    this.#c = hash32(...keys, 3) | 0;
    this.#d = hash32(...keys, 4) | 1;
  }

  /** An independent stream: the same keys followed by `keys`, wherever this stream has got to. */
  fork(...keys: number[]): Random {
    return new Random(...this.#keys, ...keys);
  }

  /** Uniform integer in 0 … 2³²−1. */
  uint32(): number {
    const m = Math.imul(this.#b, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in [0, 1), 32 bits. */
  float(): number {
    return this.uint32() * 2.3283064365386963e-10;
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** Uniform integer in 0 … bound−1 (bound ≥ 1). */
  int(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** Standard normal (Box–Muller; two draws a call). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    return radius * Math.cos(2 * Math.PI * this.float());
  }

  /** Index drawn in proportion to non-negative weights that are not all 0. */
  pick(weights: ArrayLike<number>): number {
    let total = 0;
    for (let i = 0; i < weights.length; i++) total += weights[i];
    let at = this.float() * total;
    let last = 0;
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] <= 0) continue;
      if (at < weights[i]) return i;
      at -= weights[i];
      last = i;
    }
    return last;
  }
}
