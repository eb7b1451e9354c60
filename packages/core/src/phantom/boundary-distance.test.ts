import { describe, expect, it } from 'vitest';
import { boundaryField, chamferDistance } from './boundary-distance.ts';

/** Blocks of three ids that run together here and there, so that distances vary. */
function blocks(height: number, width: number): Uint32Array {
  return Uint32Array.from({ length: height * width }, (_, p) => {
    const [y, x] = [Math.floor(p / width), p % width];
    return 1 + ((2 * Math.floor(y / 7) + Math.floor(x / 9) ** 2) % 3);
  });
}

/** Distance of every pixel to the nearest boundary pixel, plus half a pixel, by trying all. */
function plainDistance(labels: Uint32Array, height: number, width: number): Float32Array {
  const walls: [number, number][] = [];
  const at = (y: number, x: number) => labels[y * width + x];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const own = at(y, x);
      const differs =
        (y > 0 && at(y - 1, x) !== own) ||
        (x > 0 && at(y, x - 1) !== own) ||
        (y + 1 < height && at(y + 1, x) !== own) ||
        (x + 1 < width && at(y, x + 1) !== own);
      if (differs) walls.push([y, x]);
    }
  }
  return Float32Array.from({ length: labels.length }, (_, p) => {
    const [y, x] = [Math.floor(p / width), p % width];
    return Math.min(...walls.map(([wy, wx]) => Math.hypot(wy - y, wx - x))) + 0.5;
  });
}

describe.each([
  [33, 41],
  [1, 30],
  [30, 1],
])('on %i×%i', (height, width) => {
  const labels = blocks(height, width);
  const plain = plainDistance(labels, height, width);

  it('boundaryField is exact', () => {
    const { distance, nearest } = boundaryField(labels, height, width);
    distance.forEach((d, p) => {
      expect(d).toBeCloseTo(plain[p], 4);
      const [dy, dx] = [
        Math.floor(nearest[p] / width) - Math.floor(p / width),
        (nearest[p] % width) - (p % width),
      ];
      expect(Math.hypot(dy, dx) + 0.5).toBeCloseTo(d, 4);
    });
  });

  it('chamferDistance is right to 5 %', () => {
    chamferDistance(labels, height, width).forEach((d, p) => {
      expect(Math.abs(d - plain[p])).toBeLessThanOrEqual(0.05 * plain[p]);
    });
  });
});

it('says that one profile alone has no boundary', () => {
  const { distance, nearest } = boundaryField(new Uint32Array(12).fill(5), 3, 4);
  expect(nearest).toEqual(new Int32Array(12).fill(-1));
  expect(Math.min(...distance)).toBeGreaterThan(1000);
  expect(Math.min(...chamferDistance(new Uint32Array(12).fill(5), 3, 4))).toBeGreaterThan(1000);
});
