import { describe, expect, it } from 'vitest';
import { EdgeList, IN_PLANE } from '../graph/edge-list.ts';
import { ndarray } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import { classify } from './classifier.ts';
import { fitLinkModel, PairExamples } from './fit.ts';
import { planeFeatures } from './in-plane.ts';
import { describePairs, edgesOfPairs, isLinkModel } from './learned.ts';
import { COLUMNS } from './pair-evidence.ts';
import { evidenceReference } from './pair-evidence-reference.ts';
import { GIVEN_FEATURES, givenFeatures, PAIR_FEATURES } from './pair-features.ts';
import { type LinkSection, profileTable } from './section-view.ts';
import { crossOf, HEIGHT, section, touchingOf, WIDTH } from './testing/discs.ts';

const at = (features: Float32Array, pair: number, name: (typeof PAIR_FEATURES)[number]) =>
  features[pair * PAIR_FEATURES.length + PAIR_FEATURES.indexOf(name)];

describe('profileTable', () => {
  it('gives area, centroid and axes of a bar, and says what the border cuts', () => {
    const labels = new Uint32Array(20 * 20);
    for (let y = 8; y < 10; y++) labels.fill(1, y * 20 + 4, y * 20 + 16);
    labels.fill(2, 0, 3);
    const table = profileTable(labels, 20, 20, 3);
    expect([table.area[1], table.centroidY[1], table.centroidX[1]]).toEqual([24, 8.5, 9.5]);
    expect(table.major[1]).toBeCloseTo(12 / Math.sqrt(12));
    expect(table.minor[1]).toBeCloseTo(2 / Math.sqrt(12));
    expect(Math.sin(table.angle[1])).toBeCloseTo(0);
    expect([table.cut[1], table.cut[2], table.area[3]]).toEqual([0, 1, 0]);
  });
});

