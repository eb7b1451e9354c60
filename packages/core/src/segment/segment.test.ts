import { describe, expect, it } from 'vitest';
import { type NdArray, ndarray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';
import { labelProfiles } from '../volume/profiles.ts';
import { Random } from '../volume/random.ts';
import { buildRegionGraph, poolRegions } from './region-graph.ts';
import { SEGMENT_DEFAULTS, type SegmentOptions, segment } from './segment.ts';
import { basins, interior } from './watershed.ts';
import { basinsReference, interiorReference } from './watershed-reference.ts';

const OFFSETS: Offset2[] = [
  [-1, 0],
  [0, -1],
  [-3, 0],
  [0, -3],
  [-9, 0],
  [0, -9],
  [-27, 0],
  [0, -27],
];
const options: SegmentOptions = { ...SEGMENT_DEFAULTS, offsets: OFFSETS };
const SIZES = [
  [1, 1],
  [1, 40],
  [40, 1],
  [2, 3],
  [7, 5],
  [31, 33],
  [64, 50],
];

/** Affinities of a label image: 1 within a label, 0 across, values pulled towards 0.5 and noise added. */
function affinitiesOf(labels: ArrayLike<number>, height: number, width: number, noise = 0, seed = 1) {
  const random = new Random(seed);
  const data = new Float32Array(OFFSETS.length * height * width);
  OFFSETS.forEach(([dy, dx], c) => {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const inside = y + dy >= 0 && x + dx >= 0;
        const same = !inside || labels[(y + dy) * width + x + dx] === labels[y * width + x] ? 1 : 0;
        data[(c * height + y) * width + x] = same * (1 - noise) + noise * random.float();
      }
    }
  });
  return ndarray(data, [OFFSETS.length, height, width]);
}

function noiseAffinities(height: number, width: number, seed: number): NdArray<Float32Array> {
  return affinitiesOf(new Uint8Array(height * width), height, width, 1, seed);
}

/** Squares of side `cell`, each a label. */
function squares(height: number, width: number, cell: number): Uint32Array {
  const across = Math.ceil(width / cell);
  return Uint32Array.from({ length: height * width }, (_, p) => {
    return 1 + Math.floor(Math.floor(p / width) / cell) * across + Math.floor((p % width) / cell);
  });
}

/** The same values with other strides: channels last, and every pixel twice. */
function scattered(array: NdArray<Float32Array>): NdArray<Float32Array> {
  const [channels, height, width] = array.shape;
  const stride = [1, width * channels * 2, channels * 2];
  const data = new Float32Array(height * stride[1]).fill(Number.NaN);
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < height * width; p++) data[c + p * channels * 2] = array.data[c * height * width + p];
  }
  return { data, shape: array.shape, stride };
}

describe.each(SIZES)('kernels against plain references, %i×%i', (height, width) => {
  it('interior', () => {
    for (const reach of [1, 3, 9]) {
      const affinities = noiseAffinities(height, width, reach);
      const expected = interiorReference(affinities, OFFSETS, reach);
      const got = interior(affinities, OFFSETS, reach, 0);
      expect(Math.max(...got.map((value, p) => Math.abs(value - expected[p])))).toBeLessThan(1e-6);
    }
  });

  it('basins, plateaus and masks included', () => {
    for (const levels of [1, 3, 1000]) {
      const random = new Random(levels, height, width);
      const relief = Float32Array.from({ length: height * width }, () => Math.floor(random.float() * levels));
      const mask = Uint8Array.from(relief, () => (random.float() < 0.8 ? 1 : 0));
      expect(basins(relief, height, width).labels).toEqual(basinsReference(relief, height, width));
      expect(basins(relief, height, width, mask).labels).toEqual(
        basinsReference(relief, height, width, mask),
      );
    }
  });

  it('region graph, and pooling it', () => {
    const affinities = noiseAffinities(height, width, 4);
    const labels = Uint32Array.from({ length: height * width }, (_, p) => ((p * 7919) % 13) % 5);
    const pairs = buildRegionGraph(affinities, labels, {
      offsets: OFFSETS,
      evidenceReachPixels: 9,
      stride: 2,
    });
    const pooled = poolRegions(pairs, Uint32Array.of(0, 1, 1, 2, 2));
    for (const [got, cluster] of [[pairs, [0, 1, 2, 3, 4]] as const, [pooled, [0, 1, 1, 2, 2]] as const]) {
      const plain = regionGraphReference(
        affinities,
        labels.map((l) => cluster[l]),
      );
      expect(got.count).toBe(plain.size);
      for (let i = 0; i < got.count; i++) {
        const row = plain.get(`${got.a[i]},${got.b[i]}`) ?? [];
        [...got.values.subarray(i * 4, i * 4 + 4)].forEach((v, k) => {
          expect(v).toBeCloseTo(row[k], 4);
        });
      }
    }
  });
});

/** Contact, its affinity, affinity and samples of every pair of labels, with the options of the test above. */
function regionGraphReference(affinities: NdArray<Float32Array>, labels: Uint32Array) {
  const [, height, width] = affinities.shape;
  const plain = new Map<string, number[]>();
  OFFSETS.forEach(([dy, dx], c) => {
    const length = Math.abs(dy + dx);
    if (length > 9) return;
    const step = length > 1 ? 2 : 1;
    for (let y = Math.max(0, -dy); y < height; y += step) {
      for (let x = Math.max(0, -dx); x < width; x += step) {
        const ends = [labels[y * width + x], labels[(y + dy) * width + x + dx]].sort((p, q) => p - q);
        if (ends[0] === ends[1] || ends[0] === 0) continue;
        const affinity = affinities.data[(c * height + y) * width + x];
        const old = plain.get(ends.join()) ?? [0, 0, 0, 0];
        const more = [length === 1 ? 1 : 0, length === 1 ? affinity : 0, affinity, 1];
        plain.set(
          ends.join(),
          old.map((v, k) => v + more[k]),
        );
      }
    }
  });
  return plain;
}

