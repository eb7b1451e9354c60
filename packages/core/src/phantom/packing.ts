/**
 * Makes grown neurites share space. Overlapping balls of different neurites push each other apart while chains pull
 * themselves straight (the packing of white-matter phantoms: Ginsburger 2019, "MEDUSA"; Callaghan 2020, "ConFiG").
 * What is still buried in a thicker neighbour is cut off, pieces get names of their own, and the gaps that are left
 * become glia: balls that just fit, joined where they touch. The result repeats in all directions, so a volume of
 * any size draws on one box of a few µm.
 */
import type { Vec3 } from '../volume/array.ts';
import { BallGrid, type Balls, createBalls, wrapped } from './ball-grid.ts';
import { gapBalls } from './gaps.ts';
import type { PhantomGeometry } from './geometry.ts';
import { growNeurites } from './growth.ts';

export interface Packing {
  readonly periodNm: Vec3;
  readonly balls: Balls;
  /** Number of neurites; `balls.owner` lies in 0..neurites-1. */
  readonly neurites: number;
  /** Kind of each neurite: an index into `geometry.kinds`, or `geometry.kinds.length` for glia. */
  readonly kinds: Uint8Array;
}

const ROUNDS = 32;
/** Rounds that one list of neighbouring pairs serves. */
const LIST_ROUNDS = 8;
/** Size classes of the search grid start at this radius. */
const SMALLEST_NM = 100;
/** Widest gap that is filled; also how far a wall may lie from its ball's surface. */
export const MAX_GAP_NM = 110;

/** Shorter pieces of cut neurites are dropped: their neighbours take the space. */
const FEWEST_BALLS = 8;

/** Disjoint sets with path halving. */
function find(parent: Int32Array, i: number): number {
  let at = i;
  while (parent[at] !== at) {
    parent[at] = parent[parent[at]];
    at = parent[at];
  }
  return at;
}

/** Pushes balls i and j of different neurites apart if they overlap; the thinner moves more. */
function push(balls: Balls, i: number, j: number, period: Vec3, size: number): void {
  const dz = wrapped(balls.z[i] - balls.z[j], period[0]);
  const reach = (balls.radius[i] + balls.radius[j]) * size;
  if (dz > reach || -dz > reach) return;
  const dy = wrapped(balls.y[i] - balls.y[j], period[1]);
  const dx = wrapped(balls.x[i] - balls.x[j], period[2]);
  const d2 = dz * dz + dy * dy + dx * dx;
  if (d2 >= reach * reach || d2 < 1e-6) return;
  const d = Math.sqrt(d2);
  const weight = balls.radius[i] / (balls.radius[i] + balls.radius[j]);
  const amount = (0.4 * (reach - d)) / d;
  const toI = amount * (1 - weight);
  const toJ = amount * weight;
  balls.z[i] += toI * dz;
  balls.y[i] += toI * dy;
  balls.x[i] += toI * dx;
  balls.z[j] -= toJ * dz;
  balls.y[j] -= toJ * dy;
  balls.x[j] -= toJ * dx;
}

/** Keeps the links of a chain at their length and smooths its bends. */
function straighten(balls: Balls, rest: Float32Array): void {
  const { z, y, x, parent } = balls;
  for (let i = 0; i < balls.count; i++) {
    const p = parent[i];
    if (p < 0) continue;
    const dz = z[i] - z[p];
    const dy = y[i] - y[p];
    const dx = x[i] - x[p];
    const d = Math.sqrt(dz * dz + dy * dy + dx * dx) || 1e-3;
    const pull = (0.45 * (d - rest[i])) / d;
    z[i] -= pull * dz;
    y[i] -= pull * dy;
    x[i] -= pull * dx;
    z[p] += pull * dz;
    y[p] += pull * dy;
    x[p] += pull * dx;
    const g = parent[p];
    if (g < 0) continue;
    z[p] += 0.12 * ((z[i] + z[g]) / 2 - z[p]);
    y[p] += 0.12 * ((y[i] + y[g]) / 2 - y[p]);
    x[p] += 0.12 * ((x[i] + x[g]) / 2 - x[p]);
  }
}

function relax(balls: Balls, period: Vec3, scale: number): void {
  const rest = new Float32Array(balls.count);
  for (let i = 0; i < balls.count; i++) {
    const p = balls.parent[i];
    if (p >= 0)
      rest[i] = Math.hypot(balls.z[i] - balls.z[p], balls.y[i] - balls.y[p], balls.x[i] - balls.x[p]);
  }
  let pairs: Int32Array = new Int32Array(0);
  for (let round = 0; round < ROUNDS; round++) {
    const size = 0.6 + 0.4 * Math.min(1, (1.4 * round) / ROUNDS);
    if (round % LIST_ROUNDS === 0) pairs = new BallGrid(balls, period, SMALLEST_NM * scale).pairs(60 * scale);
    for (let k = 0; k < pairs.length; k += 2) push(balls, pairs[k], pairs[k + 1], period, size);
    straighten(balls, rest);
  }
}

/**
 * Smallest (distance - radius) at a place over balls whose owner is not `except`; `cap` where it is above
 * that, and no longer exact once it is below `enough`.
 */
function clearance(
  balls: Balls,
  grid: BallGrid,
  period: Vec3,
  z: number,
  y: number,
  x: number,
  except: number,
  cap: number,
  enough: number,
  near: number[],
): number {
  const n = grid.around(z, y, x, cap, near);
  let best = cap;
  for (let k = 0; k < n; k++) {
    const j = near[k];
    if (balls.owner[j] === except) continue;
    const dz = wrapped(z - balls.z[j], period[0]);
    const dy = wrapped(y - balls.y[j], period[1]);
    const dx = wrapped(x - balls.x[j], period[2]);
    const f = Math.sqrt(dz * dz + dy * dy + dx * dx) - balls.radius[j];
    if (f < best) {
      best = f;
      if (f < enough) return f;
    }
  }
  return best;
}