describe('pairs of two sections', () => {
  const [lower, upper] = [section([0, 0], 0), section([5, 7], 1000)];
  const { evidence, features } = describePairs(lower, upper, crossOf(lower, upper), 40);

  it('find the displacement, and what overlaps once it is taken out', () => {
    const middle = evidence.shift.cell(80, 100);
    expect([evidence.shift.y[middle], evidence.shift.x[middle]]).toEqual([5, 7]);
    for (let i = 0; i < evidence.count; i++) {
      if (evidence.a[i] === 1 || evidence.a[i] !== evidence.b[i]) continue;
      if (lower.profiles.cut[evidence.a[i]] || upper.profiles.cut[evidence.b[i]]) continue;
      expect(at(features, i, 'aligned over union')).toBeGreaterThan(0.6);
      expect(at(features, i, 'centroid shift beyond the local one')).toBeLessThan(1.5);
      expect(at(features, i, 'distance of the sections, nm')).toBe(40);
    }
  });

  it.each([
    [1, [0, 0], [0, 0]],
    [2, [5, 7], [-8, 3]],
    [3, [-9, 4], [7, -12]],
  ] as const)('are what a walk over all pixels finds, stride %i', (stride, moved, displacement) => {
    const [below, above] = [section([0, 0], 0, 2), section(moved, 0, 3)];
    for (let p = 0; p < 4000; p += 7) below.labels[3 * p] = 0;
    const displacements = [[0, 0], displacement] as const;
    const shape = [2, Math.ceil(HEIGHT / stride), Math.ceil(WIDTH / stride)];
    const random = new Random(9);
    const values = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => random.uniform(0, 1));
    const cross = { values: ndarray(values, shape), displacements, stride };
    const { evidence: found } = describePairs(below, above, cross, 40);
    const expected = evidenceReference(below, above, cross, found.shift);
    for (let i = 0; i < found.count; i++) {
      const key = `${found.a[i]} ${found.b[i]}`;
      const sums = Object.values(expected.get(key) ?? {});
      expect(sums).toHaveLength(COLUMNS);
      sums.forEach((sum, k) => {
        expect(found.sums[i * COLUMNS + k]).toBeCloseTo(sum, 6);
      });
      expected.delete(key);
    }
    for (const { pixels, aligned, displaced, displacedAffinity } of expected.values()) {
      expect([pixels, aligned, displacedAffinity > 0.2 * displaced]).toEqual([0, 0, false]);
    }
  });

  it('tell whether the best rival touches the candidate, or lies apart', () => {
    const blocks = (columns: readonly (readonly [from: number, to: number])[]): LinkSection => {
      const labels = new Uint32Array(HEIGHT * WIDTH);
      columns.forEach(([from, to], i) => {
        for (let y = 20; y < 60; y++) labels.fill(i + 1, y * WIDTH + from, y * WIDTH + to);
      });
      const profiles = profileTable(labels, HEIGHT, WIDTH, columns.length);
      const touching = touchingOf(labels);
      return { labels, height: HEIGHT, width: WIDTH, idOffset: 0, profiles, touching, pixelSide: 1 };
    };
    const wide = blocks([[20, 80]]);
    const rivals = (upper: LinkSection): number[] => {
      const { evidence: found, features: rows } = describePairs(wide, upper, crossOf(wide, upper), 40);
      expect(found.count).toBe(upper.profiles.count);
      // the other fragment, seen from above, has no rival
      expect(at(rows, 0, 'best rival touches, smaller')).toBe(-1);
      return Array.from({ length: found.count }, (_, i) => at(rows, i, 'best rival touches, larger'));
    };
    expect(rivals(blocks([[20, 80]]))).toEqual([-1]);
    expect(rivals(blocks([[20, 50], [50, 80]]))).toEqual([1, 1]); // biome-ignore format: pairs
    expect(rivals(blocks([[20, 48], [52, 80]]))).toEqual([0, 0]); // biome-ignore format: pairs
  });

  it('look the same from above and from below', () => {
    const flipped = describePairs(upper, lower, { ...crossOf(upper, lower), displacements: [[0, 0]] }, 40);
    const straight = describePairs(lower, upper, { ...crossOf(lower, upper), displacements: [[0, 0]] }, 40);
    const aligned = PAIR_FEATURES.flatMap((name, f) => (/aligned|local/.test(name) ? [f] : []));
    const rows = new Map<string, Float32Array>();
    const width = PAIR_FEATURES.length;
    for (let i = 0; i < flipped.evidence.count; i++) {
      rows.set(
        `${flipped.evidence.b[i]} ${flipped.evidence.a[i]}`,
        flipped.features.slice(i * width, (i + 1) * width),
      );
    }
    let compared = 0;
    for (let i = 0; i < straight.evidence.count; i++) {
      const other = rows.get(`${straight.evidence.a[i]} ${straight.evidence.b[i]}`);
      if (!other || at(straight.features, i, 'overlap pixels (log)') === 0) continue;
      for (let f = 0; f < width; f++) {
        // counts of candidates differ by those that only one alignment finds; alignment rounds otherwise
        if (aligned.includes(f) || PAIR_FEATURES[f].startsWith('candidates')) continue;
        expect(straight.features[i * width + f]).toBeCloseTo(other[f], 4);
      }
      compared++;
    }
    expect(compared).toBeGreaterThan(100);
  });

  it('teach a classifier whose probabilities hold on sections it has not seen', () => {
    const examples = new PairExamples();
    for (let seed = 1; seed <= 6; seed++) {
      const [a, b] = [section([0, 0], 0, seed), section([seed - 3, 2 * seed - 7], 1000, seed)];
      const truth = [a, b].map((s) => ndarray(s.labels, [HEIGHT, WIDTH])) as never;
      const edges = new EdgeList();
      for (let id = 2; id <= b.profiles.count; id++) edges.push(1, id, IN_PLANE, 30, 0.2);
      examples.add(describePairs(a, b, crossOf(a, b), 40), [a, b], edges.columns(), truth, 1, seed > 4);
    }
    const { model, cross: reliability, plane } = fitLinkModel(examples);
    expect(plane?.precision).toBe(1);
    expect(plane?.calibrationError).toBeLessThan(0.05);
    expect(isLinkModel(JSON.parse(JSON.stringify(model)))).toBe(true);
    expect(reliability.rows).toBeGreaterThan(100);
    expect(reliability.precision).toBeGreaterThan(0.97);
    expect(reliability.recall).toBeGreaterThan(0.97);
    expect(reliability.calibrationError).toBeLessThan(0.06);
    const probability = classify(model.cross, features);
    const edges = edgesOfPairs({ evidence, features }, probability, lower, upper, 'skip', 4).columns();
    const wrong = Array.from(edges.a).filter(
      (a, i) => edges.probability[i] > 0.5 !== (a + 1000 === edges.b[i]),
    );
    expect(wrong.length).toBeLessThan(0.03 * edges.count);
    expect(edges.kind.every((kind) => kind === 2)).toBe(true);
  });

  it('are told how large profiles are in the two sections where fragments are given', () => {
    const rows = givenFeatures(features);
    const [width, more] = [PAIR_FEATURES.length, GIVEN_FEATURES.length];
    const count = features.length / width;
    const areas = Array.from({ length: count }, (_, i) => at(features, i, 'area, larger (log)'));
    const mean = areas.reduce((sum, area) => sum + area, 0) / count;
    for (let i = 0; i < count; i++) {
      expect(rows.subarray(i * more, i * more + width)).toEqual(
        features.subarray(i * width, (i + 1) * width),
      );
      expect(rows[i * more + width]).toBeCloseTo(mean, 4);
    }
    expect(givenFeatures(new Float32Array(0))).toEqual(new Float32Array(0));
  });

  it('take sections without fragments, and refuse to learn from nothing', () => {
    const empty: LinkSection = {
      labels: new Uint32Array(HEIGHT * WIDTH),
      height: HEIGHT,
      width: WIDTH,
      idOffset: 0,
      profiles: profileTable(new Uint32Array(HEIGHT * WIDTH), HEIGHT, WIDTH, 0),
      touching: { count: 0, a: new Uint32Array(0), b: new Uint32Array(0) },
      pixelSide: 1,
    };
    expect(describePairs(empty, upper, crossOf(lower, upper), 40).evidence.count).toBe(0);
    expect(() => fitLinkModel(new PairExamples())).toThrow(RangeError);
  });
});

it('sees contacts in pixels of the network, whatever those of the volume are', () => {
  const { profiles } = section([0, 0], 0);
  const edges = (area: number) => ({
    count: 1,
    a: Uint32Array.of(1),
    b: Uint32Array.of(2),
    kind: Uint8Array.of(0),
    area: Uint32Array.of(area),
    probability: Float32Array.of(0.4),
  });
  const plain = planeFeatures(edges(12), { profiles, pixelSide: 1 });
  expect(planeFeatures(edges(24), { profiles, pixelSide: 2 })).toEqual(plain);
  expect(planeFeatures(edges(24), { profiles, pixelSide: 1 })).not.toEqual(plain);
});
