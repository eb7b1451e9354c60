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

/** Of all fragments in a section: their box, y x. */
interface Extent {
  readonly z: number;
  readonly min: [number, number];
  readonly max: [number, number];
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
  /** In its first and in its last section. */
  readonly ends: [first: Extent, last: Extent];
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
  const tissue = boxOf(neurons);
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
    ends: [nowhere(Infinity), nowhere(-1)],
  };
}

const nowhere = (z: number): Extent => ({ z, min: [Infinity, Infinity], max: [0, 0] });

type Box = Pick<Totals, 'min' | 'max'>;

/** The box of all of them. */
function boxOf(neurons: readonly Box[]): Box {
  const box: Box = { min: [Infinity, Infinity, Infinity], max: [0, 0, 0] };
  for (const { min, max } of neurons) {
    for (let axis = 0; axis < 3; axis++) {
      box.min[axis] = Math.min(box.min[axis], min[axis]);
      box.max[axis] = Math.max(box.max[axis], max[axis]);
    }
  }
  return box;
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
  for (let axis = 0; axis < 3; axis++) {
    t.sum[axis] += area * centroid[axis];
    t.min[axis] = Math.min(t.min[axis], low[axis]);
    t.max[axis] = Math.max(t.max[axis], high[axis]);
  }
  if (z < t.ends[0].z) t.ends[0] = nowhere(z);
  if (z > t.ends[1].z) t.ends[1] = nowhere(z);
  for (const end of t.ends) {
    if (z !== end.z) continue;
    for (let axis = 0; axis < 2; axis++) {
      end.min[axis] = Math.min(end.min[axis], low[axis + 1]);
      end.max[axis] = Math.max(end.max[axis], high[axis + 1]);
    }
  }
}

/** Whether all that a neuron has in its first or last section lies within the tissue. */
function isInside({ z, min, max }: Extent, tissue: Box): boolean {
  if (z === tissue.min[0] || z === tissue.max[0] - 1) return false;
  return [0, 1].every((axis) => min[axis] > tissue.min[axis + 1] && max[axis] < tissue.max[axis + 1]);
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
    endsInside: t.ends.filter((end) => isInside(end, tissue)).length,
  };
}