describe.each(SIZES)('segment, %i×%i', (height, width) => {
  it('covers every pixel with 4-connected fragments in order of first pixel, whatever the affinities', () => {
    for (const affinities of [
      noiseAffinities(height, width, 2),
      affinitiesOf(squares(height, width, 7), height, width, 0.6),
    ]) {
      const { labels, count, stats, edges } = segment(affinities, options);
      expect(labels.shape).toEqual([height, width]);
      expect(labels.data).toEqual(labelProfiles(labels).labels.data);
      expect(Math.max(...labels.data)).toBe(count);
      expect(Math.min(...labels.data)).toBe(1);
      expect(stats.count).toBe(count);
      if (count > 1) expect(Math.min(...stats.area.subarray(1))).toBeGreaterThanOrEqual(25);
      expect(edges.a.every((a, i) => a > 0 && a < edges.b[i] && edges.b[i] <= count)).toBe(true);
      expect(edges.probability.every((p) => p >= 0 && p <= 1)).toBe(true);
    }
  });

  it.each([0, 0.5, 1])('makes one fragment of constant affinity %f only where that attracts', (value) => {
    const affinities = noiseAffinities(height, width, 1);
    affinities.data.fill(value);
    const { count } = segment(affinities, options);
    if (value === 1) expect(count).toBe(1);
    expect(count).toBeLessThanOrEqual(Math.max(1, Math.floor((height * width) / 25)));
  });

  it('does not depend on strides or on what ran before, and leaves its input alone', () => {
    const affinities = affinitiesOf(squares(height, width, 11), height, width, 0.5);
    const before = affinities.data.slice();
    const first = segment(affinities, options);
    expect(affinities.data).toEqual(before);
    segment(noiseAffinities(20, 20, 9), options);
    expect(segment(affinities, options)).toEqual(first);
    expect(segment(scattered(affinities), options)).toEqual(first);
  });

  it('gives label 0 outside the mask and only there', () => {
    const random = new Random(6, height, width);
    const affinities = affinitiesOf(squares(height, width, 11), height, width, 0.5);
    const mask = Uint8Array.from({ length: height * width }, () => (random.float() < 0.85 ? 1 : 0));
    const { labels, count } = segment(affinities, { ...options, mask: ndarray(mask, [height, width]) });
    expect(labels.data.map((l) => (l > 0 ? 1 : 0))).toEqual(Uint32Array.from(mask));
    expect(count).toBe(new Set(labels.data.filter((l) => l > 0)).size);
  });
});

describe('segment', () => {
  it('finds squares again through noise, with their sizes, contacts and affinities', () => {
    const truth = squares(60, 90, 30);
    const { labels, count, edges, stats } = segment(affinitiesOf(truth, 60, 90, 0.2), options);
    expect(count).toBe(6);
    expect(labels.data).toEqual(truth);
    expect([...stats.area]).toEqual([0, 900, 900, 900, 900, 900, 900]);
    expect([stats.centroidY[5], stats.centroidX[5]]).toEqual([44.5, 44.5]);
    expect([stats.minY[6], stats.minX[6], stats.maxY[6], stats.maxX[6]]).toEqual([30, 60, 60, 90]);
    const pairs = Array.from(edges.a, (a, i) => [a, edges.b[i], edges.area[i]]);
    expect(pairs).toEqual([
      [1, 2, 30],
      [1, 4, 30],
      [2, 3, 30],
      [2, 5, 30],
      [3, 6, 30],
      [4, 5, 30],
      [5, 6, 30],
    ]);
    for (const p of edges.probability) expect(p).toBeCloseTo(0.1, 1);
  });

  it('long offsets keep two cells apart where the membrane between them has a gap', () => {
    const truth = squares(40, 80, 40);
    const affinities = affinitiesOf(truth, 40, 80);
    for (let y = 18; y < 22; y++) affinities.data[(40 + y) * 80 + 40] = 1; // 4 px of open contact
    expect(segment(affinities, options).count).toBe(2);
  });

  it('takes an empty section, and NaN as 0', () => {
    const none = segment(ndarray(new Float32Array(0), [8, 0, 0]), options);
    expect([none.count, none.labels.data.length, none.edges.count]).toEqual([0, 0, 0]);
    const affinities = affinitiesOf(squares(20, 40, 20), 20, 40);
    const holes = affinities.data.map((v) => (v === 0 ? Number.NaN : v));
    expect(segment(ndarray(holes, affinities.shape), options)).toEqual(segment(affinities, options));
  });

  it('refuses what does not fit', () => {
    const affinities = noiseAffinities(4, 4, 1);
    expect(() => segment(affinities, { ...options, offsets: OFFSETS.slice(1) })).toThrow(/4×4 for 7 offsets/);
    const far = ndarray(affinities.data.subarray(0, 16), [1, 4, 4]);
    expect(() => segment(far, { ...options, offsets: [[-3, 0]] })).toThrow(/neighbouring pixels/);
    const mask = ndarray(new Uint8Array(12), [3, 4]);
    expect(() => segment(affinities, { ...options, mask })).toThrow(/mask of 3×4/);
    expect(() => segment(affinities, options, { signal: { aborted: true } })).toThrow(/stopped/);
  });
});
