/**
 * Gradient-boosted trees for a yes-or-no question (Friedman 2001), in the histogram form that XGBoost and LightGBM
 * made common: every feature is cut into bins once; every tree is grown level by level, split where the logistic loss, to
 * second order, falls most. All nodes of a level ask the same question (oblivious trees: Kohavi 1995, Prokhorenkova
 * 2018), so that a row's leaf is a number of `depth` bits, found without a walk. Training and prediction are plain
 * arithmetic on typed arrays, so that a browser tab can train as well.
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
  /** Of every level, tree by tree, `depth` each. */
  readonly feature: readonly number[];
  /** Bit `level` of a row's leaf is 1 where its feature is above this. */
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
  trees: 120,
  depth: 7,
  rate: 0.13,
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

/** No value is above this threshold. */
const NEVER = 3.4e38;

/** @throws RangeError where the rows do not fit each other, or the trees are to be too deep; KynError `cancelled`. */
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
  if (options.depth > MOST_LEVELS) throw new RangeError(`trees of ${options.depth} levels`);
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
    for (const split of tree.splits) {
      feature.push(split.feature);
      threshold.push(edgeAbove(edges[split.feature], split.bin));
    }
    leaf.push(...tree.leaf);
    for (let i = 0; i < count; i++) logits[i] += tree.leaf[tree.leafOf[i]];
  }
  return { features, base, depth: options.depth, feature, threshold, leaf };
}

/**
 * Log-odds of every row. `values` holds rows of `trees.features` values; nothing is mutated.
 * @throws RangeError where a feature has more thresholds than training gives it, or trees are deeper than a byte has bits.
 */
export function predictLogits(trees: BoostedTrees, values: Float32Array): Float64Array {
  const { features, base } = trees;
  const packed = packedTrees(trees);
  const out = new Float64Array(values.length / features).fill(base);
  const ranks = new Uint8Array(features * ROWS_AT_ONCE);
  const fours = new Int32Array(ranks.buffer);
  const leafOf = new Uint8Array(ROWS_AT_ONCE);
  for (let row = 0; row < out.length; row += ROWS_AT_ONCE) {
    const rows = Math.min(ROWS_AT_ONCE, out.length - row);
    for (let f = 0; f < features; f++) {
      rankInPlace(ranks, f * ROWS_AT_ONCE, values, row * features + f, features, rows, packed.thresholds[f]);
    }
    addTrees(packed, fours, out.subarray(row, row + rows), leafOf);
  }
  return out;
}

/** Rows that are judged together, a multiple of 4: as many as stay in the nearest cache, feature by feature. */
const ROWS_AT_ONCE = 64;

/** The highest rank that fits in a byte beside the bit that a comparison needs. */
const MOST_THRESHOLDS = 127;

/** A leaf is a byte, a bit a level. */
const MOST_LEVELS = 8;

/** An ensemble that asks for ranks in place of values. */
interface PackedTrees {
  readonly depth: number;
  /** Of every feature, ascending. */
  readonly thresholds: readonly Float32Array[];
  readonly feature: Int32Array;
  /** Four times 128 + the rank of the threshold among its feature's, a byte each. */
  readonly rank: Int32Array;
  readonly leaf: Float64Array;
}

/** The numbers of an ensemble as they are used, made once. */
const PACKED = new WeakMap<BoostedTrees, PackedTrees>();

function packedTrees(trees: BoostedTrees): PackedTrees {
  const known = PACKED.get(trees);
  if (known) return known;
  const { depth, features, feature, threshold, leaf } = trees;
  const own = Array.from({ length: features }, () => new Set<number>());
  feature.forEach((f, i) => {
    own[f].add(Math.fround(threshold[i]));
  });
  const thresholds = own.map((set) => Float32Array.from(set).sort());
  const most = Math.max(0, ...thresholds.map(({ length }) => length));
  if (most > MOST_THRESHOLDS) throw new RangeError(`${most} thresholds of one feature`);
  if (depth > MOST_LEVELS) throw new RangeError(`trees of ${depth} levels`);
  const packed = {
    depth,
    thresholds,
    feature: Int32Array.from(feature),
    rank: Int32Array.from(
      feature,
      (f, i) => 0x01010101 * (128 + countBelow(thresholds[f], Math.fround(threshold[i]))),
    ),
    leaf: Float64Array.from(leaf),
  };
  PACKED.set(trees, packed);
  return packed;
}

