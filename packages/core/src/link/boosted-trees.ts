/**
 * Gradient-boosted trees for a yes-or-no question (Friedman 2001), in the histogram form that XGBoost and LightGBM
 * made common: every feature is cut into bins once; every tree is grown level by level, each node split where the
 * logistic loss, to second order, falls most. Training and prediction are plain arithmetic on typed arrays, so that a
 * browser tab can train as well.
 */
import { throwIfCancelled } from '../errors.ts';
import { Random } from '../volume/random.ts';

/** A trained ensemble; plain data, kept as JSON. */
export interface BoostedTrees {
  /** Features a row has. */
  readonly features: number;
  /** Log-odds that every prediction starts from. */
  readonly base: number;
  /** Levels of every tree. */
  readonly depth: number;
  /** Of every inner node, tree by tree, 2^depth − 1 each, children of node i at 2i + 1 and 2i + 2. */
  readonly feature: readonly number[];
  /** A row goes right where its feature is above this. */
  readonly threshold: readonly number[];
  /** Log-odds that every leaf adds, 2^depth a tree. */
  readonly leaf: readonly number[];
}

export interface BoostOptions {
  readonly trees: number;
  readonly depth: number;
  /** Share of each tree's step that is taken. */
  readonly rate: number;
  /** Least sum of second derivatives in a leaf. */
  readonly minimumLeaf: number;
  /** Ridge on the leaves. */
  readonly ridge: number;
  /** Shares of the rows and of the features that a tree sees. */
  readonly rows: number;
  readonly columns: number;
  readonly seed: number;
}

export const BOOST_DEFAULTS: BoostOptions = {
  trees: 160,
  depth: 5,
  rate: 0.08,
  minimumLeaf: 4,
  ridge: 2,
  rows: 0.6,
  columns: 0.6,
  seed: 1,
};

/** Rows to learn from. */
export interface LabelledRows {
  readonly features: number;
  /** Row by row. */
  readonly values: Float32Array;
  /** 0 or 1 a row. */
  readonly labels: Uint8Array;
  /** How much a row counts. */
  readonly weights: Float32Array;
}

const BINS = 64;

/** @throws RangeError where the rows do not fit each other; KynError `cancelled`. */
export function trainBoostedTrees(
  rows: LabelledRows,
  options: BoostOptions = BOOST_DEFAULTS,
  signal?: Parameters<typeof throwIfCancelled>[0],
): BoostedTrees {
  const { features, values, labels, weights } = rows;
  const count = labels.length;
  if (values.length !== count * features || weights.length !== count) {
    throw new RangeError(
      `${values.length} values and ${weights.length} weights for ${count} rows of ${features}`,
    );
  }
  const edges = binEdges(rows);
  const bins = binRows(rows, edges);
  const base = startLogit(labels, weights);
  const logits = new Float64Array(count).fill(base);
  const grower = new TreeGrower(bins, count, features, options);
  const random = new Random(options.seed);
  const feature: number[] = [];
  const threshold: number[] = [];
  const leaf: number[] = [];
  const gradient = new Float64Array(count);
  const curvature = new Float64Array(count);
  for (let t = 0; t < options.trees; t++) {
    throwIfCancelled(signal);
    for (let i = 0; i < count; i++) {
      const p = 1 / (1 + Math.exp(-logits[i]));
      gradient[i] = weights[i] * (p - labels[i]);
      curvature[i] = weights[i] * p * (1 - p);
    }
    const tree = grower.grow(gradient, curvature, random);
    for (let n = 0; n < tree.feature.length; n++) {
      feature.push(tree.feature[n]);
      threshold.push(edgeAbove(edges[tree.feature[n]], tree.bin[n]));
    }
    leaf.push(...tree.leaf);
    for (let i = 0; i < count; i++) logits[i] += tree.leaf[tree.leafOf[i]];
  }
  return { features, base, depth: options.depth, feature, threshold, leaf };
}

