/** Fits what judges links between given fragments to volumes whose true profiles are known. */
import type { Signal } from '../errors.ts';
import { EdgeList, withColumns } from '../graph/edge-list.ts';
import type { Vec3 } from '../volume/array.ts';
import type { LabelSection } from '../volume/contracts.ts';
import { BOOST_DEFAULTS, type BoostOptions } from './boosted-trees.ts';
import { type Classifier, classify, Examples, fitClassifier, type Reliability } from './classifier.ts';
import { COURSE_FEATURES, Course, type PlacedSection } from './course.ts';
import { addKnown, majorities, truthOf } from './fit.ts';
import { edgesOfPairs, type SectionPairs } from './learned.ts';
import { GIVEN_FEATURES, givenFeatures } from './pair-features.ts';

/** The pairs of two sections. */
interface Pairs {
  /** Rows of {@link GIVEN_FEATURES}. */
  readonly values: Float32Array;
  /** The same as edges of the graph, of no probability yet. */
  readonly edges: EdgeList;
  /** 1 and 0: one neuron or two; -1 where that is unknown. */
  readonly truth: Int8Array;
  readonly keptBack: boolean;
}

/** All pairs of one volume's given fragments. */
export class GivenVolume {
  private readonly pairs: Pairs[] = [];

  /**
   * @param place volumes of one place tell the same and are never judged by each other
   * @param weight of a pair beside those of other volumes
   * @param sections all of them, in pixels of the volume
   */
  constructor(
    readonly place: number,
    private readonly weight: number,
    private readonly sections: readonly PlacedSection[],
    private readonly voxelSizeNm: Vec3,
  ) {}

  /**
   * Adds the pairs of two sections.
   * @param truth neurons of both, in any number of pixels; 0 is unknown
   * @param pixelArea pixels of the volume that one of the network stands for
   * @param keptBack judge with these, do not learn from them
   */
  add(
    { pairs, lower, upper }: SectionPairs,
    truth: readonly [lower: LabelSection, upper: LabelSection],
    pixelArea: number,
    keptBack: boolean,
  ): void {
    const [below, above] = [majorities(lower, truth[0]), majorities(upper, truth[1])];
    const { count } = pairs.evidence;
    this.pairs.push({
      values: givenFeatures(pairs.features),
      edges: edgesOfPairs(pairs, new Float32Array(count), lower, upper, 'cross', pixelArea),
      truth: truthOf(pairs.evidence, below, above),
      keptBack,
    });
  }

  /** Adds the pairs whose truth is known, as two sections show them. */
  teach(examples: Examples): void {
    for (const { values, truth, keptBack } of this.pairs)
      addKnown(examples, values, truth, this.weight, keptBack);
  }

  /** Adds them as they look when all are judged by `given`. */
  teachCourse(examples: Examples, given: Classifier): void {
    const edges = new EdgeList();
    for (const { values, edges: own } of this.pairs) {
      edges.append(withColumns(own.columns(), { probability: classify(given, values) }));
    }
    const course = new Course(edges.columns(), this.sections, this.voxelSizeNm);
    let from = 0;
    for (const { truth, keptBack } of this.pairs) {
      addKnown(examples, course.rows(from, from + truth.length), truth, this.weight, keptBack);
      from += truth.length;
    }
  }
}

/** What judges links between given fragments, and how well each does on what was kept back. */
export interface GivenFit {
  readonly given: Classifier;
  readonly reliability: Reliability;
  readonly course?: Classifier;
  readonly courseReliability?: Reliability;
}

/** Places are judged by classifiers that have learned from the others. */
const FOLDS = 3;

/** @returns undefined where no pair is known; no `course` where there are too few places to judge one by the others */
export function fitGiven(
  volumes: readonly GivenVolume[],
  options: BoostOptions = BOOST_DEFAULTS,
  signal?: Signal,
): GivenFit | undefined {
  const fit = (some: readonly GivenVolume[]) => {
    const examples = new Examples(GIVEN_FEATURES);
    for (const volume of some) volume.teach(examples);
    return examples.rows(false).labels.length > 0
      ? fitClassifier(examples, forGiven(options), signal)
      : undefined;
  };
  const whole = fit(volumes);
  if (!whole) return undefined;
  const { classifier: given, reliability } = whole;
  const places = [...new Set(volumes.map(({ place }) => place))];
  const examples = new Examples(COURSE_FEATURES);
  // a classifier is too sure of what it has learned from, and the links of a new volume are not such
  for (let fold = 0; fold < FOLDS && places.length >= FOLDS; fold++) {
    const isOut = ({ place }: GivenVolume): boolean => places.indexOf(place) % FOLDS === fold;
    const others = fit(volumes.filter((volume) => !isOut(volume)));
    if (!others) return { given, reliability };
    for (const volume of volumes.filter(isOut)) volume.teachCourse(examples, others.classifier);
  }
  if (examples.count === 0) return { given, reliability };
  const course = fitClassifier(examples, options, signal);
  return { given, reliability, course: course.classifier, courseReliability: course.reliability };
}

/** Given fragments come in more kinds than our own: more trees, of which less is taken. */
function forGiven(boost: BoostOptions): BoostOptions {
  return { ...boost, trees: 2 * boost.trees, rate: 0.6 * boost.rate };
}