/** How many of ascending numbers lie below a value; NaN: none. */
function countBelow(ascending: Float32Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Writes, in place, the ranks of `rows` values, `step` apart, among a feature's thresholds. */
function rankInPlace(
  ranks: Uint8Array,
  to: number,
  values: Float32Array,
  from: number,
  step: number,
  rows: number,
  thresholds: Float32Array,
): void {
  for (let i = 0; i < rows; i++) ranks[to + i] = countBelow(thresholds, values[from + i * step]);
}

/**
 * Adds, in place, what every tree says of some rows. Four of them are compared at once, a byte each: 128 + the
 * threshold's rank, minus the row's, keeps its highest bit unless the row is above.
 * @param ranks four a number, feature by feature
 * @param leafOf scratch
 */
function addTrees(
  { depth, feature, rank, leaf }: PackedTrees,
  ranks: Int32Array,
  outInPlace: Float64Array,
  leafOf: Uint8Array,
): void {
  const rows = outInPlace.length;
  const fours = new Int32Array(leafOf.buffer, 0, (rows + 3) >> 2);
  for (let t = 0, leaves = 0; leaves < leaf.length; t++, leaves += 1 << depth) {
    fours.fill(0);
    for (let level = 0; level < depth; level++) {
      const from = (feature[t * depth + level] * ROWS_AT_ONCE) >> 2;
      const asked = rank[t * depth + level];
      const shift = 7 - level;
      for (let i = 0; i < fours.length; i++) {
        fours[i] |= (~(asked - ranks[from + i]) & 0x80808080) >>> shift;
      }
    }
    for (let i = 0; i < rows; i++) outInPlace[i] += leaf[leaves + leafOf[i]];
  }
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
      bins[i * features + f] = countBelow(edges[f], values[i * features + f]);
    }
  }
  return bins;
}

/** Rows in bins up to `bin` are not above: their values are at most this. Where nothing is to be split, none is. */
function edgeAbove(edges: Float32Array, bin: number): number {
  return bin < edges.length ? edges[bin] : NEVER;
}

/** What all nodes of a level ask: is a row's bin of the feature above this one? */
interface Split {
  readonly feature: number;
  readonly bin: number;
}

interface GrownTree {
  /** One a level. */
  readonly splits: readonly Split[];
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
    const seen = this.draw(random);
    const columns = this.drawColumns(random);
    const splits: Split[] = [];
    node.fill(0);
    for (let level = 0; level < depth; level++) {
      const split = this.bestSplit(seen, columns, gradient, curvature, 1 << level);
      splits.push(split);
      for (let i = 0; i < count; i++) {
        if (bins[i * features + split.feature] > split.bin) node[i] |= 1 << level;
      }
    }
    const sums = new Float64Array(1 << depth);
    const weights = new Float64Array(1 << depth);
    for (const i of seen) {
      sums[node[i]] += gradient[i];
      weights[node[i]] += curvature[i];
    }
    const leaf = sums.map((sum, i) => (-rate * sum) / (weights[i] + ridge));
    return { splits, leaf, leafOf: node.slice() };
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

  /** The question by which the loss falls most in all nodes together; in a node that it leaves too small, it does not. */
  private bestSplit(
    seen: Uint32Array,
    columns: readonly number[],
    gradient: Float64Array,
    curvature: Float64Array,
    nodes: number,
  ): Split {
    const { bins, features, node, options } = this;
    const { ridge, minimumLeaf } = options;
    let best: Split = { feature: columns[0], bin: BINS };
    let most = 1e-9;
    const sums = new Float64Array(nodes * BINS);
    const weights = new Float64Array(nodes * BINS);
    const gains = new Float64Array(BINS);
    for (const f of columns) {
      sums.fill(0);
      weights.fill(0);
      gains.fill(0);
      for (const i of seen) {
        const at = node[i] * BINS + bins[i * features + f];
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
          gains[b] += (left * left) / (leftWeight + ridge) + (right * right) / (rightWeight + ridge) - whole;
        }
      }
      for (let b = 0; b < BINS - 1; b++) {
        if (gains[b] <= most) continue;
        most = gains[b];
        best = { feature: f, bin: b };
      }
    }
    return best;
  }
}
