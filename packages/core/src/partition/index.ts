export {
  DOUBT_DEFAULTS,
  type Doubt,
  type DoubtInput,
  type DoubtKind,
  type DoubtOptions,
  doubts,
} from './doubts.ts';
export { doubtsCsv } from './doubts-csv.ts';
export {
  optionsIn,
  PARTITION_DEFAULTS,
  type PartitionMethod,
  type PartitionOptions,
  partition,
} from './partition.ts';
