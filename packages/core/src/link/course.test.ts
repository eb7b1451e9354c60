import { describe, expect, it } from 'vitest';
import { CROSS, EdgeList, IN_PLANE, SKIP } from '../graph/edge-list.ts';
import { type FragmentTable, fragmentTable } from '../segment/fragment-table.ts';
import { ndarray } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import { Examples, fitClassifier } from './classifier.ts';
import { COURSE_FEATURES, Course, judgeByCourse, type PlacedSection, placeSections } from './course.ts';
import { fitLinkModel, PairExamples } from './fit.ts';
import { fitGiven, GivenVolume } from './fit-given.ts';
import { describePairs, isLinkModel } from './learned.ts';
import { GIVEN_FEATURES } from './pair-features.ts';
import { crossOf, HEIGHT, section, WIDTH } from './testing/discs.ts';

const VOXEL = [40, 10, 5] as const;

/** Fragments of these centroids (y, x, px) and areas. */
function table(
  z: number,
  idOffset: number,
  fragments: readonly (readonly [number, number, number])[],
): PlacedSection {
  const column = (i: number) => Float64Array.from([0, ...fragments.map((each) => each[i])]);
  const none = new Uint32Array(fragments.length + 1);
  const stats: FragmentTable = {
    count: fragments.length,
    centroidY: column(0),
    centroidX: column(1),
    area: Uint32Array.from(column(2)),
    minY: none,
    minX: none,
    maxY: none,
    maxX: none,
  };
  return { z, idOffset, stats, position: z, asideNm: [0, 0] };
}

describe('the course of links', () => {
  // three sections, then one across a gap; fragment 3 lies beside 2
  const sections = [
    table(0, 0, [[10, 10, 100]]),
    table(1, 1, [
      [12, 10, 200],
      [12, 30, 50],
    ]),
    table(2, 3, [[14, 10, 100]]),
    table(4, 4, [[18, 14, 100]]),
  ];
  const edges = new EdgeList();
  edges.push(1, 2, CROSS, 80, 0.9);
  edges.push(2, 3, IN_PLANE, 10, 0.2);
  edges.push(1, 3, CROSS, 20, 0.5);
  edges.push(2, 4, CROSS, 90, 0.8);
  edges.push(4, 5, SKIP, 0, 1);
  const course = new Course(edges.columns(), sections, [...VOXEL]);
  const rows = course.rows(0, course.edge.length);
  const of = (link: number, name: (typeof COURSE_FEATURES)[number]) =>
    rows[link * COURSE_FEATURES.length + COURSE_FEATURES.indexOf(name)];

  it('is of the edges between sections alone', () => {
    expect(Array.from(course.edge)).toEqual([0, 2, 3, 4]);
    expect(course.rows(1, 3)).toEqual(rows.slice(COURSE_FEATURES.length, 3 * COURSE_FEATURES.length));
  });

  it('tells of the link itself, in nm', () => {
    expect(of(0, 'link, log-odds')).toBeCloseTo(Math.log(9));
    expect(of(0, 'shift, nm')).toBe(20);
    expect(of(1, 'shift, nm')).toBeCloseTo(Math.hypot(20, 100));
    expect(of(0, 'area below, nm² (log)')).toBeCloseTo(Math.log1p(100 * 50));
    expect(of(0, 'overlap share of the smaller')).toBeCloseTo(0.8);
    expect(of(0, 'shift over size')).toBeCloseTo(20 / (Math.sqrt(5000 / Math.PI) + 10));
    expect(of(3, 'distance of the sections, nm')).toBe(80);
    expect(of(3, 'link, log-odds')).toBeCloseTo(Math.log(999)); // no surer than that
  });

  it('tells of rivals', () => {
    expect(of(0, 'best rival of the lower, log-odds')).toBeCloseTo(0);
    expect(of(1, 'best rival of the lower, log-odds')).toBeCloseTo(Math.log(9));
    expect(of(0, 'best rival of the upper, log-odds')).toBe(-9);
    expect(of(0, 'share of the lower’s rival in both overlaps')).toBeCloseTo(0.2);
  });

  it('tells how the neurite came, and how it goes on', () => {
    expect(of(0, 'link before, log-odds')).toBe(-9);
    expect(of(0, 'turn from the link before, nm')).toBe(-1);
    expect(of(0, 'link after, log-odds')).toBeCloseTo(Math.log(4));
    expect(of(0, 'turn to the link after, nm')).toBe(0); // straight on
    expect(of(0, 'area of the one after over the upper’s (log)')).toBeCloseTo(Math.log(5001 / 10001));
    // two sections on, four rows and four columns: per section two rows and two columns
    expect(of(3, 'turn from the link before, nm')).toBeCloseTo(10);
    expect(of(2, 'turn to the link after, nm')).toBeCloseTo(10);
  });
});

