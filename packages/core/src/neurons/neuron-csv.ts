/**
 * The text of `neurons.csv`: one line a neuron, lines end in \n, units in the column names.
 */
import type { Neuron } from './neuron-table.ts';

const COLUMNS: readonly (readonly [name: string, cell: (neuron: Neuron) => number | string])[] = [
  ['neuron', (n) => n.id],
  ['voxels', (n) => n.voxels],
  ['volume_um3', (n) => rounded(n.volumeUm3, 9)],
  ['fragments', (n) => n.fragments],
  ['sections', (n) => n.sections],
  ['first_section', (n) => n.firstSection],
  ['last_section', (n) => n.lastSection],
  ['min_y', (n) => n.min[1]],
  ['min_x', (n) => n.min[2]],
  ['max_y', (n) => n.max[1]],
  ['max_x', (n) => n.max[2]],
  ['centroid_z_nm', (n) => rounded(n.centroidNm[0], 1)],
  ['centroid_y_nm', (n) => rounded(n.centroidNm[1], 1)],
  ['centroid_x_nm', (n) => rounded(n.centroidNm[2], 1)],
  ['ends_inside', (n) => n.endsInside],
];

/** Neurons as CSV, header first, in the order given. Boxes are voxels: min inclusive, max exclusive. */
export function neuronCsv(neurons: Iterable<Neuron>): string {
  const lines = [COLUMNS.map(([name]) => name).join(',')];
  for (const neuron of neurons) lines.push(COLUMNS.map(([, cell]) => cell(neuron)).join(','));
  return `${lines.join('\n')}\n`;
}

function rounded(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, '');
}
