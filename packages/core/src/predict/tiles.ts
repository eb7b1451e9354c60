/**
 * How a section is cut into tiles of one size, and how they are blended.
 *
 * All tiles have the same size (the runtime plans its memory once), as few and as small as cover the section with
 * the wanted overlap; they lie evenly spaced. Along each axis every tile has a weight that rises over the overlap
 * and the weights of all tiles sum to 1 at every pixel; the weight of a pixel is the product of both axes.
 */
/** Tiles start at multiples of this, so that what a network gives at a coarser resolution fits together. */
const ALIGNMENT = 4;

export interface TileOptions {
  /** Tile side must be a multiple of this. */
  readonly multiple: number;
  /** Largest tile side. */
  readonly maxSide: number;
  /** Pixels at a tile's edge that lack context. */
  readonly halo: number;
  /** Tiles start at multiples of this; default {@link ALIGNMENT}. */
  readonly alignment?: number;
}

export interface TileAxis {
  /** Tile side in pixels, a multiple of `multiple`; may go beyond the section (it is mirrored there). */
  readonly side: number;
  /** First pixel of every tile. */
  readonly start: readonly number[];
  /** Weight of every pixel of every tile; 0 beyond the section. */
  readonly weight: readonly Float32Array[];
}

/** Cuts one axis of `extent` pixels. */
export function planAxis(
  extent: number,
  { multiple, maxSide, halo, alignment = ALIGNMENT }: TileOptions,
): TileAxis {
  const largest = Math.max(multiple, Math.floor(maxSide / multiple) * multiple);
  const roundUp = (pixels: number) => Math.ceil(pixels / multiple) * multiple;
  if (extent <= largest) {
    const side = roundUp(extent);
    return { side, start: [0], weight: [new Float32Array(side).fill(1, 0, extent)] };
  }
  // half a halo on either side is cut away by the ramp's low end; the other half is blended
  const overlap = Math.min(2 * halo, largest >> 1);
  const count = Math.ceil((extent - overlap) / (largest - overlap));
  const side = Math.min(largest, roundUp(Math.ceil((extent + (count - 1) * overlap) / count)));
  const start: number[] = [];
  // the last one may reach beyond the section by less than the alignment
  for (let i = 0; i < count; i++) {
    start.push(alignment * Math.ceil((i * (extent - side)) / (count - 1) / alignment));
  }
  return { side, start, weight: blendWeights(extent, side, start) };
}

/** Weights of tiles of one side that lie one after the other, and overlap. */
export function blendWeights(extent: number, side: number, start: readonly number[]): Float32Array[] {
  const total = new Float32Array(extent);
  const weight = start.map((first, i) => {
    const w = new Float32Array(side);
    const before = i === 0 ? 0 : start[i - 1] + side - first;
    const after = i + 1 === start.length ? 0 : first + side - start[i + 1];
    for (let p = 0; p < side; p++) {
      const left = before > 0 ? ramp((p + 0.5) / before) : 1;
      const right = after > 0 ? ramp((side - p - 0.5) / after) : 1;
      w[p] = Math.min(left, right);
      total[first + p] += w[p];
    }
    return w;
  });
  weight.forEach((w, i) => {
    for (let p = 0; p < side; p++) w[p] = total[start[i] + p] > 0 ? w[p] / total[start[i] + p] : 0;
  });
  return weight;
}

/** 0 on the outer quarter of an overlap, 1 on the inner, linear between. */
function ramp(t: number): number {
  return Math.min(1, Math.max(0, 2 * t - 0.5));
}

/** `index` reflected into 0 … extent − 1 about the first and last pixel. */
export function mirrorIndex(index: number, extent: number): number {
  if (index >= 0 && index < extent) return index;
  if (extent === 1) return 0;
  const period = 2 * (extent - 1);
  const at = ((index % period) + period) % period;
  return at < extent ? at : period - at;
}
