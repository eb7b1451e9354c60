import { describe, expect, it } from 'vitest';
import { crudePredictor } from '../pipeline/testing/crude-predictor.ts';
import { type NdArray, ndarray, toDense } from '../volume/array.ts';
import type { Offset2, Predictor } from '../volume/contracts.ts';
import { Random } from '../volume/random.ts';
import { planTiles, sectionPredictor } from './predict-section.ts';
import { mirrorIndex, planAxis } from './tiles.ts';

function randomImage(height: number, width: number, seed = 3): NdArray<Float32Array> {
  const random = new Random(seed);
  return ndarray(
    Float32Array.from({ length: height * width }, () => random.normal()),
    [height, width],
  );
}

describe('planAxis', () => {
  const options = { multiple: 16, maxSide: 128, halo: 12 };

  it.each([1, 15, 16, 17, 127, 128, 129, 130, 200, 256, 300, 500, 1000, 1013])(
    'covers %i pixels',
    (extent) => {
      const { side, start, weight } = planAxis(extent, options);
      expect(side % 16).toBe(0);
      expect(side).toBeLessThanOrEqual(128);
      const sum = new Float64Array(extent);
      start.forEach((first, i) => {
        expect(first % 4).toBe(0);
        expect(first + side).toBeLessThan(Math.max(extent, side) + 4);
        weight[i].forEach((w, p) => {
          if (first + p < extent) sum[first + p] += w;
          else expect(w).toBe(0);
        });
      });
      expect(Math.max(...sum.map((total) => Math.abs(total - 1)))).toBeLessThan(1e-5);
      for (let i = 1; i < start.length; i++) {
        // the pixels without context at the edges between tiles count for nothing
        expect(weight[i].slice(0, 5).every((w) => w === 0)).toBe(true);
        expect(weight[i - 1].slice(-5).every((w) => w === 0)).toBe(true);
      }
    },
  );

  it('wastes little on large sections', () => {
    const large = { multiple: 16, maxSide: 1024, halo: 24 };
    for (const extent of [1500, 2048, 3000, 4096, 5000]) {
      const { side, start } = planAxis(extent, large);
      expect((side * start.length) / extent).toBeLessThan(1.07);
    }
  });

  it('mirrors about the first and last pixel', () => {
    expect([-2, -1, 0, 1, 2, 3, 4, 5].map((i) => mirrorIndex(i, 3))).toEqual([2, 1, 0, 1, 2, 1, 0, 1]);
    expect([-4, -3, -1, 0, 2, 3, 4, 5, 9].map((i) => mirrorIndex(i, 4))).toEqual([2, 3, 1, 0, 2, 3, 2, 1, 3]);
    expect([-3, -2, 0, 5, 7].map((i) => mirrorIndex(i, 1))).toEqual([0, 0, 0, 0, 0]);
  });
});

