/**
 * The gaps between packed neurites, where glia go: clearance to the nearest surface on a coarse lattice (each ball
 * splatted once, no searching), and in every block of the lattice the roomiest place, if it is roomy enough.
 */
import type { Vec3 } from '../volume/array.ts';
import { type Balls, createBalls } from './ball-grid.ts';

/** Lattice pitch; blocks are twice that. */
const PITCH_NM = 50;

/** Balls that just fit into gaps wider than `gapNm` (radius at most `widestNm`), in the box of `period`. */
export function gapBalls(balls: Balls, period: Vec3, gapNm: number, widestNm: number, scale: number): Balls {
  const extent = (axis: number) => 2 * Math.ceil(period[axis] / (2 * PITCH_NM * scale));
  const [cz, cy, cx] = [extent(0), extent(1), extent(2)];
  const [pz, py, px] = [period[0] / cz, period[1] / cy, period[2] / cx];
  const clear = new Float32Array(cz * cy * cx).fill(widestNm);
  for (let i = 0; i < balls.count; i++) {
    const r = balls.radius[i];
    const reach = r + widestNm;
    const [z0, y0, x0] = [balls.z[i], balls.y[i], balls.x[i]];
    for (let iz = Math.ceil((z0 - reach) / pz); iz * pz <= z0 + reach; iz++) {
      const dz2 = (iz * pz - z0) ** 2;
      const plane = (((iz % cz) + cz) % cz) * cy;
      const reachY = Math.sqrt(reach * reach - dz2);
      for (let iy = Math.ceil((y0 - reachY) / py); iy * py <= y0 + reachY; iy++) {
        const dzy2 = dz2 + (iy * py - y0) ** 2;
        const row = (plane + (((iy % cy) + cy) % cy)) * cx;
        const reachX = Math.sqrt(Math.max(0, reach * reach - dzy2));
        for (let ix = Math.ceil((x0 - reachX) / px); ix * px <= x0 + reachX; ix++) {
          const at = row + (((ix % cx) + cx) % cx);
          const dx = ix * px - x0;
          const limit = clear[at] + r;
          const d2 = dzy2 + dx * dx;
          if (limit > 0 && d2 < limit * limit) clear[at] = Math.sqrt(d2) - r;
        }
      }
    }
  }
  const gaps = createBalls((cz * cy * cx) / 8);
  for (let bz = 0; bz < cz; bz += 2) {
    for (let by = 0; by < cy; by += 2) {
      for (let bx = 0; bx < cx; bx += 2) {
        let best = -1;
        let room = gapNm;
        for (let k = 0; k < 8; k++) {
          const at = ((bz + (k >> 2)) * cy + by + ((k >> 1) & 1)) * cx + bx + (k & 1);
          if (clear[at] > room) {
            room = clear[at];
            best = k;
          }
        }
        if (best < 0) continue;
        const to = gaps.count++;
        gaps.z[to] = (bz + (best >> 2)) * pz;
        gaps.y[to] = (by + ((best >> 1) & 1)) * py;
        gaps.x[to] = (bx + (best & 1)) * px;
        gaps.radius[to] = room;
      }
    }
  }
  return gaps;
}
