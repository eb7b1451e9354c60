/**
 * Label maps between the sections. A section is a slab: to draw it one must know where walls lie at its upper face,
 * in its middle and at its lower face. A label volume has middles only; faces come from shape-based interpolation (Raya and Udupa 1990): where
 * two sections disagree about a pixel, it belongs to the profile that lies deeper.
 */
import type { LabelSource } from '../volume/contracts.ts';
import { boundaryField, chamferDistance } from './boundary-distance.ts';
import type { SectionGrid } from './noise.ts';
import type { Tessellation } from './tessellation.ts';

/** One height: whose every pixel is, and how far (pixels) its wall. */
export interface Slice {
  readonly labels: Uint32Array;
  readonly distance: Float32Array;
}

/** The slice through a section's middle, with exact distances and the nearest wall pixels. */
export interface MiddleSlice extends Slice {
  readonly nearest: Int32Array;
}

/** The slices that sections are drawn from. */
export interface SubSections {
  middle(z: number): Promise<MiddleSlice>;
  /** The face between sections z and z + 1; z may be -1 or the last section. */
  face(z: number): Promise<Slice>;
}

/** A memory of the last few results of an async function of an integer. */
function remember<T>(capacity: number, make: (key: number) => Promise<T>): (key: number) => Promise<T> {
  const held = new Map<number, Promise<T>>();
  return (key) => {
    let value = held.get(key);
    if (value) held.delete(key);
    else {
      value = make(key);
      value.catch(() => held.delete(key));
    }
    held.set(key, value);
    for (const oldest of held.keys()) {
      if (held.size <= capacity) break;
      held.delete(oldest);
    }
    return value;
  };
}

/** Slices of a tessellation, exact at every height. */
export function tessellationSlices(tissue: Tessellation, grid: SectionGrid, sectionNm: number): SubSections {
  const labelsAt = (sections: number) => tissue.labels(sections * sectionNm, grid);
  return {
    middle: remember(2, async (z) => {
      const labels = labelsAt(z + 0.5);
      return { labels, ...boundaryField(labels, grid.height, grid.width) };
    }),
    face: remember(2, async (z) => {
      const labels = labelsAt(z + 1);
      return { labels, distance: chamferDistance(labels, grid.height, grid.width) };
    }),
  };
}

/** Smooths walls for drawing: a pixel takes the label that most of its 3×3 neighbours have; 0 gives way first. */
export function smoothedLabels(
  labels: Uint32Array,
  height: number,
  width: number,
  passes: number,
): Uint32Array {
  let from = labels;
  const around = new Uint32Array(9);
  for (let pass = 0; pass < passes; pass++) {
    const to = from.slice();
    for (let y = 1; y + 1 < height; y++) {
      for (let x = 1; x + 1 < width; x++) {
        const p = y * width + x;
        const own = from[p];
        if (
          own !== 0 &&
          from[p - 1] === own &&
          from[p + 1] === own &&
          from[p - width] === own &&
          from[p + width] === own
        ) {
          continue;
        }
        let n = 0;
        for (let dy = -width; dy <= width; dy += width) {
          for (let dx = -1; dx <= 1; dx++) around[n++] = from[p + dy + dx];
        }
        let best = own;
        let votes = 0;
        for (let a = 0; a < 9; a++) {
          if (around[a] === 0) continue;
          let count = around[a] === own ? 0.5 : 0;
          for (let b = 0; b < 9; b++) if (around[b] === around[a]) count++;
          if (count > votes) {
            votes = count;
            best = around[a];
          }
        }
        to[p] = best;
      }
    }
    from = to;
  }
  return from;
}

/** Slices of a label volume; only the sections around the height asked for are read. */
export function volumeSlices(source: LabelSource, smoothing: number): SubSections {
  const [depth, height, width] = source.info.shape;
  const middle = remember(4, async (z) => {
    const section = await source.read(z);
    const [strideY, strideX] = section.stride;
    const labels = new Uint32Array(height * width);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) labels[y * width + x] = section.data[y * strideY + x * strideX];
    }
    const smooth = smoothedLabels(labels, height, width, smoothing);
    return { labels: smooth, ...boundaryField(smooth, height, width) };
  });
  return {
    middle,
    face: remember(2, async (z) => {
      if (z < 0) return middle(0);
      if (z + 1 >= depth) return middle(depth - 1);
      const [a, b] = [await middle(z), await middle(z + 1)];
      const labels = a.labels.slice();
      for (let p = 0; p < labels.length; p++) {
        if (labels[p] !== b.labels[p] && b.distance[p] > a.distance[p]) labels[p] = b.labels[p];
      }
      return { labels, distance: chamferDistance(labels, height, width) };
    }),
  };
}