describe('sections as they lie', () => {
  const way = [
    table(0, 0, [[10, 10, 100]]),
    table(1, 1, [[12, 11, 100]]),
    table(2, 2, [[14, 12, 100]]),
    table(3, 3, [[16, 13, 100]]),
  ];
  const edges = new EdgeList();
  for (let id = 1; id <= 3; id++) edges.push(id, id + 1, CROSS, 80, 0.8);
  const rowsOf = (sections: readonly PlacedSection[]) => {
    const course = new Course(edges.columns(), sections, [...VOXEL]);
    return Array.from(course.rows(0, course.edge.length));
  };
  const unshifted = way.map((section) => ({ ...section, shiftNm: undefined }));

  it('count a visible shift as no turn', () => {
    // from the second section on all lies 30 rows and 8 columns further
    const shifted = way.map(({ z, idOffset, stats }) => {
      const [dy, dx] = z < 2 ? [0, 0] : [30, 8];
      const centroidY = stats.centroidY.map((y) => y + dy);
      const centroidX = stats.centroidX.map((x) => x + dx);
      const shiftNm = z === 2 ? ([30 * VOXEL[1], 8 * VOXEL[2]] as const) : undefined;
      return { z, idOffset, stats: { ...stats, centroidY, centroidX }, shiftNm };
    });
    expect(rowsOf(placeSections(shifted))).toEqual(rowsOf(placeSections(unshifted)));
    expect(rowsOf(placeSections(shifted.map((each) => ({ ...each, shiftNm: undefined }))))).not.toEqual(
      rowsOf(placeSections(unshifted)),
    );
  });

  it('count a missing one as twice the distance', () => {
    const placed = placeSections(
      unshifted.map(({ stats, ...rest }) => {
        const twice = rest.z < 2 ? 0 : 1;
        const centroidY = stats.centroidY.map((y) => y + 2 * twice);
        const centroidX = stats.centroidX.map((x) => x + twice);
        return { ...rest, stats: { ...stats, centroidY, centroidX } };
      }),
      [0, 1, 3, 4],
    );
    const rows = rowsOf(placed);
    const of = (link: number, name: (typeof COURSE_FEATURES)[number]) =>
      rows[link * COURSE_FEATURES.length + COURSE_FEATURES.indexOf(name)];
    expect(of(1, 'distance of the sections, nm')).toBe(2 * VOXEL[0]);
    expect(of(1, 'turn from the link before, nm')).toBe(0);
    expect(of(2, 'turn from the link before, nm')).toBe(0);
  });
});

/** Neurites that each go their own way, straight on, and candidates among neighbours that two sections hardly tell. */
function wandering(seed: number) {
  const random = new Random(seed);
  const [depth, count] = [12, 60];
  const ways = Array.from({ length: count }, () => ({
    y: random.uniform(0, 400),
    x: random.uniform(0, 400),
    dy: random.uniform(-12, 12),
    dx: random.uniform(-12, 12),
    area: random.uniform(50, 400),
  }));
  const sections = Array.from({ length: depth }, (_, z) =>
    table(
      z,
      z * count,
      ways.map(({ y, x, dy, dx, area }) => [y + z * dy, x + z * dx, area]),
    ),
  );
  const edges = new EdgeList();
  const labels: number[] = [];
  for (let z = 0; z + 1 < depth; z++) {
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        const [a, b] = [sections[z].stats, sections[z + 1].stats];
        const away = Math.hypot(
          a.centroidY[i + 1] - b.centroidY[j + 1],
          a.centroidX[i + 1] - b.centroidX[j + 1],
        );
        if (away > 40) continue;
        const logit = (i === j ? 1 : -1) + 1.5 * random.normal();
        edges.push(z * count + i + 1, (z + 1) * count + j + 1, CROSS, 20, 1 / (1 + Math.exp(-logit)));
        labels.push(Number(i === j));
      }
    }
  }
  return { sections, edges: edges.columns(), labels: Uint8Array.from(labels) };
}

