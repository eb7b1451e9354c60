/**
 * What cells hold: mitochondria, vesicles at synapses, reticulum, microtubules. Each thing has a place in tissue
 * that is a hash of a lattice cell, so it shows up in every section it reaches. Only the labels are needed, not the
 * skeletons behind them: the same code furnishes grown neuropil and given label volumes.
 */
import type { BoundaryField } from './boundary-distance.ts';
import type { PhantomLook } from './look.ts';
import type { SectionGrid } from './noise.ts';
import { deriveSeed, hash3, unit3 } from './random.ts';

export interface Interior {
  readonly labels: Uint32Array;
  readonly field: BoundaryField;
  readonly grid: SectionGrid;
  /** Middle of the section, and its thickness. */
  readonly zNm: number;
  readonly thicknessNm: number;
  readonly look: PhantomLook;
  readonly seed: number;
  isGlia(id: number): boolean;
}

/** Visits the pixels of a rectangle around a place, all in nm; a square where only one reach is given. */
export function forPixels(
  grid: SectionGrid,
  yNm: number,
  xNm: number,
  reachY: number,
  visit: (p: number, dyNm: number, dxNm: number) => void,
  reachX = reachY,
): void {
  const y0 = Math.max(0, Math.ceil((yNm - reachY - grid.originY) / grid.pixelY));
  const y1 = Math.min(grid.height - 1, Math.floor((yNm + reachY - grid.originY) / grid.pixelY));
  const x0 = Math.max(0, Math.ceil((xNm - reachX - grid.originX) / grid.pixelX));
  const x1 = Math.min(grid.width - 1, Math.floor((xNm + reachX - grid.originX) / grid.pixelX));
  for (let y = y0; y <= y1; y++) {
    const dy = grid.originY + y * grid.pixelY - yNm;
    for (let x = x0; x <= x1; x++) visit(y * grid.width + x, dy, grid.originX + x * grid.pixelX - xNm);
  }
}

/** Visits the lattice cells within `reachNm` of a section; `key` tells cells apart. */
export function forCells(
  grid: SectionGrid,
  zNm: number,
  pitchNm: number,
  reachNm: number,
  seed: number,
  visit: (key: number, z: number, y: number, x: number) => void,
): void {
  const low = (at: number) => Math.floor((at - reachNm) / pitchNm);
  const high = (at: number) => Math.floor((at + reachNm) / pitchNm);
  const bottom = grid.originY + grid.height * grid.pixelY;
  const right = grid.originX + grid.width * grid.pixelX;
  for (let iz = low(zNm); iz <= high(zNm); iz++) {
    for (let iy = low(grid.originY); iy <= high(bottom); iy++) {
      for (let ix = low(grid.originX); ix <= high(right); ix++) {
        const key = hash3(iz, iy, ix, seed);
        const z = (iz + unit3(key, 1, 0, seed)) * pitchNm;
        const y = (iy + unit3(key, 2, 0, seed)) * pitchNm;
        visit(key, z, y, (ix + unit3(key, 3, 0, seed)) * pitchNm);
      }
    }
  }
}

const MITOCHONDRION_PITCH_NM = 470;
/** Share of the neurites at a place that its mitochondrion may belong to. */
const MITOCHONDRION_OWNERS = 0.6;

/** Cristae at a place in a mitochondrion: folds across its axis, bent, unevenly spaced, broken off here and there. */
function lamella(along: number, across: number, depth: number, key: number): number {
  const spacing = 38 + (key & 31);
  const bend = 0.9 * Math.sin(across / 52 + (key & 15)) + 0.6 * Math.sin(along / 83 + depth / 60 + (key & 7));
  const fold = Math.sin((along * 2 * Math.PI) / spacing + bend * 1.7 + across / (40 + ((key >>> 5) & 127)));
  const whole = 0.5 + 0.8 * Math.sin(across / 37 + along / 61 + depth / 45 + (key & 255));
  // Dark folds are thinner than the matrix between them.
  return (fold > 0 ? fold : 0.5 * fold) * Math.max(0.15, Math.min(1, whole));
}

