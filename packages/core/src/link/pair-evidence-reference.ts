/** The plain, slow twin of `gatherEvidence`, for tests: pixel by pixel, sums by name of the pair. */

import type { ShiftField } from './local-shift.ts';
import type { CrossAffinity } from './pair-evidence.ts';
import type { LinkSection } from './section-view.ts';

export interface PairSums {
  pixels: number;
  affinity: number;
  square: number;
  nos: number;
  yeses: number;
  displaced: number;
  displacedAffinity: number;
  aligned: number;
}

/** Sums of every pair that any pixel speaks of, keyed `a b`. @param shift local displacement of the sections */
export function evidenceReference(
  lower: LinkSection,
  upper: LinkSection,
  { values, displacements, stride }: CrossAffinity,
  shift: ShiftField,
): Map<string, PairSums> {
  const { height, width } = lower;
  const [, rows, columns] = values.shape;
  const found = new Map<string, PairSums>();
  const at = (labels: Uint32Array, y: number, x: number) =>
    y >= 0 && x >= 0 && y < height && x < width ? labels[y * width + x] : 0;
  const visit = (y: number, x: number, toY: number, toX: number, add: (sums: PairSums) => void) => {
    const [a, b] = [at(lower.labels, y, x), at(upper.labels, toY, toX)];
    if (a === 0 || b === 0) return;
    const sums = found.get(`${a} ${b}`) ?? {
      pixels: 0,
      affinity: 0,
      square: 0,
      nos: 0,
      yeses: 0,
      displaced: 0,
      displacedAffinity: 0,
      aligned: 0,
    };
    add(sums);
    found.set(`${a} ${b}`, sums);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = (channel: number) =>
        values.data[(channel * rows + Math.floor(y / stride)) * columns + Math.floor(x / stride)];
      visit(y, x, y, x, (sums) => {
        sums.pixels++;
        sums.affinity += value(0);
        sums.square += value(0) ** 2;
        sums.nos += value(0) < 0.25 ? 1 : 0;
        sums.yeses += value(0) > 0.75 ? 1 : 0;
      });
      if (y % stride || x % stride) continue;
      for (let channel = 1; channel < displacements.length; channel++) {
        const [dy, dx] = displacements[channel];
        visit(y, x, y + dy, x + dx, (sums) => {
          sums.displaced++;
          sums.displacedAffinity += value(channel);
        });
      }
      const cell = shift.cell(y, x);
      visit(y, x, y + shift.y[cell], x + shift.x[cell], (sums) => {
        sums.aligned += stride * stride;
      });
    }
  }
  return found;
}
