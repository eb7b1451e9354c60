/** The plain form of `contingency.ts`: a map of maps, a visit a voxel. The fast one is tested against it. */
import type { LabelSection } from '../volume/contracts.ts';

/** segment → truth → voxels. */
export type CountMap = Map<number, Map<number, number>>;

/** Counts one section into `counts`, which is mutated. */
export function countPairsInPlace(counts: CountMap, segmentation: LabelSection, truth: LabelSection): void {
  const [height, width] = truth.shape;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const t = truth.data[y * truth.stride[0] + x * truth.stride[1]];
      if (t === 0) continue;
      const s = segmentation.data[y * segmentation.stride[0] + x * segmentation.stride[1]];
      const row = counts.get(s) ?? new Map<number, number>();
      row.set(t, (row.get(t) ?? 0) + 1);
      counts.set(s, row);
    }
  }
}
