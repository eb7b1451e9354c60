/**
 * 64-bit ids as uint32: ids that fit keep their number; a wider one gets a free number found by hashing
 * it, so that the same id nearly always gets the same number whatever is read first, and always within one
 * volume. Two ids never share a number: the table remembers who has which (open addressing over the whole
 * uint32 range). Negative ids count as wide, as what they are without a sign (-1 is 2^64 - 1).
 */
import type { StoredData } from './plane.ts';

/** Ids converted by one call: the engine compiles what is called often once and for all. */
const STRETCH = 4096;

const KEPT_MASK = 4095;

export class WideIds {
  /** Wide id -> its number. */
  private readonly numberOf = new Map<bigint, number>();
  /** Number -> the id that has it; only kept once there are wide ids. */
  readonly ownerOf = new Map<number, bigint>();
  /** Numbers that narrow ids had before the first wide id came. */
  private readonly narrow = new Set<number>();

  /** Narrow ids met of late that keep their number, by their last bits; an id that is there stays narrow. */
  private readonly kept = new Uint32Array(KEPT_MASK + 1);

  /** How many wide ids were renumbered so far. */
  get size(): number {
    return this.numberOf.size;
  }

  /** Writes 64-bit `data` as uint32 into `out` (same length). */
  convert(data: BigUint64Array | BigInt64Array, out: Uint32Array): void {
    const halves = new Uint32Array(data.buffer, data.byteOffset, data.length * 2);
    for (let from = 0; from < out.length; from += STRETCH) {
      this.convertStretch(halves, out, from, Math.min(out.length, from + STRETCH));
    }
  }

  /** The same for ids that all fit; in place. */
  convertNarrow(data: Uint32Array): void {
    for (let i = 0; i < data.length; ) {
      const id = data[i];
      const start = i++;
      while (i < data.length && data[i] === id) i++;
      const number = this.numberFor(id, 0);
      if (number !== id) data.fill(number, start, i);
    }
  }

  /** Run by run of one id. */
  private convertStretch(halves: Uint32Array, out: Uint32Array, from: number, to: number): void {
    for (let i = from; i < to; ) {
      const low = halves[2 * i];
      const high = halves[2 * i + 1];
      const start = i++;
      while (i < to && halves[2 * i] === low && halves[2 * i + 1] === high) i++;
      const number = this.numberFor(low, high);
      for (let p = start; p < i; p++) out[p] = number;
    }
  }

  private numberFor(low: number, high: number): number {
    if (high !== 0) return this.wide((BigInt(high) << 32n) | BigInt(low));
    return this.kept[low & KEPT_MASK] === low ? low : this.narrowId(low);
  }

  /** The number of a narrow id: its own, unless a wide one already has that. */
  private narrowId(id: number): number {
    if (id === 0) return 0;
    const owner = this.ownerOf.get(id);
    if (owner === undefined || owner === BigInt(id)) {
      this.narrow.add(id);
      this.kept[id & KEPT_MASK] = id;
      return id;
    }
    return this.wide(BigInt(id));
  }

  private wide(id: bigint): number {
    const known = this.numberOf.get(id);
    if (known !== undefined) return known;
    let number = mix(Number(id & 0xffffffffn), Number(BigInt.asUintN(32, id >> 32n)));
    while (number === 0 || this.narrow.has(number) || this.ownerOf.has(number)) {
      number = (number + 1) >>> 0;
    }
    this.numberOf.set(id, number);
    this.ownerOf.set(number, id);
    return number;
  }
}

/** uint32 ids as 64-bit ones; what stands for a wider id becomes that again (`LabelSource.wideIds`). */
export function widened(data: Uint32Array, wideIds?: ReadonlyMap<number, bigint>): BigUint64Array {
  const halves = new Uint32Array(data.length * 2);
  for (let i = 0; i < data.length; i++) halves[2 * i] = data[i];
  const ids = new BigUint64Array(halves.buffer);
  if (!wideIds?.size) return ids;
  for (let i = 0; i < data.length; i++) {
    ids[i] = i > 0 && data[i] === data[i - 1] ? ids[i - 1] : (wideIds.get(data[i]) ?? ids[i]);
  }
  return ids;
}

/** Finaliser of MurmurHash3 (Appleby, public domain) over both halves. */
function mix(low: number, high: number): number {
  let h = (low ^ Math.imul(high, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** True for 64-bit data. */
export function isWide(data: StoredData): data is BigUint64Array | BigInt64Array {
  return data instanceof BigUint64Array || data instanceof BigInt64Array;
}
