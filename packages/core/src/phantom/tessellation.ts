/**
 * The packing as label sections: a pixel belongs to the ball whose surface is nearest (an additively weighted
 * Voronoi diagram, so walls are curved and thick neurites are dented by thin ones), looked up through a smooth
 * in-plane displacement that bends the walls. Pure function of height; the box repeats without end, each repetition
 * with ids of its own.
 */
import type { Vec3 } from '../volume/array.ts';
import type { PhantomGeometry } from './geometry.ts';
import { addNoise, type SectionGrid } from './noise.ts';
import { MAX_GAP_NM, type Packing } from './packing.ts';
import { deriveSeed, hash3 } from './random.ts';

const SLAB_NM = 120;

export interface Tessellation {
  /** Largest id that may occur. */
  readonly maxId: number;
  /** Kind of a neurite id (an index into `geometry.kinds`; `geometry.kinds.length` for glia). */
  kindOf(id: number): number;
  /** Ids of a section whose middle lies at `zNm`. Every pixel has one. */
  labels(zNm: number, grid: SectionGrid): Uint32Array;
}

/** Lists, for each slab of the box, the balls that reach into it. */
function slabLists(packing: Packing, marginNm: number): Int32Array[] {
  const [period] = packing.periodNm;
  const count = Math.max(1, Math.floor(period / SLAB_NM));
  const thickness = period / count;
  const lists: number[][] = Array.from({ length: count }, () => []);
  const { z, radius } = packing.balls;
  for (let i = 0; i < packing.balls.count; i++) {
    const reach = radius[i] + marginNm;
    const from = Math.floor((z[i] - reach) / thickness);
    const to = Math.min(Math.floor((z[i] + reach) / thickness), from + count - 1);
    for (let s = from; s <= to; s++) lists[((s % count) + count) % count].push(i);
  }
  return lists.map((list) => Int32Array.from(list));
}

/** Gives unclaimed pixels (0) the id of a neighbour, wave by wave. Mutates `ids`. */
function fillUnclaimed(ids: Uint32Array, height: number, width: number): void {
  let open: number[] = [];
  for (let p = 0; p < ids.length; p++) if (ids[p] === 0) open.push(p);
  while (open.length > 0 && open.length < ids.length) {
    const still: number[] = [];
    const found: number[] = [];
    for (const p of open) {
      const x = p % width;
      const id =
        (x > 0 && ids[p - 1]) ||
        (x + 1 < width && ids[p + 1]) ||
        (p >= width && ids[p - width]) ||
        (p + width < height * width && ids[p + width]);
      if (id) found.push(p, id);
      else still.push(p);
    }
    for (let k = 0; k < found.length; k += 2) ids[found[k]] = found[k + 1];
    open = still;
  }
}

/** Whole repetitions of the box that balls of a volume may come from. */
interface Repeats {
  readonly low: Vec3;
  readonly count: Vec3;
}

function repeatsFor(packing: Packing, extentNm: Vec3): Repeats {
  const { balls, periodNm } = packing;
  const columns = [balls.z, balls.y, balls.x];
  const low: number[] = [];
  const count: number[] = [];
  for (let axis = 0; axis < 3; axis++) {
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < balls.count; i++) {
      min = Math.min(min, columns[axis][i]);
      max = Math.max(max, columns[axis][i]);
    }
    const slack = 1500;
    low.push(Math.floor((-slack - max) / periodNm[axis]));
    count.push(Math.ceil((extentNm[axis] + slack - min) / periodNm[axis]) - low[axis] + 1);
  }
  return { low: [low[0], low[1], low[2]], count: [count[0], count[1], count[2]] };
}

