/**
 * Distance of every pixel to the nearest profile boundary, and which boundary pixel that is: the vector distance
 * transform of Danielsson (1980) in two raster scans. Boundaries run between pixels, so a pixel beside one has
 * distance 0.5.
 */

export interface BoundaryField {
  /** Pixels to the boundary of the pixel's own profile, at least 0.5; a large number where there is none. */
  readonly distance: Float32Array;
  /** Index of the nearest boundary pixel (on the pixel's own side, nearly always); -1 where there is none. */
  readonly nearest: Int32Array;
}

const FAR = 16384;

/** Distances for a dense label image; nothing is mutated. */
export function boundaryField(labels: Uint32Array, height: number, width: number): BoundaryField {
  const size = height * width;
  const seedY = new Int32Array(size).fill(-FAR);
  const seedX = new Int32Array(size).fill(-FAR);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const p = y * width + x;
      const label = labels[p];
      if (
        (x > 0 && labels[p - 1] !== label) ||
        (x + 1 < width && labels[p + 1] !== label) ||
        (y > 0 && labels[p - width] !== label) ||
        (y + 1 < height && labels[p + width] !== label)
      ) {
        seedY[p] = y;
        seedX[p] = x;
      }
    }
  }
  const best = new Int32Array(size);
  for (let p = 0; p < size; p++) best[p] = seedX[p] >= 0 ? 0 : 2 * FAR * FAR;
  const relax = (p: number, y: number, x: number, q: number) => {
    const dy = y - seedY[q];
    const dx = x - seedX[q];
    const d = dy * dy + dx * dx;
    if (d < best[p]) {
      best[p] = d;
      seedY[p] = seedY[q];
      seedX[p] = seedX[q];
    }
  };
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      const p = row + x;
      if (best[p] === 0) continue;
      if (y > 0) {
        relax(p, y, x, p - width);
        if (x > 0) relax(p, y, x, p - width - 1);
        if (x + 1 < width) relax(p, y, x, p - width + 1);
      }
      if (x > 0) relax(p, y, x, p - 1);
    }
    for (let x = width - 2; x >= 0; x--) if (best[row + x] > 0) relax(row + x, y, x, row + x + 1);
  }
  for (let y = height - 1; y >= 0; y--) {
    const row = y * width;
    for (let x = width - 1; x >= 0; x--) {
      const p = row + x;
      if (best[p] === 0) continue;
      if (y + 1 < height) {
        relax(p, y, x, p + width);
        if (x > 0) relax(p, y, x, p + width - 1);
        if (x + 1 < width) relax(p, y, x, p + width + 1);
      }
      if (x + 1 < width) relax(p, y, x, p + 1);
    }
    for (let x = 1; x < width; x++) if (best[row + x] > 0) relax(row + x, y, x, row + x - 1);
  }
  const distance = new Float32Array(size);
  const nearest = new Int32Array(size);
  for (let p = 0; p < size; p++) {
    const found = seedX[p] >= 0;
    distance[p] = found ? Math.sqrt(best[p]) + 0.5 : FAR;
    nearest[p] = found ? seedY[p] * width + seedX[p] : -1;
  }
  return { distance, nearest };
}
