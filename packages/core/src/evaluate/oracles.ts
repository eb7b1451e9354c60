/**
 * What is lost where: scores that the result would have, were one half of the work perfect.
 *
 * - Perfect links: every fragment goes to the true object it shares most voxels with. What is still lost is
 *   lost in 2D, by fragments that reach over membranes or were too small to place.
 * - Perfect fragments: every true profile (4-connected component of the truth in its section) goes to the
 *   segment it shares most voxels with. What is still lost is lost by links.
 */
import type { LabelSource, StageContext } from '../volume/contracts.ts';
import { labelProfiles } from '../volume/profiles.ts';
import { ContingencyTable } from './contingency.ts';
import { type Scores, scoreTable } from './scores.ts';
import { forEachSection } from './section-pairs.ts';

/**
 * For each segment the true object that it shares most voxels with, or the other way round (`of: 'truth'`).
 * Ties go to the lower id.
 */
export function majorityOf(
  table: ContingencyTable,
  of: 'segment' | 'truth' = 'segment',
): Map<number, number> {
  const best = new Map<number, { id: number; voxels: number }>();
  table.forEach((segment, truth, voxels) => {
    const [key, id] = of === 'segment' ? [segment, truth] : [truth, segment];
    const sofar = best.get(key);
    if (!sofar || voxels > sofar.voxels || (voxels === sofar.voxels && id < sofar.id)) {
      best.set(key, { id, voxels });
    }
  });
  return new Map([...best].map(([key, { id }]) => [key, id]));
}

/** Scores if every fragment were given to its true object. `table` counts fragments (unique over z) × truth. */
export function scorePerfectLinks(table: ContingencyTable): Scores {
  const neuronOf = majorityOf(table);
  const linked = new ContingencyTable();
  table.forEach((fragment, truth, voxels) => {
    // Fragment 0 is what no fragment covers: no link can mend it, so it stays background.
    linked.addPair(fragment === 0 ? 0 : (neuronOf.get(fragment) ?? 0), truth, voxels);
  });
  return scoreTable(linked);
}

/** Scores if every true profile were one fragment, each in the segment that most of it lies in now. */
export async function scorePerfectFragments(
  input: { readonly segmentation: LabelSource; readonly truth: LabelSource },
  context: StageContext = {},
): Promise<Scores> {
  const ideal = new ContingencyTable();
  await forEachSection(
    [input.segmentation, input.truth],
    (_, [segmentation, truth]) => {
      const profiles = labelProfiles(truth).labels;
      const inSegment = new ContingencyTable();
      inSegment.add(segmentation, profiles);
      const ofTruth = new ContingencyTable();
      ofTruth.add(profiles, truth);
      const segmentOf = majorityOf(inSegment, 'truth');
      ofTruth.forEach((profile, id, voxels) => {
        ideal.addPair(segmentOf.get(profile) ?? 0, id, voxels);
      });
    },
    'evaluate',
    context,
  );
  return scoreTable(ideal);
}
