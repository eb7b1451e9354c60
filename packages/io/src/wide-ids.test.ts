import { describe, expect, it } from 'vitest';
import { openLabels } from './node/index.ts';
import { fixture, labelSection } from './testing/volume.ts';
import { WideIds } from './wide-ids.ts';

function convert(ids: WideIds, values: readonly bigint[]): number[] {
  const out = new Uint32Array(values.length);
  ids.convert(BigUint64Array.from(values), out);
  return [...out];
}

describe('WideIds', () => {
  it('keeps ids that fit', () => {
    const ids = new WideIds();
    expect(convert(ids, [0n, 1n, 1n, 4294967295n, 7n])).toEqual([0, 1, 1, 4294967295, 7]);
    expect(ids.size).toBe(0);
  });

  it('gives the same id the same number, whatever came before', () => {
    const wide = [2n ** 40n, 2n ** 63n + 5n, 2n ** 64n - 1n];
    const one = convert(new WideIds(), wide);
    const other = convert(new WideIds(), [...wide].reverse()).reverse();
    expect(other).toEqual(one);
    expect(new Set(one).size).toBe(3);
    expect(one).not.toContain(0);
  });

  it('never gives two ids one number', () => {
    const ids = new WideIds();
    const [taken] = convert(new WideIds(), [2n ** 40n]);
    // A narrow id sits on the number that the wide one would get, before and after it.
    expect(new Set(convert(ids, [BigInt(taken), 2n ** 40n])).size).toBe(2);
    const later = new WideIds();
    const [wide, narrow, again] = convert(later, [2n ** 40n, BigInt(taken), BigInt(taken)]);
    expect(wide).toBe(taken);
    expect(narrow).not.toBe(taken);
    expect(again).toBe(narrow);
  });

  it('tells 200,000 ids apart', () => {
    const ids = Array.from({ length: 200_000 }, (_, i) => BigInt(i) * 0x1_0000_0001n + 2n ** 33n);
    expect(new Set(convert(new WideIds(), ids)).size).toBe(200_000);
  });
});

it('reads a volume with 64-bit ids as the same partition', async () => {
  const source = await openLabels(fixture('wide-ids.h5'));
  const numberOf = new Map<number, number>();
  for (let z = 0; z < 5; z++) {
    const { data } = await source.read(z);
    const { data: truth } = labelSection(z);
    truth.forEach((id, i) => {
      const number = numberOf.get(id) ?? data[i];
      numberOf.set(id, number);
      expect(data[i]).toBe(number);
      if (id % 2 === 0) expect(number).toBe(id);
    });
  }
  expect(new Set(numberOf.values()).size).toBe(numberOf.size);
  await source.close();
});