/** A tessellation for a volume of `extentNm` that starts at 0. */
export function tessellate(
  packing: Packing,
  geometry: PhantomGeometry,
  extentNm: Vec3,
  seed: number,
): Tessellation {
  const { balls, periodNm, neurites } = packing;
  const margin = MAX_GAP_NM * 0.8 * geometry.scale;
  const slabs = slabLists(packing, margin);
  const widest = Math.max(geometry.stretch, 1 / geometry.stretch);
  const repeats = repeatsFor(packing, [extentNm[0], extentNm[1] * widest, extentNm[2] * widest]);
  // Half the amplitude times the largest value of the noise (NOISE_GAIN), rounded up.
  const maxWarp = geometry.warps.reduce((sum, [amplitude]) => sum + 1.5 * amplitude, 0) * geometry.scale;

  const draw = (zNm: number, grid: SectionGrid): Uint32Array => {
    const { height, width, pixelY, pixelX } = grid;
    const ids = new Uint32Array(height * width);
    const best = new Float32Array(height * width).fill(margin);
    const inBox = zNm - periodNm[0] * Math.floor(zNm / periodNm[0]);
    const slab = slabs[Math.min(slabs.length - 1, Math.floor((inBox / periodNm[0]) * slabs.length))];
    for (const i of slab) {
      const r = balls.radius[i];
      const reach = r + margin;
      const nz = Math.round((zNm - balls.z[i]) / periodNm[0]);
      const dz = zNm - balls.z[i] - nz * periodNm[0];
      const plane2 = reach * reach - dz * dz;
      if (plane2 <= 0) continue;
      const disc = Math.sqrt(plane2);
      const lowY = grid.originY - disc - balls.y[i];
      const lowX = grid.originX - disc - balls.x[i];
      const highY = grid.originY + height * pixelY + disc - balls.y[i];
      const highX = grid.originX + width * pixelX + disc - balls.x[i];
      for (let ny = Math.ceil(lowY / periodNm[1]); ny * periodNm[1] <= highY; ny++) {
        for (let nx = Math.ceil(lowX / periodNm[2]); nx * periodNm[2] <= highX; nx++) {
          const at =
            ((nz - repeats.low[0]) * repeats.count[1] + ny - repeats.low[1]) * repeats.count[2] +
            nx -
            repeats.low[2];
          const id = 1 + balls.owner[i] + neurites * at;
          const cy = (balls.y[i] + ny * periodNm[1] - grid.originY) / pixelY;
          const cx = (balls.x[i] + nx * periodNm[2] - grid.originX) / pixelX;
          splat(ids, best, height, width, cy, cx, dz * dz, r, plane2, pixelY, pixelX, id);
        }
      }
    }
    fillUnclaimed(ids, height, width);
    return ids;
  };

  const alongX = hash3(1, 0, 0, deriveSeed(seed, 'stretch')) & 1;
  const [stretchY, stretchX] = alongX
    ? [1 / geometry.stretch, geometry.stretch]
    : [geometry.stretch, 1 / geometry.stretch];

  return {
    maxId: neurites * repeats.count[0] * repeats.count[1] * repeats.count[2],
    kindOf: (id) => (id > 0 ? packing.kinds[(id - 1) % neurites] : 0),
    labels(zNm, section) {
      const grid: SectionGrid = {
        ...section,
        originY: section.originY / stretchY,
        originX: section.originX / stretchX,
        pixelY: section.pixelY / stretchY,
        pixelX: section.pixelX / stretchX,
      };
      const padY = Math.ceil(maxWarp / grid.pixelY);
      const padX = Math.ceil(maxWarp / grid.pixelX);
      const wide: SectionGrid = {
        ...grid,
        height: grid.height + 2 * padY,
        width: grid.width + 2 * padX,
        originY: grid.originY - padY * grid.pixelY,
        originX: grid.originX - padX * grid.pixelX,
      };
      const straight = draw(zNm, wide);
      const size = grid.height * grid.width;
      const shiftY = new Float32Array(size).fill(0.5);
      const shiftX = new Float32Array(size).fill(0.5);
      geometry.warps.forEach(([amplitude, wavelength], k) => {
        const a = amplitude * geometry.scale;
        const w = wavelength * geometry.scale;
        addNoise(shiftY, grid, zNm, w, w, a / grid.pixelY / 2, deriveSeed(seed, `warp y ${k}`));
        addNoise(shiftX, grid, zNm, w, w, a / grid.pixelX / 2, deriveSeed(seed, `warp x ${k}`));
      });
      const out = new Uint32Array(size);
      for (let y = 0, p = 0; y < grid.height; y++) {
        for (let x = 0; x < grid.width; x++, p++) {
          const fromY = padY + y + Math.floor(shiftY[p]);
          out[p] = straight[fromY * wide.width + padX + x + Math.floor(shiftX[p])];
        }
      }
      return out;
    },
  };
}

/** Claims the pixels to which this ball's surface is nearer than any before. */
function splat(
  ids: Uint32Array,
  best: Float32Array,
  height: number,
  width: number,
  cy: number,
  cx: number,
  dz2: number,
  r: number,
  plane2: number,
  pixelY: number,
  pixelX: number,
  id: number,
): void {
  const disc = Math.sqrt(plane2);
  const y0 = Math.max(0, Math.ceil(cy - disc / pixelY));
  const y1 = Math.min(height - 1, Math.floor(cy + disc / pixelY));
  for (let y = y0; y <= y1; y++) {
    const dy = (y - cy) * pixelY;
    const rest2 = dz2 + dy * dy;
    const half = plane2 - dy * dy;
    if (half <= 0) continue;
    const reachX = Math.sqrt(half) / pixelX;
    const x0 = Math.max(0, Math.ceil(cx - reachX));
    const x1 = Math.min(width - 1, Math.floor(cx + reachX));
    for (let x = x0, p = y * width + x0; x <= x1; x++, p++) {
      const dx = (x - cx) * pixelX;
      const limit = best[p] + r;
      if (limit <= 0) continue;
      const d2 = rest2 + dx * dx;
      if (d2 < limit * limit) {
        best[p] = Math.sqrt(d2) - r;
        ids[p] = id;
      }
    }
  }
}

/** Moves a small fraction of labels by up to three pixels, as hand and machine annotations do at walls. */
export function raggedLabels(
  labels: Uint32Array,
  height: number,
  width: number,
  fraction: number,
  seed: number,
): Uint32Array {
  if (fraction <= 0) return labels;
  const out = labels.slice();
  const threshold = fraction * 65536;
  for (let y = 3; y < height - 3; y++) {
    for (let x = 3; x < width - 3; x++) {
      const h = hash3(y, x, 0, seed);
      if ((h & 0xffff) >= threshold) continue;
      const dy = ((h >>> 16) % 7) - 3;
      const dx = ((h >>> 20) % 7) - 3;
      out[y * width + x] = labels[(y + dy) * width + x + dx];
    }
  }
  return out;
}
