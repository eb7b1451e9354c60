/**
 * A yes-or-no question about rows of named features: boosted trees whose answer is calibrated to a probability, and a
 * measure of how far that probability can be trusted. The trees learn from most rows, and are calibrated (Platt 1999)
 * and judged on those kept back.
 */
import type { Signal } from '../errors.ts';
import {
  BOOST_DEFAULTS,
  type BoostedTrees,
  type BoostOptions,
  type LabelledRows,
  predictLogits,
  trainBoostedTrees,
} from './boosted-trees.ts';

/** A trained classifier; plain data, kept as JSON. */
export interface Classifier {
  /** Names of the features, in order. */
  readonly features: readonly string[];
  readonly trees: BoostedTrees;
  /** Log-odds of the trees times scale plus offset are calibrated log-odds. */
  readonly calibration: Calibration;
}

interface Calibration {
  readonly scale: number;
  readonly offset: number;
}

/** True for a classifier over these features. */
export function isClassifier(value: unknown, features: readonly string[]): value is Classifier {
  const classifier = value as Partial<Classifier> | null | undefined;
  return (
    JSON.stringify(classifier?.features) === JSON.stringify(features) &&
    classifier?.trees?.features === features.length &&
    Number.isFinite(classifier.calibration?.scale) &&
    Number.isFinite(classifier.calibration?.offset)
  );
}

/** Calibrated probability of every row; `values` holds them one after the other. */
export function classify({ trees, calibration }: Classifier, values: Float32Array): Float32Array {
  const { scale, offset } = calibration;
  const logits = predictLogits(trees, values);
  const out = new Float32Array(logits.length);
  for (let i = 0; i < out.length; i++) out[i] = squash(scale * logits[i] + offset);
  return out;
}

/** Labelled rows, gathered in any number of parts. */
export class Examples {
  private readonly parts: (Omit<LabelledRows, 'features'> & { readonly keptBack: boolean })[] = [];

  constructor(readonly features: readonly string[]) {}

  get count(): number {
    return this.parts.reduce((sum, { labels }) => sum + labels.length, 0);
  }

  /** @param keptBack judge with these, do not learn from them */
  add(rows: Omit<LabelledRows, 'features'>, keptBack: boolean): void {
    this.parts.push({ ...rows, keptBack });
  }

  rows(keptBack: boolean): LabelledRows {
    const chosen = this.parts.filter((part) => part.keptBack === keptBack);
    const count = chosen.reduce((sum, { labels }) => sum + labels.length, 0);
    const features = this.features.length;
    const joined = {
      features,
      values: new Float32Array(count * features),
      labels: new Uint8Array(count),
      weights: new Float32Array(count),
    };
    let at = 0;
    for (const { values, labels, weights } of chosen) {
      joined.values.set(values, at * features);
      joined.labels.set(labels, at);
      joined.weights.set(weights, at);
      at += labels.length;
    }
    return joined;
  }
}

/** How well probabilities hold on the rows kept back. */
export interface Reliability {
  /** Rows kept back. */
  readonly rows: number;
  /** Mean |predicted − observed| over ten bins of probability, weighted by their rows (ECE, Naeini 2015). */
  readonly calibrationError: number;
  readonly logLoss: number;
  /** At probability 0.5. */
  readonly precision: number;
  readonly recall: number;
  /** Of the bins that have rows: mean probability, share of yes, rows. */
  readonly bins: readonly { readonly predicted: number; readonly observed: number; readonly rows: number }[];
}

/** @throws RangeError where there is nothing to learn from; KynError `cancelled`. */
export function fitClassifier(
  examples: Examples,
  options: BoostOptions = BOOST_DEFAULTS,
  signal?: Signal,
): { classifier: Classifier; reliability: Reliability } {
  const learned = examples.rows(false);
  if (learned.labels.length === 0) throw new RangeError('no labelled examples to learn from');
  const trees = trainBoostedTrees(learned, options, signal);
  const back = examples.rows(true);
  return calibrated(examples.features, trees, predictLogits(trees, back.values), back);
}

/** The same trees, calibrated anew to rows of another kind of data; with few of them little changes. */
export function recalibrate(
  { features, trees, calibration: before }: Classifier,
  rows: LabelledRows,
): { classifier: Classifier; reliability: Reliability } {
  const logits = predictLogits(trees, rows.values);
  return calibrated(features, trees, logits, rows, before);
}

function calibrated(
  features: readonly string[],
  trees: BoostedTrees,
  logits: Float64Array,
  rows: LabelledRows,
  before?: Calibration,
): { classifier: Classifier; reliability: Reliability } {
  const calibration = calibrate(logits, rows, before);
  const probability = logits.map((logit) => squash(calibration.scale * logit + calibration.offset));
  return {
    classifier: { features, trees, calibration },
    reliability: reliabilityOf(probability, rows.labels),
  };
}

const squash = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** Newton's method on the two numbers; with few rows they stay nearly what they are `before`. */
function calibrate(
  logits: Float64Array,
  { labels, weights }: LabelledRows,
  before: Calibration = { scale: 1, offset: 0 },
): Calibration {
  let { scale, offset } = before;
  for (let round = 0; round < 20; round++) {
    // a ridge of ten rows about what was before
    let [gs, go, ss, so, oo] = [10 * (scale - before.scale), 10 * (offset - before.offset), 10, 0, 10];
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
    const [byScale, byOffset] = [(oo * gs - so * go) / determinant, (ss * go - so * gs) / determinant];
    scale = Math.max(0.2, scale - byScale);
    offset -= byOffset;
    if (Math.abs(byScale) + Math.abs(byOffset) < 1e-9) break;
  }
  return { scale, offset };
}

const BINS = 10;

/** How well `probability` holds of what `labels` say, 1 = yes; of one length. */
export function reliabilityOf(probability: ArrayLike<number>, labels: ArrayLike<number>): Reliability {
  const bins = Array.from({ length: BINS }, () => ({ predicted: 0, observed: 0, rows: 0 }));
  let [loss, hits, claimed, positive] = [0, 0, 0, 0];
  for (let i = 0; i < labels.length; i++) {
    const p = Math.min(1 - 1e-7, Math.max(1e-7, probability[i]));
    const bin = bins[Math.min(BINS - 1, Math.floor(p * BINS))];
    bin.predicted += p;
    bin.observed += labels[i];
    bin.rows++;
    loss -= labels[i] ? Math.log(p) : Math.log(1 - p);
    positive += labels[i];
    if (p < 0.5) continue;
    claimed++;
    hits += labels[i];
  }
  const filled = bins.filter((bin) => bin.rows > 0);
  const rows = labels.length;
  const share = (part: number, whole: number) => (whole > 0 ? part / whole : 1);
  const gaps = filled.reduce((sum, bin) => sum + Math.abs(bin.predicted - bin.observed), 0);
  return {
    rows,
    calibrationError: rows > 0 ? gaps / rows : 0,
    logLoss: rows > 0 ? loss / rows : 0,
    precision: share(hits, claimed),
    recall: share(hits, positive),
    bins: filled.map((bin) => ({
      predicted: bin.predicted / bin.rows,
      observed: bin.observed / bin.rows,
      rows: bin.rows,
    })),
  };
}
