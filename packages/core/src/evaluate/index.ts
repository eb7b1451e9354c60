export { labelProfiles, type Profiles } from '../volume/profiles.ts';
export { ContingencyTable } from './contingency.ts';
export { type Corrections, countCorrections } from './corrections.ts';
export { type CostlyError, type CostlyErrors, costliestErrors } from './costly-errors.ts';
export {
  countPairs,
  type EvaluateInput,
  evaluate,
  evaluatePerSlice,
  type PerSliceScores,
  type SliceScores,
} from './evaluate.ts';
export { type LinkScores, scoreLinks } from './link-scores.ts';
export { majorityOf, scorePerfectFragments, scorePerfectLinks } from './oracles.ts';
export { meanScores, type Scores, scoreTable } from './scores.ts';
