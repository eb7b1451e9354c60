/**
 * Fits the classifier of links to labelled pairs, and tells how far its probabilities can be trusted: the trees learn
 * from most sections, and are calibrated (Platt 1999) and judged on the sections kept back.
 */
import type { Signal } from '../errors.ts';
import type { LabelSection } from '../volume/contracts.ts';
import { BOOST_DEFAULTS, type BoostOptions, predictLogits, trainBoostedTrees } from './boosted-trees.ts';
import { type JudgedPairs, LINK_FORMAT, type LinkModel } from './learned.ts';
import { PAIR_FEATURES } from './pair-features.ts';
import type { LinkSection } from './section-view.ts';

/** Fragments of less than this purity have no neuron of their own: their pairs teach nothing. */
const LEAST_PURITY = 0.7;

/** Labelled pairs, gathered from any number of sections. */
export class PairExamples {
  private readonly chunks: {
    values: Float32Array;
    labels: Uint8Array;
    weights: Float32Array;
    keptBack: boolean;
  }[] = [];

  get count(): number {
    return this.chunks.reduce((sum, { labels }) => sum + labels.length, 0);
  }

  /**
   * Adds the pairs of two sections.
   * @param truth neurons of both sections, in any number of pixels; 0 is unknown
   * @param keptBack judge with these, do not learn from them
   */
  add(
    pairs: JudgedPairs,
    lower: LinkSection,
    upper: LinkSection,
    truth: readonly [lower: LabelSection, upper: LabelSection],
    weight: number,
    keptBack: boolean,
  ): void {
    const [own, other] = [majorities(lower, truth[0]), majorities(upper, truth[1])];
    const { count, a, b } = pairs.evidence;
    const width = PAIR_FEATURES.length;
    const kept: number[] = [];
    for (let i = 0; i < count; i++) {
      if (own.purity[a[i]] >= LEAST_PURITY && other.purity[b[i]] >= LEAST_PURITY) kept.push(i);
    }
    const values = new Float32Array(kept.length * width);
    kept.forEach((i, row) => {
      values.set(pairs.features.subarray(i * width, (i + 1) * width), row * width);
    });
    const labels = Uint8Array.from(kept, (i) => (own.neuron[a[i]] === other.neuron[b[i]] ? 1 : 0));
    const weights = Float32Array.from(kept, (i) => weight * own.purity[a[i]] * other.purity[b[i]]);
    this.chunks.push({ values, labels, weights, keptBack });
  }

  rows(keptBack: boolean) {
    const chosen = this.chunks.filter((chunk) => chunk.keptBack === keptBack);
    const join = <T extends Float32Array | Uint8Array>(parts: readonly T[], out: T): T => {
      let at = 0;
      for (const part of parts) {
        out.set(part, at);
        at += part.length;
      }
      return out;
    };
    const count = chosen.reduce((sum, { labels }) => sum + labels.length, 0);
    return {
      features: PAIR_FEATURES.length,
      values: join(
        chosen.map(({ values }) => values),
        new Float32Array(count * PAIR_FEATURES.length),
      ),
      labels: join(
        chosen.map(({ labels }) => labels),
        new Uint8Array(count),
      ),
      weights: join(
        chosen.map(({ weights }) => weights),
        new Float32Array(count),
      ),
    };
  }
}

/** The neuron that most pixels of every fragment belong to, and the share of them that do. */
function majorities({ labels, height, width, profiles }: LinkSection, truth: LabelSection) {
  const counts = Array.from({ length: profiles.count + 1 }, () => new Map<number, number>());
  const [rows, columns] = truth.shape;
  for (let y = 0, p = 0; y < height; y++) {
    const row = Math.min(rows - 1, Math.floor(((y + 0.5) * rows) / height)) * truth.stride[0];
    for (let x = 0; x < width; x++, p++) {
      if (labels[p] === 0) continue;
      const column = Math.min(columns - 1, Math.floor(((x + 0.5) * columns) / width));
      const id = truth.data[row + column * truth.stride[1]];
      if (id !== 0) counts[labels[p]].set(id, (counts[labels[p]].get(id) ?? 0) + 1);
    }
  }
  const neuron = new Uint32Array(profiles.count + 1);
  const purity = new Float32Array(profiles.count + 1);
  counts.forEach((seen, fragment) => {
    let [best, total] = [0, 0];
    for (const [id, pixels] of seen) {
      total += pixels;
      if (pixels > best) {
        best = pixels;
        neuron[fragment] = id;
      }
    }
    // where little is known, it does not count as pure
    purity[fragment] = total > 0 ? best / Math.max(total, profiles.area[fragment] / 2) : 0;
  });
  return { neuron, purity };
}

