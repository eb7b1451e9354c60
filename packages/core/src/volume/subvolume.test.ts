import { describe, expect, it } from 'vitest';
import { ndarray, toDense, type Vec3 } from './array.ts';
import type { LabelSource } from './contracts.ts';
import { subvolume, subvolumeShape } from './subvolume.ts';

/** Every voxel's value is 100 z + 10 y + x. */
function counted(shape: Vec3, extra: Partial<LabelSource['info']> = {}): LabelSource {
  const [depth, height, width] = shape;
  const info = { dtype: 'uint32', format: 'memory', location: 'memory', notes: [] };
  return {
    info: { shape: [depth, height, width], voxelSizeNm: [40, 8, 8], ...info, ...extra },
    read: async (z) =>
      ndarray(
        Uint32Array.from(
          { length: height * width },
          (_, i) => 100 * z + 10 * Math.floor(i / width) + (i % width),
        ),
        [height, width],
      ),
    close: async () => {},
  };
}

describe('subvolume', () => {
  it('is the volume itself where nothing is cut', () => {
    const source = counted([3, 4, 5]);
    expect(subvolume(source, { zStep: 1 })).toBe(source);
  });

  it('cuts a box and takes every second section', async () => {
    const part = subvolume(counted([7, 4, 5]), {
      bbox: { min: [1, 1, 2], max: [6, 3, undefined] },
      zStep: 2,
    });
    expect(part.info.shape).toEqual([3, 2, 3]);
    expect(part.info.voxelSizeNm).toEqual([80, 8, 8]);
    const sections = await Promise.all([0, 1, 2].map((z) => part.read(z)));
    expect(sections.map((section) => [...toDense(section).data])).toEqual([
      [112, 113, 114, 122, 123, 124],
      [312, 313, 314, 322, 323, 324],
      [512, 513, 514, 522, 523, 524],
    ]);
    await expect(part.read(3)).rejects.toMatchObject({ code: 'shape' });
  });

  it('says where the box begins', () => {
    const bbox = { min: [3, 2, 1] as Vec3, max: [undefined, undefined, undefined] as const };
    const origin = (info: Partial<LabelSource['info']>, options = {}) =>
      subvolume(counted([9, 4, 5], info), { bbox, ...options }).info.originNm;
    expect(origin({})).toEqual([120, 16, 8]);
    expect(origin({ originNm: [1000, 0.5, 0] }, { zStep: 2 })).toEqual([1120, 16.5, 8]);
    expect(origin({ voxelSizeNm: [4.6, 0.1, 0.1] })).toEqual([13.8, 0.2, 0.1]);
    expect(origin({ originNm: [1, 2, 3], voxelSizeNm: undefined })).toBeUndefined();
    expect(origin({ originNm: [1, 2, 3] }, { bbox: undefined, zStep: 2 })).toEqual([1, 2, 3]);
  });

  it('keeps names and positions of the sections it takes', () => {
    const info = { sectionNames: ['a', 'b', 'c', 'd'], sectionPositions: [0, 1, 4, 5] };
    const part = subvolume(counted([4, 1, 1], info), { bbox: { min: [1, 0, 0], max: [4, 1, 1] }, zStep: 2 });
    expect(part.info.sectionNames).toEqual(['b', 'd']);
    expect(part.info.sectionPositions).toEqual([0, 2]);
  });

  it('refuses a box that reaches out', () => {
    const box = { min: [0, 0, 3] as Vec3, max: [undefined, undefined, 6] as const };
    expect(() => subvolumeShape([2, 4, 5], { bbox: box })).toThrow('the box x 3:6 reaches out of 0:5');
    expect(() => subvolumeShape([2, 4, 5], { bbox: { ...box, min: [2, 0, 0] } })).toThrow('z 2:2');
  });
});
