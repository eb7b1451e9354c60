/**
 * The partition in two rounds: greedy contraction stops where a merge is worth less than a bound, then every pair of the
 * pieces that it has made is judged anew by a classifier (`piece-pairs.ts`), and the pieces are contracted on its
 * log-odds. What a single link cannot tell, such as two long pieces that run side by side and touch once, is seen then.
 */
import { throwIfCancelled } from '../errors.ts';
import { contract } from '../graph/contraction.ts';
import type { EdgeColumns } from '../graph/edge-list.ts';
import { type Classifier, classify } from '../link/classifier.ts';
import type { SectionTable } from '../segment/fragment-table.ts';
import type { Vec3 } from '../volume/array.ts';
import type { StageContext } from '../volume/contracts.ts';
import { edgeScales, logOdds, type PartitionOptions, signedWeights } from './partition.ts';
import { type PiecePairs, piecePairs } from './piece-pairs.ts';

/** What is partitioned; nothing of it is mutated. */
export interface PieceGraph {
  /** With global fragment ids. */
  readonly edges: EdgeColumns;
  readonly fragments: number;
  readonly sections: readonly SectionTable[];
  readonly voxelSizeNm: Vec3;
}

/** The first round stops at merges that are worth less than this. */
export const PIECE_STOP = 10;

/**
 * The first round.
 * @returns piece of every fragment id, length fragments + 1: entry 0 is 0, pieces are numbered from 1 in order of first
 * fragment; and their pairs
 */
export function makePieces(
  { edges, fragments, sections, voxelSizeNm }: PieceGraph,
  options: PartitionOptions,
  stopAt = PIECE_STOP,
): { piece: Uint32Array; pairs: PiecePairs } {
  const weight = signedWeights(edges, options);
  const { a, b } = edges;
  const piece = contract({ nodeCount: fragments + 1, a, b, weight }, { linkage: 'sum', stopAt });
  const scale = edgeScales(edges, options);
  return { piece, pairs: piecePairs({ edges, weight, scale, piece, sections, voxelSizeNm }) };
}

/**
 * Both rounds.
 * @param judge a classifier over `PIECE_FEATURES`
 * @returns neuron of every fragment id, as `partition`
 * @throws KynError `cancelled`.
 */
export function partitionPieces(
  graph: PieceGraph,
  judge: Classifier,
  options: PartitionOptions,
  context: StageContext = {},
): Uint32Array {
  throwIfCancelled(context.signal);
  const { piece, pairs } = makePieces(graph, options);
  throwIfCancelled(context.signal);
  const weight = Float64Array.from(classify(judge, pairs.features), logOdds);
  const pieces = piece.reduce((most, id) => Math.max(most, id), 0) + 1;
  const neuron = contract({ nodeCount: pieces, a: pairs.a, b: pairs.b, weight }, { linkage: 'sum' });
  return piece.map((id) => neuron[id]);
}
