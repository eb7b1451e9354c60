/**
 * Synapses: at some places where two certain cells touch, the wall thickens (a density on the receiving side in
 * vertebrates, a T-bar on the sending side in insects) and vesicles of about 40 nm crowd behind it. Which pairs
 * synapse and which side sends is a hash of the two ids.
 */
import { forCells, forPixels, type Interior } from './organelles.ts';
import { deriveSeed, hash3, unit3 } from './random.ts';

const SYNAPSE_PITCH_NM = 520;
const VESICLE_PITCH_NM = 46;
const VESICLE_NM = 19;
/** How far behind the wall vesicles gather. */
const CLOUD_NM = 280;

/** The label across the wall from a boundary pixel. */
function acrossFrom(labels: Uint32Array, q: number, height: number, width: number): number {
  const own = labels[q];
  const x = q % width;
  if (x > 0 && labels[q - 1] !== own) return labels[q - 1];
  if (x + 1 < width && labels[q + 1] !== own) return labels[q + 1];
  if (q >= width && labels[q - width] !== own) return labels[q - width];
  if (q + width < height * width && labels[q + width] !== own) return labels[q + width];
  return own;
}

/**
 * Paints synaptic densities into `image` and returns where vesicles gather (0..255 likelihood). Mutates `image`.
 */
export function paintSynapses(image: Float32Array, interior: Interior): Uint8Array {
  const { labels, field, grid, zNm, look } = interior;
  const { height, width, pixelY, pixelX } = grid;
  const seed = deriveSeed(interior.seed, 'synapses');
  const cloud = new Uint8Array(labels.length);
  if (look.synapseDensity <= 0) return cloud;
  forCells(grid, zNm, SYNAPSE_PITCH_NM, 620, seed, (key, cz, cy, cx) => {
    const radius = 110 + 150 * unit3(key, 4, 0, seed);
    const reach2 = (radius + CLOUD_NM * 0.5) ** 2 - (zNm - cz) ** 2;
    if (reach2 <= 0) return;
    const contact2 = radius * radius - (zNm - cz) ** 2;
    const tBar = unit3(key, 5, 0, seed) < look.tBars;
    let pair = -1;
    let role = 0; // 0 no synapse here, 1 this side sends, 2 this side receives
    forPixels(grid, cy, cx, Math.sqrt(reach2) + CLOUD_NM * 0.6, (p) => {
      const q = field.nearest[p];
      if (q < 0 || labels[q] !== labels[p]) return;
      const wall = field.distance[p] * pixelY;
      if (wall > CLOUD_NM) return;
      const own = labels[p];
      const other = acrossFrom(labels, q, height, width);
      const here = hash3(Math.min(own, other), Math.max(own, other), key & 7, seed);
      if (here !== pair) {
        pair = here;
        const synaptic = own !== other && unit3(here, 1, 0, seed) < look.synapseDensity;
        const bothNerve = synaptic && !interior.isGlia(own) && !interior.isGlia(other);
        role = bothNerve ? 3 : 0;
      }
      if (role === 0) return;
      const sends = (here & 1) === (own < other ? 1 : 0);
      const qy = grid.originY + Math.floor(q / width) * pixelY - cy;
      const qx = grid.originX + (q % width) * pixelX - cx;
      const off2 = qy * qy + qx * qx;
      if (sends && off2 < reach2 && wall > 16) {
        const chance = (1 - wall / CLOUD_NM) * Math.min(1, 2 - (2 * off2) / reach2);
        cloud[p] = Math.max(cloud[p], 255 * Math.min(1, 1.3 * chance));
      }
      if (off2 > contact2 || contact2 <= 0) return;
      const edge = Math.min(1, 4 * (1 - off2 / contact2));
      let dark = 0;
      if (tBar) {
        const foot = wall < 50 && off2 < 35 * 35;
        const roof = wall >= 35 && wall < 62 && off2 < 95 * 95;
        if (sends && (foot || roof)) dark = 0.85;
        else dark = wall < 20 ? 0.5 : 0;
      } else {
        const thick = sends ? 16 : 34;
        dark = Math.max(0, Math.min(1, (thick + 14 - wall) / 24));
      }
      const weight = dark * edge;
      if (weight > 0) image[p] += weight * (look.density - image[p]);
    });
  });
  return cloud;
}

/** Paints vesicles, rings with a pale middle, where `cloud` wants them and thinly elsewhere. Mutates `image`. */
export function paintVesicles(
  image: Float32Array,
  interior: Interior,
  depth: Float32Array,
  cloud: Uint8Array,
): void {
  const { labels, field, grid, zNm, thicknessNm, look } = interior;
  if (look.vesicles < 0.02) return;
  const seed = deriveSeed(interior.seed, 'vesicles');
  const reach = thicknessNm / 2 + VESICLE_NM * 0.6;
  forCells(grid, zNm, VESICLE_PITCH_NM, reach, seed, (key, cz, cy, cx) => {
    const away = Math.abs(zNm - cz);
    if (away > reach) return;
    const py = Math.round((cy - grid.originY) / grid.pixelY);
    const px = Math.round((cx - grid.originX) / grid.pixelX);
    if (py < 0 || px < 0 || py >= grid.height || px >= grid.width) return;
    const at = py * grid.width + px;
    const lonely = interior.isGlia(labels[at]) ? 0 : 0.02;
    if (unit3(key, 4, 0, seed) > Math.max(cloud[at] / 255, lonely)) return;
    const size = VESICLE_NM * (0.85 + 0.3 * unit3(key, 5, 0, seed));
    const room = field.distance[at] * grid.pixelY - look.membraneNm / 2;
    if (depth[at] > 0 || room < size * 0.8) return;
    const strength = look.vesicles * Math.min(1, 1.3 - away / reach);
    const wide = Math.max(6, grid.pixelX * 0.7);
    // Some hold a dark core.
    const core = unit3(key, 6, 0, seed) < 0.04 ? -0.8 : 0.3;
    forPixels(grid, cy, cx, size + 2 * wide, (p, dy, dx) => {
      const r = Math.sqrt(dy * dy + dx * dx);
      const rim = (r - size * 0.85) / wide;
      image[p] -= strength * (Math.exp(-rim * rim) - core * Math.exp((-r * r) / (size * size * 0.35)));
    });
  });
}