/** How well probabilities hold on the pairs kept back. */
export interface Reliability {
  /** Pairs kept back. */
  readonly pairs: number;
  /** Mean |predicted − observed| over ten bins of probability, weighted by their pairs (ECE, Naeini 2015). */
  readonly calibrationError: number;
  readonly logLoss: number;
  /** At probability 0.5. */
  readonly precision: number;
  readonly recall: number;
  /** Of the bins that have pairs: mean probability, share of true links, pairs. */
  readonly bins: readonly { readonly predicted: number; readonly observed: number; readonly pairs: number }[];
}

/** @throws RangeError where there is nothing to learn from. */
export function fitLinkModel(
  examples: PairExamples,
  options: BoostOptions = BOOST_DEFAULTS,
  signal?: Signal,
): { model: LinkModel; reliability: Reliability } {
  const learned = examples.rows(false);
  if (learned.labels.length === 0) throw new RangeError('no labelled pairs to learn links from');
  const trees = trainBoostedTrees(learned, options, signal);
  const back = examples.rows(true);
  const logits = predictLogits(trees, back.values);
  const calibration = calibrate(logits, back.labels, back.weights);
  const model = { format: LINK_FORMAT, features: PAIR_FEATURES, trees, calibration } as const;
  const probability = logits.map((logit) => squash(calibration.scale * logit + calibration.offset));
  return { model, reliability: judge(probability, back.labels) };
}

const squash = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** Newton's method on the two numbers; with few pairs the trees' own log-odds stay nearly as they are. */
function calibrate(
  logits: Float64Array,
  labels: Uint8Array,
  weights: Float32Array,
): LinkModel['calibration'] {
  let [scale, offset] = [1, 0];
  for (let round = 0; round < 20; round++) {
    // a ridge of ten pairs about scale 1 and offset 0
    let [gs, go, ss, so, oo] = [10 * (scale - 1), 10 * offset, 10, 0, 10];
    for (let i = 0; i < logits.length; i++) {
      const p = squash(scale * logits[i] + offset);
      const error = weights[i] * (p - labels[i]);
      const curvature = weights[i] * p * (1 - p);
      gs += error * logits[i];
      go += error;
      ss += curvature * logits[i] ** 2;
      so += curvature * logits[i];
      oo += curvature;
    }
    const determinant = ss * oo - so * so;
    const [ds, dO] = [(oo * gs - so * go) / determinant, (ss * go - so * gs) / determinant];
    scale = Math.max(0.2, scale - ds);
    offset -= dO;
    if (Math.abs(ds) + Math.abs(dO) < 1e-9) break;
  }
  return { scale, offset };
}

const BINS = 10;

function judge(probability: Float64Array, labels: Uint8Array): Reliability {
  const bins = Array.from({ length: BINS }, () => ({ predicted: 0, observed: 0, pairs: 0 }));
  let [loss, hits, claimed, positive] = [0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    const p = Math.min(1 - 1e-7, Math.max(1e-7, probability[i]));
    const bin = bins[Math.min(BINS - 1, Math.floor(p * BINS))];
    bin.predicted += p;
    bin.observed += labels[i];
    bin.pairs++;
    loss -= labels[i] ? Math.log(p) : Math.log(1 - p);
    positive += labels[i];
    if (p < 0.5) continue;
    claimed++;
    hits += labels[i];
  }
  const filled = bins.filter(({ pairs }) => pairs > 0);
  const pairs = labels.length;
  const share = (part: number, whole: number) => (whole > 0 ? part / whole : 1);
  return {
    pairs,
    calibrationError: share(
      filled.reduce((sum, bin) => sum + Math.abs(bin.predicted - bin.observed), 0),
      pairs,
    ),
    logLoss: pairs > 0 ? loss / pairs : 0,
    precision: share(hits, claimed),
    recall: share(hits, positive),
    bins: filled.map((bin) => ({
      predicted: bin.predicted / bin.pairs,
      observed: bin.observed / bin.pairs,
      pairs: bin.pairs,
    })),
  };
}
