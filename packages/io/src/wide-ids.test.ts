import { join } from 'node:path';
import { type LabelSink, type LabelSource, subvolume, toDense } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { asLabelSource } from './adapt.ts';
import { createCremiHdf5, createLabelZarr, openLabels } from './node/index.ts';
import { fixture, labelSection, shape, temporaryFolder, voxelSizeNm } from './testing/volume.ts';
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

  it('keeps ids that are known to fit, unless a wide one has their number', () => {
    const ids = new WideIds();
    const [taken] = convert(ids, [2n ** 40n]);
    const data = Uint32Array.of(0, 5, 5, taken, taken, 7);
    ids.convertNarrow(data);
    const [, five, , other, again, seven] = data;
    expect([data[0], five, seven]).toEqual([0, 5, 7]);
    expect(other).not.toBe(taken);
    expect(again).toBe(other);
    expect(ids.ownerOf.get(other)).toBe(BigInt(taken));
    // and the other way round
    const later = new WideIds();
    later.convertNarrow(Uint32Array.of(taken));
    expect(convert(later, [2n ** 40n])).not.toEqual([taken]);
  });

  it('tells 200,000 ids apart', () => {
    const ids = Array.from({ length: 200_000 }, (_, i) => BigInt(i) * 0x1_0000_0001n + 2n ** 33n);
    expect(new Set(convert(new WideIds(), ids)).size).toBe(200_000);
  });
});

/** The ids of a section as the file has them. */
async function exactIds(source: LabelSource, z: number): Promise<bigint[]> {
  const { data } = toDense(await source.read(z));
  return Array.from(data, (id) => source.wideIds?.get(id) ?? BigInt(id));
}

describe('64-bit volumes', () => {
  const sinks = {
    async zarr(path: string, wideIds: LabelSource['wideIds']) {
      return createLabelZarr(path, { shape, voxelSizeNm, dtype: 'uint64', wideIds });
    },
    async h5(path: string, wideIds: LabelSource['wideIds']): Promise<LabelSink> {
      const file = await createCremiHdf5(path, { shape, voxelSizeNm, labels: 'uint64', wideIds });
      return { write: async (z, labels) => file.labels?.write(z, labels), close: () => file.close() };
    },
  };
  it.each(['zarr', 'h5'] as const)('are written to %s with the ids they have', async (ending) => {
    const path = join(await temporaryFolder(), `ids.${ending}`);
    const source = subvolume(await openLabels(fixture('wide-ids.h5')), {
      bbox: { min: [0, 0, 0], max: shape },
    });
    const sink = await sinks[ending](path, source.wideIds);
    for (let z = 0; z < 5; z++) await sink.write(z, await source.read(z));
    await sink.close();
    const written = await openLabels(path);
    for (let z = 0; z < 5; z++) {
      const truth = Array.from(labelSection(z).data, (id) => BigInt(id) + (id % 2 === 1 ? 2n ** 40n : 0n));
      expect(await exactIds(source, z)).toEqual(truth);
      expect(await exactIds(written, z)).toEqual(truth);
    }
    await Promise.all([source.close(), written.close()]);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('tell ids apart whichever planes fit 32 bits: %i, then %i', async (...order) => {
    const [taken] = convert(new WideIds(), [2n ** 40n]);
    const planes = [Uint32Array.of(taken, 7, 0), BigUint64Array.of(2n ** 40n, 7n, 0n)];
    const info = { shape: [2, 1, 3], dtype: 'uint64', format: '', location: 'memory', notes: [] } as const;
    const source = asLabelSource({
      info: { ...info, voxelSizeNm: undefined },
      readPlane: async (z) => ({ data: planes[z], height: 1, width: 3 }),
      close: async () => {},
    });
    const truth = [
      [BigInt(taken), 7n, 0n],
      [2n ** 40n, 7n, 0n],
    ];
    for (const z of order) expect(await exactIds(source, z)).toEqual(truth[z]);
  });

  it('know negative and whole fractional ids, too', async () => {
    const values = Float64Array.of(-1, -(2 ** 40), 2 ** 40 + 3, 2 ** 32, 7, 0);
    const info = { shape: [1, 1, 6], dtype: 'float64', format: '', location: 'memory', notes: [] } as const;
    const plane = { data: values, height: 1, width: 6 };
    const source = asLabelSource({
      info: { ...info, voxelSizeNm: undefined },
      readPlane: async () => plane,
      close: async () => {},
    });
    expect(await exactIds(source, 0)).toEqual(Array.from(values, (id) => BigInt.asUintN(64, BigInt(id))));
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
