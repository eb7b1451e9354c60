import { describe, expect, it } from 'vitest';
import { isKynError } from '../errors.ts';
import { ndarray, type Vec3 } from '../volume/array.ts';
import type { LabelSource } from '../volume/contracts.ts';
import type { DefectKind } from './defects.ts';
import { createPhantom, type Phantom, type PhantomOptions, renderOver } from './phantom.ts';

const small = { shape: [6, 72, 90] as Vec3, voxelSizeNm: [40, 8, 8] as Vec3, seed: 3 };

const sound = createPhantom(small);

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, v) => sum + v, 0) / values.length;

/** True where a label has another one beside it or below it. */
const onWall = (labels: Uint32Array, p: number, width: number) =>
  labels[p] !== labels[p + 1] || labels[p] !== labels[p + width];

/** Mean grey of pixels at walls, and of pixels 5 or more pixels from any. */
async function wallAndInside(phantom: Phantom, z: number): Promise<[wall: number, inside: number]> {
  const [, height, width] = phantom.raw.info.shape;
  const image = (await phantom.raw.read(z)).data;
  const labels = (await phantom.labels.read(z)).data;
  const wall: number[] = [];
  const inside: number[] = [];
  for (let y = 5; y < height - 6; y++) {
    for (let x = 5; x < width - 6; x++) {
      const p = y * width + x;
      if (onWall(labels, p, width)) wall.push(image[p]);
      const corners = [
        -5 * width - 5,
        -5 * width + 5,
        5 * width - 5,
        5 * width + 5,
        -5,
        5,
        -5 * width,
        5 * width,
      ];
      if (corners.every((step) => labels[p + step] === labels[p])) inside.push(image[p]);
    }
  }
  return [mean(wall), mean(inside)];
}

function memory(data: Uint32Array, shape: Vec3): LabelSource & { reads: number[] } {
  const size = shape[1] * shape[2];
  const reads: number[] = [];
  return {
    reads,
    info: {
      shape,
      voxelSizeNm: [40, 8, 8],
      dtype: 'uint32',
      format: 'memory',
      location: 'memory',
      notes: [],
    },
    async read(z) {
      reads.push(z);
      return ndarray(data.slice(z * size, (z + 1) * size), [shape[1], shape[2]]);
    },
    async close() {},
  };
}

describe('createPhantom', () => {
  it('gives 8-bit sections and dense labels of the shape asked for', async () => {
    const { raw, labels } = sound;
    expect(raw.info).toMatchObject({ shape: [6, 72, 90], voxelSizeNm: [40, 8, 8], dtype: 'uint8' });
    const image = await raw.read(2);
    const truth = await labels.read(2);
    expect([image.shape, truth.shape]).toEqual([
      [72, 90],
      [72, 90],
    ]);
    expect(image.data).toBeInstanceOf(Uint8Array);
    expect(truth.data.includes(0)).toBe(false);
    expect(new Set(truth.data).size).toBeGreaterThan(3);
  });

  it('gives the same section in any order, from any instance', async () => {
    const a = sound;
    const first = [await a.raw.read(0), await a.raw.read(4)];
    const truth = await a.labels.read(4);
    const b = createPhantom(small);
    expect((await b.labels.read(4)).data).toEqual(truth.data);
    expect((await b.raw.read(4)).data).toEqual(first[1].data);
    for (let z = 5; z >= 0; z--) await b.raw.read(z);
    expect((await b.raw.read(0)).data).toEqual(first[0].data);
  });

  it('gives another volume for another seed', async () => {
    const a = await sound.labels.read(0);
    const b = await createPhantom({ ...small, seed: 4 }).labels.read(0);
    expect(b.data).not.toEqual(a.data);
  });

  it.each(['sstem', 'fibsem', 'varied'] as const)('draws walls darker than cells (%s)', async (look) => {
    const [wall, inside] = await wallAndInside(createPhantom({ ...small, look }), 1);
    expect(inside - wall).toBeGreaterThan(12);
  });

  it('keeps what belongs together: sections in line overlap far more than chance', async () => {
    const { labels } = createPhantom({ ...small, voxelSizeNm: [10, 8, 8] });
    const [a, b] = [(await labels.read(2)).data, (await labels.read(3)).data];
    expect(mean(Array.from(a, (id, p) => (id === b[p] ? 1 : 0)))).toBeGreaterThan(0.85);
  });

  it('works one voxel thin in every direction', async () => {
    for (const shape of [
      [1, 1, 1],
      [3, 1, 40],
      [3, 40, 1],
    ] as Vec3[]) {
      const { raw, labels } = createPhantom({ ...small, shape });
      expect((await raw.read(0)).data.length).toBe(shape[1] * shape[2]);
      expect((await labels.read(0)).data.includes(0)).toBe(false);
    }
  });

  it.each([
    [{ shape: [0, 5, 5] }],
    [{ shape: [4, 5.5, 5] }],
    [{ voxelSizeNm: [40, 0, 8] }],
    [{ seed: 1.5 }],
    [{ defects: { dark: 1.2 } }],
    [{ defects: { dark: 0.6, missing: 0.6 } }],
  ] as [Partial<PhantomOptions>][])('refuses %j', (options) => {
    try {
      createPhantom({ ...small, ...options });
      expect.unreachable();
    } catch (error) {
      expect(isKynError(error) && error.code).toBe('usage');
    }
  });

  it('refuses a section that is not there', async () => {
    await expect(sound.raw.read(6)).rejects.toMatchObject({ code: 'shape' });
  });
});