describe('sectionPredictor', () => {
  it.each([
    [200, 180],
    [64, 64],
    [65, 300],
    [7, 9],
    [1, 1],
  ])('gives for tiles of %i×%i what one large tile gives', async (height, width) => {
    const image = randomImage(height, width);
    const tiled = crudePredictor({ tileSize: 64 });
    const whole = crudePredictor({ tileSize: 512 });
    const a = toDense((await sectionPredictor(tiled, height, width).predict([image])).affinities);
    const b = toDense((await sectionPredictor(whole, height, width).predict([image])).affinities);
    expect(a.shape).toEqual([4, height, width]);
    expect(whole.tiles).toBe(1);
    const offsets = tiled.info.offsets;
    let largest = 0;
    for (let c = 0; c < 4; c++) {
      // affinities to partners outside the section mean nothing
      for (let y = 0; y < height - offsets[c][0]; y++) {
        for (let x = 0; x < width - offsets[c][1]; x++) {
          const p = (c * height + y) * width + x;
          largest = Math.max(largest, Math.abs(a.data[p] - b.data[p]));
        }
      }
    }
    expect(largest).toBeLessThan(1e-5);
  });

  it('has two tiles on their way, never more, and reuses its buffers', async () => {
    const crude = crudePredictor({ tileSize: 64 });
    const inputs = new Set<ArrayBufferLike>();
    let under = 0;
    let most = 0;
    const watched: Predictor = {
      ...crude,
      async predict(tiles) {
        inputs.add(tiles.data.buffer);
        most = Math.max(most, ++under);
        await new Promise((resolve) => setTimeout(resolve, 1));
        const out = await crude.predict(tiles);
        under--;
        return out;
      },
    };
    const section = sectionPredictor(watched, 200, 200);
    const image = randomImage(200, 200);
    const results: NdArray<Float32Array>[] = [];
    for (let i = 0; i < section.ahead + 2; i++) results.push((await section.predict([image])).affinities);
    const [first, second] = results;
    const last = results[section.ahead + 1];
    expect(most).toBe(2);
    expect(inputs.size).toBe(2);
    expect(second.data).not.toBe(first.data);
    expect(last.data).toBe(first.data);
    expect(last.data.every((value, p) => value === second.data[p])).toBe(true);
  });

  it('has two sections of one tile on their way, and each gets its own result', async () => {
    const crude = crudePredictor({ tileSize: 64 });
    let under = 0;
    let most = 0;
    const slow: Predictor = {
      ...crude,
      async predict(tiles) {
        most = Math.max(most, ++under);
        const out = await crude.predict(tiles);
        await new Promise((resolve) => setTimeout(resolve, 2));
        under--;
        return out;
      },
    };
    const section = sectionPredictor(slow, 64, 64);
    expect(section.ahead).toBe(2);
    const images = [1, 2, 3].map((seed) => randomImage(64, 64, seed));
    const together = await Promise.all(images.map((image) => section.predict([image])));
    expect(most).toBe(2);
    for (const [i, { affinities }] of together.entries()) {
      const alone = await sectionPredictor(crude, 64, 64).predict([images[i]]);
      expect(toDense(affinities).data).toEqual(toDense(alone.affinities).data);
    }
  });

  it('averages over mirrored copies where asked to, pair by pair', async () => {
    // Says of every pair which pixel is the upper or left one: the mean over mirrored copies is the same for all.
    const offsets: readonly Offset2[] = [
      [-1, 0],
      [0, -1],
      [2, 2],
      [2, -2],
      [1, 3],
    ];
    const crude = crudePredictor({ offsets, tileSize: 512, tileMultiple: 1 });
    const [height, width] = [24, 33];
    const image = randomImage(height, width);
    const plain = toDense((await sectionPredictor(crude, height, width).predict([image])).affinities).data;
    const averaged = toDense(
      (await sectionPredictor(crude, height, width, { flips: true }).predict([image])).affinities,
    ).data;
    expect(crude.tiles).toBe(5);
    offsets.forEach(([dy, dx], c) => {
      for (let y = Math.max(0, -dy); y < Math.min(height, height - dy); y++) {
        for (let x = Math.max(0, -dx); x < Math.min(width, width - dx); x++) {
          const p = (c * height + y) * width + x;
          // the crude predictor sees a straight line, which is the same seen from the other end or mirrored
          if (dy === 0 || dx === 0 || Math.abs(dy) === Math.abs(dx)) {
            expect(averaged[p]).toBeCloseTo(plain[p], 5);
          }
        }
      }
    });
    expect(averaged.every(Number.isFinite)).toBe(true);
  });

  it.each([
    ['that come in pairs', [-1, 0], [1, 0], [0, -2], [0, 2]],
    ['of which one has no counterpart', [-1, 0], [0, 2]],
  ] as [string, ...Offset2[]][])(
    'turns what mirrored copies say of neighbouring sections back, with displacements %s',
    async (_, ...displacements) => {
      const crude = crudePredictor({ tileSize: 512, tileMultiple: 1 });
      const [height, width] = [24, 33];
      // says the grey value here, twice, and that at every displacement
      const seeing: Predictor = {
        info: { ...crude.info, cross: { displacements, stride: 1 } },
        close: () => crude.close(),
        async predict(tiles) {
          const [, , rows, columns] = tiles.shape;
          const grey = (y: number, x: number) =>
            tiles.data[mirrorIndex(y, rows) * columns + mirrorIndex(x, columns)];
          const values = [[0, 0], [0, 0], ...displacements].flatMap(([dy, dx]) =>
            Array.from({ length: rows * columns }, (__, p) =>
              grey(Math.floor(p / columns) + dy, (p % columns) + dx),
            ),
          );
          const cross = ndarray(Float32Array.from(values), [1, 2 + displacements.length, rows, columns]);
          return { ...(await crude.predict(tiles)), cross };
        },
      };
      const image = randomImage(height, width);
      const plain = (await sectionPredictor(seeing, height, width).predict([image])).cross;
      const averaged = (await sectionPredictor(seeing, height, width, { flips: true }).predict([image]))
        .cross;
      expect(averaged?.shape).toEqual([2 + displacements.length, height, width]);
      averaged?.data.forEach((value, p) => {
        expect(value).toBeCloseTo(plain?.data[p] ?? Number.NaN, 5);
      });
    },
  );

  it('sends no more tiles after one has failed', async () => {
    const crude = crudePredictor({ tileSize: 64 });
    let sent = 0;
    const failing: Predictor = {
      ...crude,
      async predict(tiles) {
        if (++sent === 3) throw new Error('out of memory');
        return crude.predict(tiles);
      },
    };
    await expect(sectionPredictor(failing, 300, 300).predict([randomImage(300, 300)])).rejects.toThrow(
      'memory',
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(sent).toBeLessThanOrEqual(5);
  });

  it('refuses a network that answers in another size', async () => {
    const crude = crudePredictor({ tileSize: 64 });
    const odd: Predictor = {
      ...crude,
      predict: async () => ({ affinities: ndarray(new Float32Array(4 * 9), [1, 4, 3, 3]) }),
    };
    await expect(sectionPredictor(odd, 40, 40).predict([randomImage(40, 40)])).rejects.toThrow(
      /network gives/,
    );
  });

  it('plans tiles that a network of 32-pixel steps can take', () => {
    const info = { ...crudePredictor().info, tileMultiple: 32, tileSize: 500, halo: 20 };
    const { rows, columns } = planTiles(999, 31, info);
    expect([rows.side % 32, columns.side]).toEqual([0, 32]);
    expect(rows.side).toBeLessThanOrEqual(480);
  });
});
