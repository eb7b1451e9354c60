export {
  DOUBT_DEFAULTS,
  type Doubt,
  type DoubtInput,
  type DoubtKind,
  type DoubtOptions,
  doubts,
} from './doubts.ts';
export { doubtsCsv } from './doubts-csv.ts';
export { type FragmentTruth, PieceExamples } from './fit-pieces.ts';
export { PARTITION_DEFAULTS, type PartitionMethod, type PartitionOptions, partition } from './partition.ts';
export { type PieceGraph, partitionPieces } from './partition-pieces.ts';
export { PIECE_FEATURES } from './piece-pairs.ts';