describe('defects', () => {
  const make = (kind: DefectKind) => createPhantom({ ...small, defects: { [kind]: 1 } });

  it('are named in the notes, and only where they are', async () => {
    const phantom = createPhantom({
      ...small,
      shape: [200, 8, 8],
      voxelSizeNm: [5, 8, 8],
      defects: { missing: 0.1, dark: 0.2 },
    });
    const count = (kind: string) =>
      phantom.raw.info.notes
        .filter((note) => note.startsWith(kind))
        .flatMap((note) => note.split(':')[1].split(','))
        .map(Number);
    expect(count('missing').length).toBeGreaterThan(8);
    expect(count('missing').length).toBeLessThan(35);
    expect(count('dark').length).toBeGreaterThan(20);
    expect(count('cracked')).toEqual([]);
    const missing = count('missing')[0];
    expect(new Set((await phantom.raw.read(missing)).data)).toEqual(new Set([0]));
    expect(new Set((await phantom.labels.read(missing)).data)).toEqual(new Set([0]));
  });

  it('darken a dark section and leave its labels', async () => {
    const dark = make('dark');
    const [a, b] = [mean((await dark.raw.read(1)).data), mean((await sound.raw.read(1)).data)];
    expect(a).toBeLessThan(0.7 * b);
    expect((await dark.labels.read(1)).data).toEqual((await sound.labels.read(1)).data);
  });

  it('move labels with the tissue in a shifted section', async () => {
    const shifted = (await make('shifted').labels.read(1)).data;
    const still = (await sound.labels.read(1)).data;
    const agreement = (dy: number, dx: number) => {
      const same: number[] = [];
      for (let y = 6; y < 66; y++) {
        for (let x = 6; x < 84; x++) same.push(shifted[y * 90 + x] === still[(y + dy) * 90 + x + dx] ? 1 : 0);
      }
      return mean(same);
    };
    let best = 0;
    for (let dy = -4; dy <= 4; dy++)
      for (let dx = -4; dx <= 4; dx++) best = Math.max(best, agreement(dy, dx));
    expect(agreement(0, 0)).toBeLessThan(0.98);
    expect(best).toBe(1);
  });

  it('leave bright cracks without labels and dark folds', async () => {
    const cracked = make('cracked');
    const image = (await cracked.raw.read(1)).data;
    const labels = (await cracked.labels.read(1)).data;
    const gap = image.filter((_, p) => labels[p] === 0);
    expect(gap.length).toBeGreaterThan(50);
    expect(Math.min(...gap)).toBeGreaterThan(220);
    const folded = (await make('folded').raw.read(1)).data;
    const before = (await sound.raw.read(1)).data;
    const black = (values: ArrayLike<number>) => Array.from(values).filter((v) => v < 45).length;
    expect(black(folded)).toBeGreaterThan(black(before) + 50);
  });
});

describe('renderOver', () => {
  const shape: Vec3 = [5, 60, 60];
  const data = Uint32Array.from({ length: 5 * 60 * 60 }, (_, p) => {
    const [z, y, x] = [Math.floor(p / 3600), Math.floor((p % 3600) / 60), p % 60];
    if (y === 30 && x === 15) return 0;
    return 1 + Math.floor((x + 2 * z) / 30) + 10 * Math.floor(y / 30);
  });

  it('gives the labels back as they are', async () => {
    const { labels } = renderOver(memory(data, shape), { seed: 1 });
    expect((await labels.read(3)).data).toEqual(data.subarray(3 * 3600, 4 * 3600));
  });

  it('draws their walls dark', async () => {
    const [wall, inside] = await wallAndInside(
      renderOver(memory(data, shape), { seed: 1, look: 'sstem' }),
      2,
    );
    expect(inside - wall).toBeGreaterThan(30);
  });

  it('reads only neighbouring sections, each once in a pass through the volume', async () => {
    const source = memory(data, shape);
    const { raw } = renderOver(source, { seed: 1 });
    await raw.read(2);
    expect([...source.reads].sort()).toEqual([1, 2, 3]);
    const again = memory(data, shape);
    const pass = renderOver(again, { seed: 1 });
    for (let z = 0; z < 5; z++) await pass.raw.read(z);
    expect(again.reads).toEqual([0, 1, 2, 3, 4]);
  });

  it('does not depend on the order of reading', async () => {
    const a = renderOver(memory(data, shape), { seed: 1 });
    for (let z = 0; z < 5; z++) await a.raw.read(z);
    const b = renderOver(memory(data, shape), { seed: 1 });
    expect((await a.raw.read(1)).data).toEqual((await b.raw.read(1)).data);
  });

  it('honours strides', async () => {
    const strided: LabelSource = {
      ...memory(data, shape),
      async read(z) {
        const wide = new Uint32Array(60 * 64);
        for (let y = 0; y < 60; y++)
          wide.set(data.subarray(z * 3600 + y * 60, z * 3600 + y * 60 + 60), y * 64);
        return { data: wide, shape: [60, 60], stride: [64, 1] };
      },
    };
    const plain = renderOver(memory(data, shape), { seed: 1 });
    expect((await renderOver(strided, { seed: 1 }).raw.read(0)).data).toEqual((await plain.raw.read(0)).data);
  });
});
