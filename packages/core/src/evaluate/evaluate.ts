/**
 * The evaluation stage: scores a segmentation against ground truth over the whole volume, or section by
 * section. For the latter both volumes are first relabelled to profiles (4-connected components in the
 * section), so that only the 2D boundaries count and a right or wrong link costs nothing.
 */
import { KynError } from '../errors.ts';
import type { LabelSource, StageContext } from '../volume/contracts.ts';
import { labelProfiles } from '../volume/profiles.ts';
import { ContingencyTable } from './contingency.ts';
import { meanScores, type Scores, scoreTable } from './scores.ts';
import { forEachSection } from './section-pairs.ts';

export interface EvaluateInput {
  readonly segmentation: LabelSource;
  /** Same shape; 0 = not labelled, not scored. */
  readonly truth: LabelSource;
}

/** Scores the volume as a whole: the same neuron must have the same id in every section. */
export async function evaluate(input: EvaluateInput, context: StageContext = {}): Promise<Scores> {
  return scoreTable(await countPairs(input, context));
}

/** Contingency table of the whole volume, for scores and the diagnostics made from it. */
export async function countPairs(
  input: EvaluateInput,
  context: StageContext = {},
): Promise<ContingencyTable> {
  const table = new ContingencyTable();
  const { segmentation, truth } = input;
  await forEachSection([segmentation, truth], (_, [s, t]) => table.add(s, t), 'evaluate', context);
  return table;
}

export interface SliceScores {
  readonly z: number;
  readonly scores: Scores;
}

export interface PerSliceScores {
  /** Mean of every key over the sections that have truth. */
  readonly mean: Scores;
  readonly slices: readonly SliceScores[];
}

/**
 * Scores every section by itself.
 * @throws KynError `content` when no section has truth.
 */
export async function evaluatePerSlice(
  input: EvaluateInput,
  context: StageContext = {},
): Promise<PerSliceScores> {
  const slices: SliceScores[] = [];
  const { segmentation, truth } = input;
  await forEachSection(
    [segmentation, truth],
    (z, [s, t]) => {
      const table = new ContingencyTable();
      table.add(labelProfiles(s).labels, labelProfiles(t).labels);
      if (table.voxels === 0) return;
      slices.push({ z, scores: scoreTable(table) });
    },
    'evaluate',
    context,
  );
  if (slices.length === 0) {
    throw new KynError('content', 'no section has ground truth (all of it is 0)', {
      where: truth.info.location,
      hint: 'check the box and that the truth is the second operand',
    });
  }
  return { mean: meanScores(slices.map((slice) => slice.scores)), slices };
}
