/** Remarks about what is to be segmented: sizes that can hardly be meant, and input that is not quite usual. */
import type { Vec3 } from '../volume/array.ts';
import type { VolumeInfo } from '../volume/contracts.ts';

/** In-plane pixels of electron micrographs of cells lie between these, in nm, by far. */
const FINEST_NM = 0.3;
const COARSEST_NM = 100;

/** Sections thinner or thicker than this are none. */
const THINNEST_NM = 1;
const THICKEST_NM = 5000;

/** Pixels are square in every microscope; a scan may be stretched by less than this. */
const SQUARE_WITHIN = 1.5;

/** Sections smaller than this, in the network's pixels, hold no whole cell. */
const SMALLEST_SIDE = 32;

/** What is doubtful about a voxel size (z, y, x); undefined where it can well be true. */
export function voxelSizeDoubt([z, y, x]: Vec3): string | undefined {
  const size = `${x}×${y}×${z} nm`;
  const advice = 'check --voxel-size X,Y,Z (in nm, x first)';
  if (Math.min(x, y) < FINEST_NM || Math.max(x, y) > COARSEST_NM || z < THINNEST_NM || z > THICKEST_NM) {
    return `warning: voxels of ${size} (x, y, z) are hardly those of electron microscopy: ${advice}`;
  }
  if (x === 1 && y === 1 && z === 1) {
    return `warning: voxels of ${size} (x, y, z): programs write that where nobody told them; ${advice}`;
  }
  if (Math.max(x, y) > SQUARE_WITHIN * Math.min(x, y)) {
    return `warning: pixels of ${x}×${y} nm are far from square: ${advice}`;
  }
  return undefined;
}

/**
 * Notes on dtype and size.
 * @param small size of a section as the network sees it, [height, width]
 */
export function inputNotes({ shape, dtype }: VolumeInfo, small: readonly [number, number]): string[] {
  const notes: string[] = [];
  if (dtype !== 'uint8') {
    notes.push(`${dtype} pixels: each section's contrast is brought to the network's by its own range`);
  }
  const [depth, height, width] = shape;
  if (Math.min(...small) < SMALLEST_SIDE) {
    notes.push(
      `warning: sections of ${width}×${height} pixels are smaller than cells: expect little of them`,
    );
  }
  if (depth === 1)
    notes.push('one section only: there is nothing to link, neurons are what it shows of them');
  return notes;
}