/** Log-odds of every row. `values` holds rows of `trees.features` values; nothing is mutated. */
export function predictLogits(trees: BoostedTrees, values: Float32Array): Float64Array {
  const { features, base, depth } = trees;
  const packed = packedTrees(trees);
  const inner = (1 << depth) - 1;
  const out = new Float64Array(values.length / features).fill(base);
  const treeCount = packed.leaf.length / (inner + 1);
  const node = new Int32Array(ROWS_AT_ONCE);
  for (let row = 0; row < out.length; row += ROWS_AT_ONCE) {
    const rows = Math.min(ROWS_AT_ONCE, out.length - row);
    for (let t = 0; t < treeCount; t++) addTree(packed, t, depth, values, features, out, row, rows, node);
  }
  return out;
}

/** Rows that each tree sees before the next does: as many as stay in the nearest cache. */
const ROWS_AT_ONCE = 64;

interface PackedTrees {
  readonly feature: Int32Array;
  readonly threshold: Float32Array;
  readonly leaf: Float64Array;
}

/** The numbers of an ensemble as typed arrays, made once. */
const PACKED = new WeakMap<BoostedTrees, PackedTrees>();

function packedTrees(trees: BoostedTrees): PackedTrees {
  const known = PACKED.get(trees);
  if (known) return known;
  const { feature, threshold, leaf } = trees;
  const packed = {
    feature: Int32Array.from(feature),
    threshold: Float32Array.from(threshold),
    leaf: Float64Array.from(leaf),
  };
  PACKED.set(trees, packed);
  return packed;
}

/**
 * Adds what tree `t` says of `rows` rows from `row` on. All of them go down one level before any goes down the next:
 * a step waits for memory three times, but not for that of another row.
 * @param node scratch, the node that each row has come to
 */
function addTree(
  { feature, threshold, leaf }: PackedTrees,
  t: number,
  depth: number,
  values: Float32Array,
  features: number,
  out: Float64Array,
  row: number,
  rows: number,
  node: Int32Array,
): void {
  const inner = (1 << depth) - 1;
  const first = t * inner;
  node.fill(0);
  for (let level = 0; level < depth; level++) {
    for (let i = 0, from = row * features; i < rows; i++, from += features) {
      const at = first + node[i];
      // a number from a comparison, not a branch: which way a row goes cannot be guessed
      node[i] = 2 * node[i] + 1 + +(values[from + feature[at]] > threshold[at]);
    }
  }
  const leaves = t * (inner + 1) - inner;
  for (let i = 0; i < rows; i++) out[row + i] += leaf[leaves + node[i]];
}

/** Gain of every feature over all splits cannot be kept in the ensemble; how often each one decides can be counted. */
export function splitCounts({ features, feature, threshold }: BoostedTrees): number[] {
  const counts = new Array<number>(features).fill(0);
  for (let n = 0; n < feature.length; n++) if (Number.isFinite(threshold[n])) counts[feature[n]]++;
  return counts;
}

function startLogit(labels: Uint8Array, weights: Float32Array): number {
  let [yes, total] = [1, 2];
  for (let i = 0; i < labels.length; i++) {
    total += weights[i];
    if (labels[i]) yes += weights[i];
  }
  return Math.log(yes / (total - yes));
}

/** Upper edges of the bins of every feature: quantiles, each value once. */
function binEdges({ features, values, labels }: LabelledRows): Float32Array[] {
  const count = labels.length;
  const step = Math.max(1, Math.floor(count / 20000));
  return Array.from({ length: features }, (_, f) => {
    const sample = new Float32Array(Math.ceil(count / step));
    for (let i = 0, at = 0; i < count; i += step) sample[at++] = values[i * features + f];
    sample.sort();
    const edges: number[] = [];
    for (let b = 1; b < BINS; b++) {
      const edge = sample[Math.min(sample.length - 1, Math.floor((b * sample.length) / BINS))];
      const last = sample[sample.length - 1];
      if (edge < last && (edges.length === 0 || edge > edges[edges.length - 1])) edges.push(edge);
    }
    return Float32Array.from(edges);
  });
}

/** Bin of every value: how many edges lie below it. */
function binRows({ features, values, labels }: LabelledRows, edges: readonly Float32Array[]): Uint8Array {
  const bins = new Uint8Array(values.length);
  for (let i = 0; i < labels.length; i++) {
    for (let f = 0; f < features; f++) {
      const own = edges[f];
      const value = values[i * features + f];
      let low = 0;
      let high = own.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (own[middle] < value) low = middle + 1;
        else high = middle;
      }
      bins[i * features + f] = low;
    }
  }
  return bins;
}

