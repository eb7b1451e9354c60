/**
 * Label maps between the sections. A section is a slab: to draw it one must know where walls lie at its upper face,
 * in its middle and at its lower face. Height is counted in half sections: 2z is the middle of section z, 2z ± 1 its
 * faces. A label volume has middles only; faces come from shape-based interpolation (Raya and Udupa 1990): where
 * two sections disagree about a pixel, it belongs to the profile that lies deeper.
 */
import type { LabelSource } from '../volume/contracts.ts';
import { type BoundaryField, boundaryField } from './boundary-distance.ts';
import type { SectionGrid } from './noise.ts';
import type { Tessellation } from './tessellation.ts';

/** One height: whose every pixel is, and how far its wall. */
export interface Slice {
  readonly labels: Uint32Array;
  readonly field: BoundaryField;
}

/** Slices by half-section height. */
export interface SubSections {
  at(halfHeight: number): Promise<Slice>;
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
export function tessellationSlices(
  tessellation: Tessellation,
  grid: SectionGrid,
  sectionNm: number,
): SubSections {
  return {
    at: remember(4, async (half) => {
      const labels = tessellation.labels((half / 2 + 0.5) * sectionNm, grid);
      return { labels, field: boundaryField(labels, grid.height, grid.width) };
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
    return { labels: smooth, field: boundaryField(smooth, height, width) };
  });
  const face = remember(3, async (below) => {
    const [a, b] = [await middle(below), await middle(below + 1)];
    const labels = a.labels.slice();
    const [da, db] = [a.field.distance, b.field.distance];
    for (let p = 0; p < labels.length; p++) {
      if (labels[p] !== b.labels[p] && db[p] > da[p]) labels[p] = b.labels[p];
    }
    return { labels, field: boundaryField(labels, height, width) };
  });
  return {
    at(half) {
      if (half % 2 === 0) return middle(half / 2);
      const below = (half - 1) / 2;
      if (below < 0) return middle(0);
      return below + 1 >= depth ? middle(depth - 1) : face(below);
    },
  };
}
