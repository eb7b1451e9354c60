/**
 * A section as the linker compares it: the labels of its fragments in pixels of the network, and where and how large
 * they are there.
 */
import type { EdgeColumns } from '../graph/edge-list.ts';

/** Struct of arrays; entry `i` is fragment `i` of the section, entry 0 counts nothing. Pixels of the network. */
export interface ProfileTable {
  readonly count: number;
  readonly area: Float64Array;
  readonly centroidY: Float64Array;
  readonly centroidX: Float64Array;
  /** Square roots of the larger and smaller variance of its pixels. */
  readonly major: Float64Array;
  readonly minor: Float64Array;
  /** Direction of the larger variance, radians. */
  readonly angle: Float64Array;
  /** 1 where it touches the border of the section. */
  readonly cut: Uint8Array;
}

/** What the linker keeps of a section. */
export interface LinkSection {
  /** Dense [height × width], ids 1..count of the section. */
  readonly labels: Uint32Array;
  readonly height: number;
  readonly width: number;
  /** Global id of fragment `i` is `idOffset + i`. */
  readonly idOffset: number;
  readonly profiles: ProfileTable;
  /** Pairs of its fragments that share a side of a pixel, ids of the section. */
  readonly touching: FragmentPairs;
  /** Side of a pixel of the network in pixels of the volume, which contacts are counted in; their geometric mean. */
  readonly pixelSide: number;
}

/** The same section with other global ids; not by spreading, see `withColumns`. */
export function withIdOffset(
  { labels, height, width, profiles, touching, pixelSide }: LinkSection,
  idOffset: number,
): LinkSection {
  return { labels, height, width, idOffset, profiles, touching, pixelSide };
}

/** The same section with fewer pixels of its fragments, or in another place; a fragment that has lost some counts as cut. */
export function withLabels(view: LinkSection, labels: Uint32Array): LinkSection {
  const { height, width, idOffset, touching, pixelSide, profiles: before } = view;
  const profiles = profileTable(labels, height, width, before.count);
  profiles.area.forEach((now, i) => {
    if (before.cut[i] === 1 || now < before.area[i]) profiles.cut[i] = 1;
  });
  return { labels, height, width, idOffset, profiles, touching, pixelSide };
}

export type FragmentPairs = Pick<EdgeColumns, 'count' | 'a' | 'b'>;

/** Size, place and shape of the fragments 1..count of dense `labels` [height × width], in one pass over their runs. */
export function profileTable(
  labels: Uint32Array,
  height: number,
  width: number,
  count: number,
): ProfileTable {
  const make = () => new Float64Array(count + 1);
  const moments = { area: make(), y: make(), x: make(), yy: make(), xx: make(), yx: make() };
  const cut = new Uint8Array(count + 1);
  for (let y = 0; y < height; y++) addMoments(moments, cut, labels, y, height, width);
  const { area, y: centroidY, x: centroidX, yy, xx, yx } = moments;
  const [major, minor, angle] = [make(), make(), make()];
  for (let i = 1; i <= count; i++) {
    if (area[i] === 0) continue;
    const y = centroidY[i] / area[i];
    const x = centroidX[i] / area[i];
    centroidY[i] = y;
    centroidX[i] = x;
    // a pixel is a square: 1/12 along either axis
    const vy = Math.max(0, yy[i] / area[i] - y * y) + 1 / 12;
    const vx = Math.max(0, xx[i] / area[i] - x * x) + 1 / 12;
    const c = yx[i] / area[i] - y * x;
    const mean = (vy + vx) / 2;
    const spread = Math.hypot((vy - vx) / 2, c);
    major[i] = Math.sqrt(mean + spread);
    minor[i] = Math.sqrt(Math.max(1 / 12, mean - spread));
    angle[i] = 0.5 * Math.atan2(2 * c, vx - vy);
  }
  return { count, area, centroidY, centroidX, major, minor, angle, cut };
}

/** Sums over the pixels of every fragment. */
interface Moments {
  readonly area: Float64Array;
  readonly y: Float64Array;
  readonly x: Float64Array;
  readonly yy: Float64Array;
  readonly xx: Float64Array;
  readonly yx: Float64Array;
}

/** Adds the runs of row `y`; a function of its own, as in `segment/watershed.ts`. */
function addMoments(
  moments: Moments,
  cut: Uint8Array,
  labels: Uint32Array,
  y: number,
  height: number,
  width: number,
): void {
  const row = y * width;
  for (let x = 0; x < width; ) {
    const label = labels[row + x];
    const from = x++;
    while (x < width && labels[row + x] === label) x++;
    if (label === 0) continue;
    const run = x - from;
    const middle = (from + x - 1) / 2;
    moments.area[label] += run;
    moments.y[label] += run * y;
    moments.x[label] += run * middle;
    moments.yy[label] += run * y * y;
    moments.xx[label] += run * (middle * middle + (run * run - 1) / 12);
    moments.yx[label] += run * y * middle;
    if (y === 0 || y === height - 1 || from === 0 || x === width) cut[label] = 1;
  }
}