describe('links judged by their course', () => {
  it('are told better than by two sections, where neurites go straight on', () => {
    const examples = new Examples(COURSE_FEATURES);
    for (let seed = 1; seed <= 6; seed++) {
      const { edges, sections, labels } = wandering(seed);
      const course = new Course(edges, sections, [40, 10, 10]);
      const values = course.rows(0, course.edge.length);
      examples.add({ values, labels, weights: new Float32Array(labels.length).fill(1) }, seed > 4);
    }
    const { classifier } = fitClassifier(examples);
    const { edges, sections, labels } = wandering(9);
    const before = edges.probability.slice();
    const judged = judgeByCourse(classifier, edges, sections, [40, 10, 10]);
    const wrong = (probability: Float32Array) =>
      labels.reduce((sum, label, i) => sum + Number(probability[i] > 0.5 !== (label === 1)), 0);
    expect(edges.probability).toEqual(before);
    expect(labels.length).toBeGreaterThan(1000);
    expect(wrong(judged.probability)).toBeLessThan(0.6 * wrong(before));
  });

  it('leave edges within a section as they are, and those across a gap that is too wide', () => {
    const { edges, sections: near } = wandering(3);
    const sections = near.map((section) => ({ ...section, position: section.z + (section.z > 5 ? 2 : 0) }));
    const acrossGap = edges.a.map((a, i) =>
      Number(Math.min(a, edges.b[i]) <= 360 && Math.max(a, edges.b[i]) > 360),
    );
    const kind = edges.kind.map((_, i) => (i % 2 === 0 ? IN_PLANE : CROSS));
    const trees = {
      features: COURSE_FEATURES.length,
      base: 2,
      depth: 1,
      feature: [],
      threshold: [],
      leaf: [],
    };
    const sure = { features: [...COURSE_FEATURES], trees, calibration: { scale: 1, offset: 0 } };
    const judged = judgeByCourse(sure, { ...edges, kind }, sections, [40, 10, 10], 2.5);
    const stays = (i: number) => kind[i] === IN_PLANE || acrossGap[i] === 1;
    judged.probability.forEach((p, i) => {
      expect(p).toBeCloseTo(stays(i) ? edges.probability[i] : 1 / (1 + Math.exp(-2)));
    });
    expect(acrossGap).toContain(1);
    const cancelled = { aborted: true } as never;
    expect(() => judgeByCourse(sure, edges, sections, [40, 10, 10], 2.5, cancelled)).toThrow(
      /stopped by the user/,
    );
  });
});

describe('what judges links between given fragments', () => {
  const volume = (place: number, seed: number): GivenVolume => {
    const stack = [0, 1, 2, 3].map((z) => section([z * (seed - 2), 2 * z], z * 1000, seed));
    const tables = stack.map(({ labels, profiles, idOffset }, z) => ({
      z,
      idOffset,
      stats: fragmentTable(labels, HEIGHT, WIDTH, profiles.count),
      position: z,
      asideNm: [0, 0] as const,
    }));
    const given = new GivenVolume(place, 1, tables, [40, 10, 10]);
    const truth = stack.map((each) => ndarray(each.labels, [HEIGHT, WIDTH])) as never[];
    for (let z = 0; z < 3; z++) {
      const [lower, upper] = [stack[z], stack[z + 1]];
      const pairs = describePairs(lower, upper, crossOf(lower, upper), 40);
      const upperEdges = new EdgeList().columns();
      const found = { lowerZ: z, upperZ: z + 1, lower, upper, pairs, upperEdges };
      given.add(found, [truth[z], truth[z + 1]], 1, z === 2);
    }
    return given;
  };

  it('learns from two sections, and from all of them what other places would be told', () => {
    const fitted = fitGiven([1, 2, 3].map((seed) => volume(seed, seed)));
    if (!fitted?.course) throw new Error('nothing learned');
    const { given, course, reliability, courseReliability } = fitted;
    expect(given.features).toEqual(GIVEN_FEATURES);
    expect(course.features).toEqual(COURSE_FEATURES);
    expect(reliability.precision).toBeGreaterThan(0.95);
    expect(courseReliability?.rows).toBe(reliability.rows);
    expect(courseReliability?.precision).toBeGreaterThan(0.95);
    const examples = new PairExamples();
    const [lower, upper] = [section([0, 0], 0), section([3, 3], 1000)];
    const truth = [lower, upper].map((each) => ndarray(each.labels, [HEIGHT, WIDTH])) as never;
    const pairs = describePairs(lower, upper, crossOf(lower, upper), 40);
    for (const back of [true, false])
      examples.add(pairs, [lower, upper], new EdgeList().columns(), truth, 1, back);
    const { model } = fitLinkModel(examples);
    expect(isLinkModel(JSON.parse(JSON.stringify({ ...model, given, course })))).toBe(true);
    expect(isLinkModel({ ...model, given: model.cross })).toBe(false);
    expect(isLinkModel({ ...model, given, course: given })).toBe(false);
  });

  it('judges no course where there is no other place to learn from, and nothing without pairs', () => {
    const two = fitGiven([volume(0, 1), volume(0, 3), volume(2, 2)]);
    expect(two?.given.features).toEqual(GIVEN_FEATURES);
    expect(two?.course).toBeUndefined();
    expect(fitGiven([])).toBeUndefined();
  });
});