/** Cuts links and drops balls that lie inside another neurite; pieces become neurites of their own. */
function cutBuried(balls: Balls, kinds: readonly number[], period: Vec3, scale: number) {
  const grid = new BallGrid(balls, period, SMALLEST_NM * scale);
  const near: number[] = [];
  const seen = new Uint8Array(balls.count);
  const { z, y, x, radius, owner, parent } = balls;
  for (let i = 0; i < balls.count; i++) {
    if (clearance(balls, grid, period, z[i], y[i], x[i], owner[i], 0, -radius[i], near) > -radius[i])
      seen[i] = 1;
  }
  const set = new Int32Array(balls.count);
  for (let i = 0; i < set.length; i++) set[i] = i;
  for (let i = 0; i < balls.count; i++) {
    const p = parent[i];
    if (p < 0 || !seen[i] || !seen[p]) continue;
    const [mz, my, mx] = [(z[i] + z[p]) / 2, (y[i] + y[p]) / 2, (x[i] + x[p]) / 2];
    const half = Math.hypot(z[i] - z[p], y[i] - y[p], x[i] - x[p]) / 2;
    const own = half - Math.max(radius[i], radius[p]);
    if (own < 0 && clearance(balls, grid, period, mz, my, mx, owner[i], 0, own, near) > own)
      set[find(set, i)] = find(set, p);
  }
  return { seen, set, kindOf: (i: number) => kinds[owner[i]] };
}

/** Balls in the gaps between neurites, with the connected gap each belongs to. */
function fillGaps(balls: Balls, geometry: PhantomGeometry, period: Vec3) {
  const { scale } = geometry;
  const gaps = gapBalls(balls, period, geometry.gliaGapNm * scale, MAX_GAP_NM * scale, scale);
  const set = new Int32Array(gaps.count);
  for (let i = 0; i < set.length; i++) set[i] = i;
  const grid = new BallGrid(gaps, period, SMALLEST_NM * scale);
  const near: number[] = [];
  for (let i = 0; i < gaps.count; i++) {
    const n = grid.around(gaps.z[i], gaps.y[i], gaps.x[i], gaps.radius[i], near);
    for (let k = 0; k < n; k++) {
      const j = near[k];
      // No link across the box's faces: unwrapped positions must stay true.
      const d = Math.hypot(gaps.z[i] - gaps.z[j], gaps.y[i] - gaps.y[j], gaps.x[i] - gaps.x[j]);
      if (d < gaps.radius[i] + gaps.radius[j] - 12 * scale) set[find(set, i)] = find(set, j);
    }
  }
  return { gaps, set };
}

/** Neuropil in a periodic box. Deterministic for (geometry, periodNm, seed). */
export function packNeuropil(geometry: PhantomGeometry, periodNm: Vec3, seed: number): Packing {
  const { balls, kinds } = growNeurites(geometry, periodNm, seed);
  relax(balls, periodNm, geometry.scale);
  const { seen, set, kindOf } = cutBuried(balls, kinds, periodNm, geometry.scale);
  const kept = createBalls(balls.count);
  const names = new Map<number, number>();
  const keptKinds: number[] = [];
  const members = new Int32Array(balls.count);
  for (let i = 0; i < balls.count; i++) if (seen[i]) members[find(set, i)]++;
  const take = (from: Balls, i: number, name: number) => {
    const to = kept.count++;
    kept.z[to] = from.z[i];
    kept.y[to] = from.y[i];
    kept.x[to] = from.x[i];
    kept.radius[to] = from.radius[i];
    kept.owner[to] = name;
    kept.parent[to] = -1;
  };
  for (let i = 0; i < balls.count; i++) {
    const root = find(set, i);
    if (!seen[i] || members[root] < FEWEST_BALLS) continue;
    let name = names.get(root);
    if (name === undefined) {
      name = keptKinds.length;
      names.set(root, name);
      keptKinds.push(kindOf(i));
    }
    take(balls, i, name);
  }
  const { gaps, set: gapSet } = fillGaps(kept, geometry, periodNm);
  return withGlia(kept, keptKinds, gaps, gapSet, geometry, periodNm);
}

/** Adds the gap balls whose component is long enough to be a process. */
function withGlia(
  kept: Balls,
  keptKinds: readonly number[],
  gaps: Balls,
  gapSet: Int32Array,
  geometry: PhantomGeometry,
  periodNm: Vec3,
): Packing {
  const members = new Int32Array(gaps.count);
  for (let i = 0; i < gaps.count; i++) members[find(gapSet, i)]++;
  const all = createBalls(kept.count + gaps.count);
  all.count = kept.count;
  for (const column of ['z', 'y', 'x', 'radius', 'owner'] as const) {
    all[column].set(kept[column].subarray(0, kept.count));
  }
  const kinds = [...keptKinds];
  const names = new Map<number, number>();
  for (let i = 0; i < gaps.count; i++) {
    const root = find(gapSet, i);
    if (members[root] < FEWEST_BALLS) continue;
    let name = names.get(root);
    if (name === undefined) {
      name = kinds.length;
      names.set(root, name);
      kinds.push(geometry.kinds.length);
    }
    const to = all.count++;
    all.z[to] = gaps.z[i];
    all.y[to] = gaps.y[i];
    all.x[to] = gaps.x[i];
    all.radius[to] = gaps.radius[i];
    all.owner[to] = name;
  }
  return { periodNm, balls: all, neurites: kinds.length, kinds: Uint8Array.from(kinds) };
}
