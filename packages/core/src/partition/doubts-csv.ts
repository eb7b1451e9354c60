/**
 * The text of `doubts.csv`: one line a doubt, lines end in \n, units in the column names.
 */
import type { Doubt } from './doubts.ts';

const COLUMNS: readonly (readonly [name: string, cell: (doubt: Doubt) => number | string])[] = [
  ['kind', (d) => d.kind],
  ['z', (d) => d.position[0]],
  ['y', (d) => Math.round(d.position[1])],
  ['x', (d) => Math.round(d.position[2])],
  ['z_nm', (d) => Math.round(d.positionNm[0])],
  ['y_nm', (d) => Math.round(d.positionNm[1])],
  ['x_nm', (d) => Math.round(d.positionNm[2])],
  ['fragment_a', (d) => d.a],
  ['fragment_b', (d) => d.b],
  ['probability', (d) => d.probability.toFixed(4)],
  ['voxels_at_stake', (d) => Math.round(d.voxelsAtStake)],
];

/** Doubts as CSV, header first, in the order given. */
export function doubtsCsv(doubts: Iterable<Doubt>): string {
  const lines = [COLUMNS.map(([name]) => name).join(',')];
  for (const doubt of doubts) lines.push(COLUMNS.map(([, cell]) => cell(doubt)).join(','));
  return `${lines.join('\n')}\n`;
}
