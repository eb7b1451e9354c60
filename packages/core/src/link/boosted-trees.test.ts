import { describe, expect, it } from 'vitest';
import { Random } from '../volume/random.ts';
import { BOOST_DEFAULTS, type LabelledRows, predictLogits, trainBoostedTrees } from './boosted-trees.ts';

/** Rows of four features; the label follows from the first two through `rule`, with noise as probability. */
function rowsOf(count: number, seed: number, rule: (x: number, y: number) => number): LabelledRows {
  const random = new Random(seed);
  const values = Float32Array.from({ length: 4 * count }, () => random.uniform(-1, 1));
  const labels = Uint8Array.from({ length: count }, (_, i) =>
    random.chance(rule(values[4 * i], values[4 * i + 1])) ? 1 : 0,
  );
  return { features: 4, values, labels, weights: new Float32Array(count).fill(1) };
}

const probability = (logit: number) => 1 / (1 + Math.exp(-logit));

describe('boosted trees', () => {
  it('learn what no line separates, and leave the features alone that say nothing', () => {
    const rule = (x: number, y: number) => (x * y > 0 ? 1 : 0);
    const trees = trainBoostedTrees(rowsOf(4000, 1, rule), { ...BOOST_DEFAULTS, depth: 4 });
    const test = rowsOf(1000, 2, rule);
    const right = predictLogits(trees, test.values).reduce(
      (sum, logit, i) => sum + (logit > 0 === (test.labels[i] === 1) ? 1 : 0),
      0,
    );
    expect(right).toBeGreaterThan(960);
  });

  it('give probabilities that hold', () => {
    const trees = trainBoostedTrees(
      rowsOf(8000, 3, (x) => 0.5 + 0.4 * x),
      { ...BOOST_DEFAULTS, trees: 60, depth: 5 },
    );
    const at = (x: number) => probability(predictLogits(trees, Float32Array.of(x, 0, 0, 0))[0]);
    for (const x of [-0.9, -0.4, 0, 0.4, 0.9]) expect(Math.abs(at(x) - (0.5 + 0.4 * x))).toBeLessThan(0.1);
  });

  it('add up to what every tree says, row by row', () => {
    const rows = rowsOf(1000, 6, (x, y) => (x * y > 0 ? 0.8 : 0.1));
    const trees = trainBoostedTrees(rows, { ...BOOST_DEFAULTS, trees: 20, depth: 4 });
    const { values } = rowsOf(131, 7, () => 0.5); // not a whole number of blocks
    const logits = predictLogits(trees, values);
    for (let i = 0; i < logits.length; i++) {
      let expected = trees.base;
      for (let t = 0; t < 20; t++) {
        let leaf = 0;
        for (let level = 0; level < 4; level++) {
          const [feature, threshold] = [trees.feature[4 * t + level], trees.threshold[4 * t + level]];
          if (values[4 * i + feature] > Math.fround(threshold)) leaf += 2 ** level;
        }
        expected += trees.leaf[16 * t + leaf];
      }
      expect(logits[i]).toBe(expected);
    }
  });

  it('take values on a threshold, beyond all, and none at all', () => {
    const trees = trainBoostedTrees(rowsOf(1000, 8, (x) => (x > 0 ? 0.9 : 0.1)));
    const edge = Math.fround(trees.threshold[trees.feature.indexOf(0)]);
    const [on, below, above, lowest, highest, none] = predictLogits(
      trees,
      Float32Array.from(
        [edge, edge - 1e-3, edge + 1e-3, -1e30, 1e30, Number.NaN].flatMap((x) => [x, 0, 0, 0]),
      ),
    );
    expect(on).toBe(below);
    expect(above).not.toBe(on);
    expect(none).toBe(lowest);
    expect(probability(highest)).toBeGreaterThan(0.7);
  });

  it('may be written by hand: thresholds that are no float32, and no more levels than a byte has bits', () => {
    const trees = {
      features: 1,
      base: 0,
      depth: 1,
      feature: [0, 0],
      threshold: [0.7, 0.9],
      leaf: [0, 1, 0, 10],
    };
    expect(Array.from(predictLogits(trees, Float32Array.of(0.6, 0.8, 1)))).toEqual([0, 1, 11]);
    const deep = { ...trees, depth: 9, feature: new Array(9).fill(0), threshold: new Array(9).fill(0) };
    expect(() => predictLogits({ ...deep, leaf: new Array(512).fill(0) }, Float32Array.of(1))).toThrow(
      /9 levels/,
    );
    const rows = rowsOf(10, 9, () => 0.5);
    expect(() => trainBoostedTrees(rows, { ...BOOST_DEFAULTS, depth: 9 })).toThrow(/9 levels/);
  });

  it('count rows by their weights', () => {
    const rows = rowsOf(2000, 4, () => 0.5);
    const weights = Float32Array.from(rows.labels, (label) => (label ? 3 : 1));
    const trees = trainBoostedTrees({ ...rows, weights }, { ...BOOST_DEFAULTS, trees: 5 });
    const logits = predictLogits(trees, rows.values);
    const mean = logits.reduce((sum, logit) => sum + probability(logit), 0) / logits.length;
    expect(mean).toBeGreaterThan(0.7);
    expect(mean).toBeLessThan(0.8);
  });

  it('are the same for a seed, and survive JSON', () => {
    const rows = rowsOf(500, 5, (x, y) => (x > y ? 0.9 : 0.1));
    const first = trainBoostedTrees(rows);
    expect(trainBoostedTrees(rows)).toEqual(first);
    const back = JSON.parse(JSON.stringify(first));
    expect(predictLogits(back, rows.values)).toEqual(predictLogits(first, rows.values));
  });

  it('take no rows, one class, one value, and refuse rows that do not fit', () => {
    const none = {
      features: 2,
      values: new Float32Array(0),
      labels: new Uint8Array(0),
      weights: new Float32Array(0),
    };
    expect(predictLogits(trainBoostedTrees(none), Float32Array.of(1, 2))[0]).toBeCloseTo(0);
    const same = {
      features: 1,
      values: new Float32Array(50).fill(7),
      labels: new Uint8Array(50).fill(1),
      weights: new Float32Array(50).fill(1),
    };
    expect(predictLogits(trainBoostedTrees(same), Float32Array.of(7))[0]).toBeGreaterThan(3);
    expect(() => trainBoostedTrees({ ...same, features: 2 })).toThrow(RangeError);
  });
});
