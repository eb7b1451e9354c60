import { describe, expect, it } from 'vitest';
import { CROSS, SKIP } from '../graph/edge-list.ts';
import { enlargeLabels, pixelSpans, planResample } from '../predict/resample.ts';
import { fragmentTable } from '../segment/fragment-table.ts';
import { ndarray } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import { countOverlaps, LINK_DEFAULTS, linkByOverlap, type SectionFragments } from './overlap.ts';

function section(labels: Uint32Array, height: number, width: number, idOffset = 0): SectionFragments {
  const count = labels.reduce((max, l) => Math.max(max, l), 0);
  const { area } = fragmentTable(labels, height, width, count);
  return { labels: ndarray(labels, [height, width]), area, idOffset };
}

function randomSection(height: number, width: number, fragments: number, seed: number): SectionFragments {
  const random = new Random(seed);
  let label = 1;
  const labels = Uint32Array.from({ length: height * width }, () => {
    if (random.float() < 0.3) label = Math.floor(random.float() * (fragments + 1));
    return label;
  });
  return section(labels, height, width);
}

describe('countOverlaps', () => {
  it.each([
    [0, 0],
    [1, 1],
    [1, 50],
    [50, 1],
    [17, 31],
  ])('equals counting pixel by pixel, %i×%i, any stride', (height, width) => {
    const lower = randomSection(height, width, 9, 1);
    const upper = randomSection(height, width, 7, 2);
    const plain = new Map<string, number>();
    lower.labels.data.forEach((a, p) => {
      const b = upper.labels.data[p];
      if (a > 0 && b > 0) plain.set(`${a} ${b}`, (plain.get(`${a} ${b}`) ?? 0) + 1);
    });
    const got = countOverlaps(lower, upper);
    expect(Array.from(got.a, (a, i) => [`${a} ${got.b[i]}`, got.pixels[i]])).toEqual([...plain]);
    for (let i = 0; i < got.count; i++) {
      const areas = [lower.area[got.a[i]], upper.area[got.b[i]]];
      expect(got.fractionA[i]).toBe(got.pixels[i] / areas[0]);
      expect(got.fractionB[i]).toBe(got.pixels[i] / areas[1]);
      expect(got.iou[i]).toBe(got.pixels[i] / (areas[0] + areas[1] - got.pixels[i]));
    }
    const wide = new Uint32Array(height * width * 3);
    upper.labels.data.forEach((l, p) => {
      wide[p * 3] = l;
    });
    const strided = { data: wide, shape: [height, width], stride: [width * 3, 3] };
    expect(countOverlaps(lower, { ...upper, labels: strided })).toEqual(got);
  });

  it('refuses sections of different size', () => {
    const a = section(new Uint32Array(6), 2, 3);
    expect(() => countOverlaps(a, section(new Uint32Array(6), 3, 2))).toThrow(/2×3 and 3×2/);
  });
});

describe.each([
  ['the same', [20, 30], [8, 8]],
  ['halved', [20, 30], [4, 4]],
  ['halved, with an odd row and column', [21, 31], [4, 4]],
  ['by a fraction', [37, 29], [5, 6.5]],
  ['enlarged, so that fragments vanish', [9, 11], [20, 16]],
] as const)('on a grid that is %s', (_, full, pixelNm) => {
  const plan = planResample(full, pixelNm, [8, 8]);
  const spans = pixelSpans(plan);
  const small = [1, 2].map((seed) => randomSection(plan.small[0], plan.small[1], 9, seed));
  const count = 9;
  const whole = small.map(({ labels }) => section(enlargeLabels(labels.data, plan), full[0], full[1]));

  it('fragments measure what they do in full', () => {
    small.forEach(({ labels }, i) => {
      const expected = fragmentTable(whole[i].labels.data, full[0], full[1], count);
      expect(fragmentTable(labels.data, plan.small[0], plan.small[1], count, spans)).toEqual(expected);
    });
  });

  it('overlaps are what they are in full', () => {
    const [lower, upper] = small.map((each, i) => ({ ...each, area: whole[i].area }));
    expect(countOverlaps(lower, upper, spans)).toEqual(countOverlaps(whole[0], whole[1]));
  });
});

describe('linkByOverlap', () => {
  const row = (...labels: number[]) => Uint32Array.from(labels);

  it('is sure of equal profiles, doubtful of slivers, and certain that a best of neither is no link', () => {
    const lower = section(row(1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2), 1, 12, 100);
    const upper = section(row(1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2), 1, 12, 200);
    const { count, a, b, kind, area, probability } = linkByOverlap(lower, upper).columns();
    expect([count, [...a], [...b], [...area]]).toEqual([3, [101, 101, 102], [201, 202, 202], [5, 1, 6]]);
    expect([...kind]).toEqual([CROSS, CROSS, CROSS]);
    expect(probability[0]).toBeGreaterThan(0.95);
    expect(probability[1]).toBe(0);
    expect(probability[2]).toBeGreaterThan(0.95);
  });

  it('gives probability 0.5 at the even score, and more with more overlap', () => {
    const whole = section(new Uint32Array(100).fill(1), 1, 100);
    const probabilities = [1, 4, 25, 100].map((pixels) => {
      const part = section(new Uint32Array(100).fill(1, 0, pixels), 1, 100);
      return linkByOverlap(whole, part, { ...LINK_DEFAULTS, evenScore: 0.25 ** (1 / 8) }).columns()
        .probability[0];
    });
    expect(probabilities[2]).toBeCloseTo(0.5, 6); // a quarter of one, all of the other
    expect(probabilities[3]).toBe(1);
    expect(probabilities[0]).toBeLessThan(probabilities[1]);
    expect(probabilities[1]).toBeLessThan(probabilities[2]);
  });

  it('links across a missing section, leaves out overlaps that are too small, takes empty sections', () => {
    const lower = section(row(1, 1, 2, 2), 1, 4);
    const upper = section(row(1, 1, 1, 2), 1, 4, 2);
    const edges = linkByOverlap(lower, upper, { ...LINK_DEFAULTS, kind: 'skip', minimumPixels: 2 }).columns();
    expect([edges.count, edges.kind[0], edges.a[0], edges.b[0]]).toEqual([1, SKIP, 1, 3]);
    expect(linkByOverlap(lower, section(new Uint32Array(4), 1, 4)).count).toBe(0);
  });
});
