import { describe, expect, it } from 'vitest';
import type { VolumeInfo } from '../volume/contracts.ts';
import { inputNotes, voxelSizeDoubt } from './input-notes.ts';

describe('voxel sizes', () => {
  it.each([
    [[40, 8, 8]],
    [[45, 4.6, 4.6]],
    [[10, 10, 10]],
    [[30, 1.2, 1.2]],
    [[50, 64, 64]],
    [[1000, 5, 6]],
  ] as const)('%s are believed', (size) => expect(voxelSizeDoubt(size)).toBeUndefined());

  it.each([
    [[40, 300, 300], /300×300×40 nm .*hardly those of electron microscopy.*--voxel-size X,Y,Z/],
    [[40, 0.001, 0.001], /hardly those of electron microscopy/],
    [[0.04, 8, 8], /hardly/],
    [[1, 1, 1], /nobody told them.*--voxel-size/],
    [[8, 8, 40], /pixels of 40×8 nm are far from square/],
  ] as const)('%s are doubted', (size, says) => expect(voxelSizeDoubt(size)).toMatch(says));
});

describe('input', () => {
  const info = (shape: VolumeInfo['shape'], dtype: string): VolumeInfo => ({
    shape,
    dtype,
    voxelSizeNm: undefined,
    format: '',
    location: '',
    notes: [],
  });
  it('that is usual gets no note', () => {
    expect(inputNotes(info([5, 100, 90], 'uint8'), [100, 90])).toEqual([]);
  });
  it.each(['uint16', 'int16', 'float32'])('of %s says what is done', (dtype) => {
    expect(inputNotes(info([5, 100, 90], dtype), [100, 90])).toEqual([
      expect.stringMatching(new RegExp(`^${dtype} pixels`)),
    ]);
  });
  it('of one section, or tiny ones, says so', () => {
    expect(inputNotes(info([1, 100, 90], 'uint8'), [100, 90])).toEqual([
      expect.stringMatching(/one section only/),
    ]);
    expect(inputNotes(info([3, 1, 1], 'uint8'), [1, 1])).toEqual([expect.stringMatching(/sections of 1×1/)]);
  });
});
