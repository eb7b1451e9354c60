/**
 * Link scores: precision, recall and F1 over pairs of profiles in neighbouring sections.
 *
 * A pair counts when the two overlap by at least one pixel. It is a predicted link when both got the same
 * neuron, a true one when both belong to the same true object (the one each shares most pixels with).
 * Profiles without truth are left out. Profiles are the given fragments, else the 4-connected components of
 * the segmentation.
 */
import { PairTable } from '../graph/pair-table.ts';
import { toDense } from '../volume/array.ts';
import type { LabelSection, LabelSource, StageContext } from '../volume/contracts.ts';
import { labelProfiles } from '../volume/profiles.ts';
import { ContingencyTable } from './contingency.ts';
import { majorityOf } from './oracles.ts';
import { forEachSection } from './section-pairs.ts';

export interface LinkScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Pairs predicted and true, predicted only, true only. */
  readonly right: number;
  readonly wrong: number;
  readonly missed: number;
}

interface ProfiledSection {
  readonly profiles: LabelSection;
  readonly neuronOf: ReadonlyMap<number, number>;
  readonly truthOf: ReadonlyMap<number, number>;
}

export async function scoreLinks(
  input: {
    readonly segmentation: LabelSource;
    readonly truth: LabelSource;
    readonly fragments?: LabelSource;
  },
  context: StageContext = {},
): Promise<LinkScores> {
  const { segmentation, truth, fragments } = input;
  const sources = fragments ? [segmentation, truth, fragments] : [segmentation, truth];
  const counts = { right: 0, wrong: 0, missed: 0 };
  let below: ProfiledSection | undefined;
  await forEachSection(
    sources,
    (_, [s, t, f]) => {
      const here = profile(f ?? labelProfiles(s).labels, s, t);
      if (below) countLinks(below, here, counts);
      below = here;
    },
    'evaluate',
    context,
  );
  const { right, wrong, missed } = counts;
  const ratio = (part: number, whole: number) => (whole === 0 ? 1 : part / whole);
  return {
    precision: ratio(right, right + wrong),
    recall: ratio(right, right + missed),
    f1: ratio(2 * right, 2 * right + wrong + missed),
    ...counts,
  };
}

function profile(profiles: LabelSection, segmentation: LabelSection, truth: LabelSection): ProfiledSection {
  const neurons = new ContingencyTable();
  neurons.add(profiles, segmentation);
  const truths = new ContingencyTable();
  truths.add(profiles, truth);
  return { profiles, neuronOf: majorityOf(neurons), truthOf: majorityOf(truths) };
}

function countLinks(
  a: ProfiledSection,
  b: ProfiledSection,
  counts: { right: number; wrong: number; missed: number },
): void {
  const pairs = overlappingPairs(a.profiles, b.profiles);
  for (let i = 0; i < pairs.count; i++) {
    const truthA = a.truthOf.get(pairs.a[i]);
    const truthB = b.truthOf.get(pairs.b[i]);
    if (truthA === undefined || truthB === undefined) continue;
    const neuron = a.neuronOf.get(pairs.a[i]);
    const predicted = neuron !== undefined && neuron === b.neuronOf.get(pairs.b[i]);
    if (predicted && truthA === truthB) counts.right++;
    else if (predicted) counts.wrong++;
    else if (truthA === truthB) counts.missed++;
  }
}

/** Pairs of non-zero ids that lie over each other in at least one pixel. */
function overlappingPairs(a: LabelSection, b: LabelSection): PairTable {
  const pairs = new PairTable(0);
  const below = toDense(a).data;
  const above = toDense(b).data;
  let lastA = 0;
  let lastB = 0;
  for (let i = 0; i < below.length; i++) {
    const idA = below[i];
    const idB = above[i];
    if (idA === 0 || idB === 0 || (idA === lastA && idB === lastB)) continue;
    pairs.slot(idA, idB);
    lastA = idA;
    lastB = idB;
  }
  return pairs;
}
