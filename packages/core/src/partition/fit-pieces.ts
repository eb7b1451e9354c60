/** Examples for the classifier of pairs of pieces: what the first round makes of graphs whose neurons are known. */
import { Examples } from '../link/classifier.ts';
import type { PartitionOptions } from './partition.ts';
import { makePieces, PIECE_STOP, type PieceGraph } from './partition-pieces.ts';
import { PIECE_FEATURES } from './piece-pairs.ts';

/** The first round is stopped early, as it is in use, and late, so that larger pieces are met as well. */
const STOPS = [2 * PIECE_STOP, PIECE_STOP, PIECE_STOP / 2] as const;

/** Pieces of less than this purity have no neuron of their own: their pairs teach nothing. */
const LEAST_PURITY = 0.7;

/** Every so many pairs one is kept back, to calibrate and to judge. */
const KEPT_BACK = 5;

export class PieceExamples {
  readonly rows = new Examples(PIECE_FEATURES);

  /**
   * Adds the pairs of pieces of one volume.
   * @param truth of its fragments
   */
  add(graph: PieceGraph, fragments: FragmentTruth, options: PartitionOptions, weight = 1): void {
    for (const stop of STOPS) {
      const { piece, pairs } = makePieces(graph, options, stop);
      const truth = pieceTruth(piece, fragments);
      for (const keptBack of [false, true]) {
        const kept = Array.from({ length: pairs.count }, (_, i) => i).filter(
          (i) =>
            (i % KEPT_BACK === 0) === keptBack &&
            Math.min(truth.purity[pairs.a[i]], truth.purity[pairs.b[i]]) >= LEAST_PURITY,
        );
        const width = PIECE_FEATURES.length;
        const values = new Float32Array(kept.length * width);
        kept.forEach((i, row) => {
          values.set(pairs.features.subarray(i * width, (i + 1) * width), row * width);
        });
        const same = (i: number) => truth.neuron[pairs.a[i]] === truth.neuron[pairs.b[i]];
        const labels = Uint8Array.from(kept, (i) => Number(same(i)));
        const purity = (i: number) => truth.purity[pairs.a[i]] * truth.purity[pairs.b[i]];
        this.rows.add(
          { values, labels, weights: Float32Array.from(kept, (i) => weight * purity(i)) },
          keptBack,
        );
      }
    }
  }
}

/** What is known of fragments; entry 0 is background. */
export interface FragmentTruth {
  /** The neuron that most of its voxels belong to; 0 where none is known. */
  readonly neuron: Uint32Array;
  /** Voxels that do. */
  readonly inside: Float64Array;
  /** Voxels with a known neuron. */
  readonly known: Float64Array;
}

function pieceTruth(
  piece: Uint32Array,
  { neuron, inside, known }: FragmentTruth,
): { neuron: Uint32Array; purity: Float64Array } {
  const votes: Map<number, number>[] = [];
  const total: number[] = [];
  piece.forEach((id, fragment) => {
    votes[id] ??= new Map();
    total[id] = (total[id] ?? 0) + known[fragment];
    const own = neuron[fragment];
    if (own !== 0) votes[id].set(own, (votes[id].get(own) ?? 0) + inside[fragment]);
  });
  const out = { neuron: new Uint32Array(votes.length), purity: new Float64Array(votes.length) };
  votes.forEach((of, id) => {
    for (const [own, voxels] of of) {
      if (voxels / total[id] <= out.purity[id]) continue;
      out.purity[id] = voxels / total[id];
      out.neuron[id] = own;
    }
  });
  return out;
}
