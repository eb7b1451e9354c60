/**
 * The table of neurons: what the fragments of each add up to.
 */
import type { FragmentTable, SectionTable } from '../segment/fragment-table.ts';
import type { Vec3 } from '../volume/array.ts';

/** One neuron. Boxes are in voxels, z y x, min inclusive, max exclusive. */
export interface Neuron {
  readonly id: number;
  readonly voxels: number;
  readonly volumeUm3: number;
  readonly fragments: number;
  /** Sections it has a fragment in. */
  readonly sections: number;
  readonly firstSection: number;
  readonly lastSection: number;
  readonly min: Vec3;
  readonly max: Vec3;
  /** Mean of its voxel centres, from the volume's corner, nm. */
  readonly centroidNm: Vec3;
  /**
   * Of its two ends, in its first and its last section, how many lie within the tissue: neither in the first or last section that has
   * any, nor at the edge of its box in the plane. A neurite seldom ends there.
   */
  readonly endsInside: number;
}

interface Box {
  readonly min: number[];
  readonly max: number[];
}

interface Totals {
  readonly id: number;
  voxels: number;
  fragments: number;
  sections: number;
  lastSeen: number;
  readonly sum: [number, number, number];
  readonly min: [number, number, number];
  readonly max: [number, number, number];
  /** What it has in its first and in its last section, y x. */
  readonly ends: [first: Box, last: Box];
}

/**
 * Adds up the neurons of a volume.
 * @param sections each section once, in any order; may be a generator, nothing of it is kept.
 * @param assignment neuron of every global fragment id; fragments of neuron 0 are left out.
 * @returns neurons that have a voxel, by id.
 */
export function neuronTable(
  sections: Iterable<SectionTable>,
  assignment: Uint32Array,
  voxelSizeNm: Vec3,
): Neuron[] {
  const totals: (Totals | undefined)[] = [];
  for (const { z, idOffset, stats } of sections) {
    for (let i = 1; i <= stats.count; i++) {
      const id = assignment[idOffset + i];
      if (!id || stats.area[i] === 0) continue;
      totals[id] ??= emptyTotals(id);
      addFragment(totals[id], z, stats, i);
    }
  }
  const neurons = totals.filter((t) => t !== undefined);
  const tissue = emptyBox(3);
  for (const { min, max } of neurons) widen(tissue, min, max);
  return neurons.map((t) => summary(t, tissue, voxelSizeNm));
}

function emptyTotals(id: number): Totals {
  return {
    id,
    voxels: 0,
    fragments: 0,
    sections: 0,
    lastSeen: -1,
    sum: [0, 0, 0],
    min: [Infinity, Infinity, Infinity],
    max: [0, 0, 0],
    ends: [emptyBox(2), emptyBox(2)],
  };
}

const emptyBox = (axes: number): Box => ({ min: Array(axes).fill(Infinity), max: Array(axes).fill(0) });

function widen({ min, max }: Box, low: readonly number[], high: readonly number[]): void {
  for (let axis = 0; axis < min.length; axis++) {
    min[axis] = Math.min(min[axis], low[axis]);
    max[axis] = Math.max(max[axis], high[axis]);
  }
}

function addFragment(t: Totals, z: number, stats: FragmentTable, i: number): void {
  const area = stats.area[i];
  t.voxels += area;
  t.fragments++;
  if (t.lastSeen !== z) t.sections++;
  t.lastSeen = z;
  const centroid = [z, stats.centroidY[i], stats.centroidX[i]];
  const low = [z, stats.minY[i], stats.minX[i]];
  const high = [z + 1, stats.maxY[i], stats.maxX[i]];
  for (let axis = 0; axis < 3; axis++) t.sum[axis] += area * centroid[axis];
  if (z < t.min[0]) t.ends[0] = emptyBox(2);
  if (z >= t.max[0]) t.ends[1] = emptyBox(2);
  widen(t, low, high);
  if (z === t.min[0]) widen(t.ends[0], low.slice(1), high.slice(1));
  if (z === t.max[0] - 1) widen(t.ends[1], low.slice(1), high.slice(1));
}

/** How many of its ends lie within the tissue. */
function endsInside({ min, max, ends }: Totals, tissue: Box): number {
  const last = tissue.max[0] - 1;
  const sections = [min[0], max[0] - 1];
  return ends.filter(
    (end, i) =>
      sections[i] > tissue.min[0] &&
      sections[i] < last &&
      [0, 1].every((axis) => end.min[axis] > tissue.min[axis + 1] && end.max[axis] < tissue.max[axis + 1]),
  ).length;
}

function summary(t: Totals, tissue: Box, voxelSizeNm: Vec3): Neuron {
  const centre = (axis: 0 | 1 | 2) => (t.sum[axis] / t.voxels + 0.5) * voxelSizeNm[axis];
  return {
    id: t.id,
    voxels: t.voxels,
    volumeUm3: (t.voxels * voxelSizeNm[0] * voxelSizeNm[1] * voxelSizeNm[2]) / 1e9,
    fragments: t.fragments,
    sections: t.sections,
    firstSection: t.min[0],
    lastSection: t.max[0] - 1,
    min: t.min,
    max: t.max,
    centroidNm: [centre(0), centre(1), centre(2)],
    endsInside: endsInside(t, tissue),
  };
}
