/** Fits a linker to pairs of fragments whose neurons are known. */
import type { Signal } from '../errors.ts';
import type { EdgeColumns } from '../graph/edge-list.ts';
import type { LabelSection } from '../volume/contracts.ts';
import type { BoostOptions } from './boosted-trees.ts';
import { classify, Examples, fitClassifier, type Reliability, recalibrate } from './classifier.ts';
import { PLANE_FEATURES, planeFeatures } from './in-plane.ts';
import { type JudgedPairs, LINK_FORMAT, type LinkModel } from './learned.ts';
import { PAIR_FEATURES } from './pair-features.ts';
import type { LinkSection } from './section-view.ts';

/** Labelled pairs, between sections and within them. */
export class PairExamples {
  readonly cross = new Examples(PAIR_FEATURES);
  readonly plane = new Examples(PLANE_FEATURES);

  /**
   * Adds the pairs of two sections, and those within the upper one.
   * @param edges in-plane edges of the upper section, with its ids
   * @param truth neurons of both sections, in any number of pixels; 0 is unknown
   * @param keptBack judge with these, do not learn from them
   */
  add(
    { evidence, features }: JudgedPairs,
    [lower, upper]: readonly [LinkSection, LinkSection],
    edges: EdgeColumns,
    truth: readonly [lower: LabelSection, upper: LabelSection],
    weight: number,
    keptBack: boolean,
  ): void {
    const [below, above] = [majorities(lower, truth[0]), majorities(upper, truth[1])];
    addKnown(this.cross, features, truthOf(evidence, below, above), weight, keptBack);
    addKnown(this.plane, planeFeatures(edges, upper), truthOf(edges, above, above), weight, keptBack);
  }
}

/** Pairs of fragments, by their ids in either section. */
interface Pairs {
  readonly count: number;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
}

/**
 * Of every pair 1 where both fragments are one neuron, 0 where they are two, -1 where that is unknown. Fragments that are two neurons
 * count as the one that most of them is: the classifier is to learn how little can be said of such.
 * @param first @param second neuron of every fragment, see {@link majorities}
 */
export function truthOf({ count, a, b }: Pairs, first: Uint32Array, second: Uint32Array): Int8Array {
  return Int8Array.from({ length: count }, (_, i) => {
    const [one, other] = [first[a[i]], second[b[i]]];
    return one === 0 || other === 0 ? -1 : Number(one === other);
  });
}

/** Adds the rows whose truth is known. @param truth see {@link truthOf} */
export function addKnown(
  examples: Examples,
  rows: Float32Array,
  truth: Int8Array,
  weight: number,
  keptBack: boolean,
): void {
  const width = examples.features.length;
  const kept = [...truth.keys()].filter((i) => truth[i] >= 0);
  const values = new Float32Array(kept.length * width);
  kept.forEach((i, row) => {
    values.set(rows.subarray(i * width, (i + 1) * width), row * width);
  });
  const labels = Uint8Array.from(kept, (i) => truth[i]);
  examples.add({ values, labels, weights: new Float32Array(kept.length).fill(weight) }, keptBack);
}

/** The neuron that most of the known pixels of every fragment belong to; 0 where less than half of them are known. */
export function majorities(
  { labels, height, width, profiles }: LinkSection,
  truth: LabelSection,
): Uint32Array {
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
  return Uint32Array.from(counts, (seen, fragment) => {
    let [neuron, most, known] = [0, 0, 0];
    for (const [id, pixels] of seen) {
      known += pixels;
      if (pixels > most) [neuron, most] = [id, pixels];
    }
    return known >= profiles.area[fragment] / 2 ? neuron : 0;
  });
}

/**
 * Numbers that mean neurons agree with most of the links that a linker finds likely, wherever its probabilities are
 * off; numbers given section by section agree with next to none.
 */
const AGREEING = 0.5;
/** With fewer likely links than this nothing can be said. */
const FEWEST_LIKELY = 20;

/**
 * The linker with its probabilities calibrated anew to pairs of another kind of images. Its trees stay as they are.
 * @returns undefined where the pairs are too few, or their truth does not seem to be neurons at all (ids that were given
 * section by section)
 */
export function recalibrateLinkModel(
  model: LinkModel,
  examples: PairExamples,
): { model: LinkModel; cross: Reliability } | undefined {
  const rows = examples.cross.rows(true);
  const likely = [...classify(model.cross, rows.values).entries()].filter(([, p]) => p > 0.5);
  const agreeing = likely.filter(([row]) => rows.labels[row] === 1).length;
  if (likely.length < FEWEST_LIKELY || agreeing < AGREEING * likely.length) return undefined;
  const cross = recalibrate(model.cross, rows);
  const inPlane = examples.plane.rows(true);
  const plane =
    model.plane && inPlane.labels.length > 0 ? recalibrate(model.plane, inPlane).classifier : model.plane;
  return {
    model: { ...model, cross: cross.classifier, ...(plane ? { plane } : {}) },
    cross: cross.reliability,
  };
}

/** @throws RangeError where there are no pairs between sections to learn from; KynError `cancelled`. */
export function fitLinkModel(
  examples: PairExamples,
  options?: BoostOptions,
  signal?: Signal,
): { model: LinkModel; cross: Reliability; plane: Reliability | undefined } {
  const cross = fitClassifier(examples.cross, options, signal);
  const plane = examples.plane.count > 0 ? fitClassifier(examples.plane, options, signal) : undefined;
  const model: LinkModel = {
    format: LINK_FORMAT,
    cross: cross.classifier,
    ...(plane ? { plane: plane.classifier } : {}),
  };
  return { model, cross: cross.reliability, plane: plane?.reliability };
}