/** Paints mitochondria: matrix, cristae across the long axis, a dark double membrane. Mutates `image`. */
export function paintMitochondria(image: Float32Array, interior: Interior): Float32Array {
  const { labels, field, grid, zNm, thicknessNm, look } = interior;
  const seed = deriveSeed(interior.seed, 'mitochondria');
  const depth = new Float32Array(image.length);
  const lamellae = new Float32Array(image.length);
  const margin = look.membraneNm / 2 + 9;
  const longest = 4.2 * look.mitochondriaNm;
  forCells(grid, zNm, MITOCHONDRION_PITCH_NM, longest, seed, (key, cz, cy, cx) => {
    if (unit3(key, 4, 0, seed) > look.mitochondriaDensity) return;
    const radius = look.mitochondriaNm * (0.65 + 0.7 * unit3(key, 5, 0, seed));
    const half = look.mitochondriaNm * (0.3 + 2.4 * unit3(key, 6, 0, seed) ** 2);
    const dz = zNm - cz;
    const az = 2 * unit3(key, 7, 0, seed) - 1;
    if (Math.abs(dz) > radius + half * Math.abs(az)) return;
    const angle = 2 * Math.PI * unit3(key, 8, 0, seed);
    const flat = Math.sqrt(1 - az * az);
    const [ay, ax] = [flat * Math.sin(angle), flat * Math.cos(angle)];
    let lastId = -1;
    let mine = false;
    const paint = (p: number, dy: number, dx: number) => {
      const id = labels[p];
      if (id !== lastId) {
        lastId = id;
        mine = id !== 0 && !interior.isGlia(id) && unit3(key, id, 9, seed) < MITOCHONDRION_OWNERS;
      }
      if (!mine) return;
      const room = field.distance[p] * grid.pixelY - margin;
      if (room <= 0) return;
      const t = dz * az + dy * ay + dx * ax;
      const on = Math.max(-half, Math.min(half, t));
      const ez = dz - on * az;
      const ey = dy - on * ay;
      const ex = dx - on * ax;
      const inside = radius - Math.sqrt(ez * ez + ey * ey + ex * ex);
      if (inside <= 0) return;
      // Deep only where both the organelle and the cell leave room: no slivers along walls.
      const d = (inside * room) / (inside + room) - 9;
      if (d > depth[p]) {
        depth[p] = d;
        lamellae[p] = lamella(t, dy * ax - dx * ay, dz, key);
      }
    };
    forPixels(grid, cy, cx, radius + half * Math.abs(ay), paint, radius + half * Math.abs(ax));
  });
  const soft = 3 + 0.15 * thicknessNm;
  for (let p = 0; p < image.length; p++) {
    const d = depth[p];
    if (d <= 0) continue;
    // The harmonic mean halves depths where both count: rims are told by d, in nm.
    const opacity = Math.min(1, d / soft);
    const rim = Math.max(0, 1 - Math.abs(d - 3) / 6.5);
    const cristae = look.cristae * lamellae[p] * Math.min(1, Math.max(0, (d - 6) / 8));
    const level = look.mitochondria - cristae - rim * 0.8 * (look.mitochondria - look.membrane);
    image[p] += opacity * (level - look.cytoplasm) + opacity * 0.75 * (look.cytoplasm - image[p]);
  }
  return depth;
}

/** Paints microtubules cut across: fine dark dots that keep their place from section to section. */
export function paintMicrotubules(image: Float32Array, interior: Interior, depth: Float32Array): void {
  const { labels, field, grid, zNm, look } = interior;
  if (look.microtubules < 0.02) return;
  const seed = deriveSeed(interior.seed, 'microtubules');
  const radius = Math.max(13, grid.pixelX * 1.3);
  // One layer of cells: positions drift with depth instead of ending.
  forCells(grid, 0, 95, 30, seed, (key, _z, y, x) => {
    const sway = 40 * Math.sin(zNm / 900 + (key & 63));
    const cy = y + sway;
    const cx = x + 40 * Math.sin(zNm / 700 + (key >>> 8));
    const py = Math.round((cy - grid.originY) / grid.pixelY);
    const px = Math.round((cx - grid.originX) / grid.pixelX);
    if (py < 0 || px < 0 || py >= grid.height || px >= grid.width) return;
    const at = py * grid.width + px;
    const id = labels[at];
    if (depth[at] > 0 || field.distance[at] * grid.pixelY < 45) return;
    if (interior.isGlia(id) || unit3(id, 1, 0, seed) < 0.35) return;
    const strength = look.microtubules * (0.4 + 0.6 * unit3(key, 5, 0, seed));
    forPixels(grid, cy, cx, 2 * radius, (p, dy, dx) => {
      image[p] -= strength * Math.exp((-1.6 * (dy * dy + dx * dx)) / (radius * radius));
    });
  });
}

/** Paints reticulum: pale cisternae with thin dark rims, here and there. Mutates `image`. */
export function paintReticulum(
  image: Float32Array,
  interior: Interior,
  depth: Float32Array,
  winding: Float32Array,
  patches: Float32Array,
): void {
  const { field, grid, look } = interior;
  if (look.reticulum < 0.02) return;
  for (let p = 0; p < image.length; p++) {
    const strength = (patches[p] - 0.75) * 2.5;
    if (strength <= 0 || depth[p] > 0) continue;
    const w = Math.abs(winding[p]);
    if (w > 0.32) continue;
    const room = field.distance[p] * grid.pixelY - 42;
    if (room <= 0) continue;
    const fade = Math.min(1, strength) * Math.min(1, room / 15);
    const rim = w > 0.12 ? 1 - Math.abs(w - 0.21) / 0.11 : 0;
    image[p] += fade * (0.25 * look.reticulum * (1 - w / 0.32) - look.reticulum * Math.max(0, rim));
  }
}
