import type { LabelSource, NdArray, SectionSource, VolumeInfo } from '@kyn/core';
import { ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { loadTrainingVolume } from './load-volume.ts';
import { cellVolume } from './testing/cells.ts';
import type { TrainingVolume } from './volume.ts';

const volume = cellVolume([3, 20, 30], 8);

function info(shape = volume.raw.shape, voxelSizeNm?: VolumeInfo['voxelSizeNm']): VolumeInfo {
  return {
    shape: shape as [number, number, number],
    voxelSizeNm,
    dtype: 'x',
    format: 'memory',
    location: 'here',
    notes: [],
  };
}

function sectionOf<D extends Uint8Array | Uint32Array>(array: NdArray<D>, z: number): NdArray<D> {
  const plane = array.shape[1] * array.shape[2];
  return ndarray(array.data.slice(z * plane, (z + 1) * plane) as D, array.shape.slice(1));
}

function sources(from: TrainingVolume, grey: (bytes: Uint8Array) => Uint8Array | Uint16Array | Float32Array) {
  const close = async () => {};
  const raw: SectionSource = {
    info: info(from.raw.shape, [40, 8, 8]),
    read: async (z) => {
      const section = sectionOf(from.raw, z);
      return ndarray(grey(section.data), section.shape);
    },
    close,
  };
  const labels: LabelSource = {
    info: info(from.labels.shape),
    read: async (z) => sectionOf(from.labels, z),
    close,
  };
  return { raw, labels };
}

describe('loadTrainingVolume', () => {
  it('reads voxels as they are, into shared memory', async () => {
    const { raw, labels } = sources(volume, (bytes) => bytes);
    const loaded = await loadTrainingVolume(raw, labels, { weight: 2, zSteps: [1, 2] });
    expect(loaded).toMatchObject({ name: 'here', weight: 2, zSteps: [1, 2], voxelSizeNm: [40, 8, 8] });
    expect(Array.from(loaded.raw.data)).toEqual(Array.from(volume.raw.data));
    expect(Array.from(loaded.labels.data)).toEqual(Array.from(volume.labels.data));
    expect(loaded.raw.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(loaded.labels.data.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('brings other grey types to bytes that rise with them', async () => {
    const { raw, labels } = sources(volume, (bytes) => Float32Array.from(bytes, (v) => v * 1e-3 - 7));
    const { data } = (await loadTrainingVolume(raw, labels)).raw;
    const order = Array.from(data.keys()).slice(0, 600);
    order.sort((a, b) => volume.raw.data[a] - volume.raw.data[b]);
    expect(order.every((at, i) => i === 0 || data[at] >= data[order[i - 1]])).toBe(true);
    expect(new Set(data).size).toBeGreaterThan(50);
  });

  it('refuses what there is nothing to learn from', async () => {
    const { raw, labels } = sources(volume, (bytes) => bytes);
    const none = { ...labels, read: async () => ndarray(new Uint32Array(600), [20, 30]) };
    await expect(loadTrainingVolume(raw, none)).rejects.toThrow('no pixel of it is labelled');
    const blank = { ...raw, read: async () => ndarray(new Uint8Array(600).fill(7), [20, 30]) };
    await expect(loadTrainingVolume(blank, labels)).rejects.toThrow('all of its pixels have one value');
  });

  it('refuses other shapes and an unknown voxel size', async () => {
    const { raw, labels } = sources(volume, (bytes) => bytes);
    await expect(loadTrainingVolume(raw, { ...labels, info: info([3, 20, 31]) })).rejects.toThrow(
      'labels are 3×20×31',
    );
    await expect(loadTrainingVolume({ ...raw, info: info() }, labels)).rejects.toThrow('voxel size');
  });
});