/** Rows in bins up to `bin` go left: their values are at most this. A node without a split sends all left. */
function edgeAbove(edges: Float32Array, bin: number): number {
  return bin < edges.length ? edges[bin] : 3.4e38;
}

interface GrownTree {
  readonly feature: Int32Array;
  readonly bin: Int32Array;
  readonly leaf: Float64Array;
  /** Leaf of every row, also of those that the tree did not see. */
  readonly leafOf: Uint32Array;
}

class TreeGrower {
  private readonly node: Uint32Array;

  constructor(
    private readonly bins: Uint8Array,
    private readonly count: number,
    private readonly features: number,
    private readonly options: BoostOptions,
  ) {
    this.node = new Uint32Array(count);
  }

  grow(gradient: Float64Array, curvature: Float64Array, random: Random): GrownTree {
    const { bins, count, features, node, options } = this;
    const { depth, rate, ridge } = options;
    const inner = (1 << depth) - 1;
    const feature = new Int32Array(inner);
    const bin = new Int32Array(inner).fill(BINS);
    const seen = this.draw(random);
    const columns = this.drawColumns(random);
    node.fill(0);
    for (let level = 0; level < depth; level++) {
      const first = (1 << level) - 1;
      const splits = this.bestSplits(seen, columns, gradient, curvature, first);
      splits.forEach((split, i) => {
        feature[first + i] = split.feature;
        bin[first + i] = split.bin;
      });
      for (let i = 0; i < count; i++) {
        const at = node[i];
        node[i] = 2 * at + 1 + (bins[i * features + feature[at]] > bin[at] ? 1 : 0);
      }
    }
    const sums = new Float64Array(inner + 1);
    const weights = new Float64Array(inner + 1);
    for (const i of seen) {
      sums[node[i] - inner] += gradient[i];
      weights[node[i] - inner] += curvature[i];
    }
    const leaf = sums.map((sum, i) => (-rate * sum) / (weights[i] + ridge));
    return { feature, bin, leaf, leafOf: node.map((at) => at - inner) };
  }

  private draw(random: Random): Uint32Array {
    const kept: number[] = [];
    for (let i = 0; i < this.count; i++) if (random.chance(this.options.rows)) kept.push(i);
    return Uint32Array.from(kept);
  }

  private drawColumns(random: Random): number[] {
    const kept: number[] = [];
    for (let f = 0; f < this.features; f++) if (random.chance(this.options.columns)) kept.push(f);
    return kept.length > 0 ? kept : [random.int(this.features)];
  }

  /** Best split of every node of the level that begins with node `first`. */
  private bestSplits(
    seen: Uint32Array,
    columns: readonly number[],
    gradient: Float64Array,
    curvature: Float64Array,
    first: number,
  ): { feature: number; bin: number }[] {
    const { bins, features, node, options } = this;
    const { ridge, minimumLeaf } = options;
    const nodes = first + 1;
    const best = Array.from({ length: nodes }, () => ({ feature: 0, bin: BINS, gain: 1e-9 }));
    const sums = new Float64Array(nodes * BINS);
    const weights = new Float64Array(nodes * BINS);
    for (const f of columns) {
      sums.fill(0);
      weights.fill(0);
      for (const i of seen) {
        const at = (node[i] - first) * BINS + bins[i * features + f];
        sums[at] += gradient[i];
        weights[at] += curvature[i];
      }
      for (let n = 0; n < nodes; n++) {
        let total = 0;
        let weight = 0;
        for (let b = n * BINS; b < (n + 1) * BINS; b++) {
          total += sums[b];
          weight += weights[b];
        }
        const whole = (total * total) / (weight + ridge);
        let left = 0;
        let leftWeight = 0;
        for (let b = 0; b < BINS - 1; b++) {
          left += sums[n * BINS + b];
          leftWeight += weights[n * BINS + b];
          const rightWeight = weight - leftWeight;
          if (leftWeight < minimumLeaf || rightWeight < minimumLeaf) continue;
          const right = total - left;
          const gain = (left * left) / (leftWeight + ridge) + (right * right) / (rightWeight + ridge) - whole;
          if (gain > best[n].gain) best[n] = { feature: f, bin: b, gain };
        }
      }
    }
    return best;
  }
}
