/** Sections of discs, whose links are known. */
import { PairTable } from '../../graph/pair-table.ts';
import { ndarray } from '../../volume/array.ts';
import { Random } from '../../volume/random.ts';
import { type FragmentPairs, type LinkSection, profileTable } from '../section-view.ts';

export const [HEIGHT, WIDTH] = [160, 200];

/** Pairs of labels that share a side of a pixel. */
export function touchingOf(labels: Uint32Array): FragmentPairs {
  const pairs = new PairTable(0);
  labels.forEach((id, p) => {
    for (const q of [...((p + 1) % WIDTH > 0 ? [p + 1] : []), p + WIDTH]) {
      const other = labels[q];
      if (id && other && other !== id) pairs.slot(Math.min(id, other), Math.max(id, other));
    }
  });
  const { count, a, b } = pairs;
  return { count, a, b };
}

/** Discs of radius about 6 on a jittered lattice, displaced by `shift`; background is fragment 1. */
export function section(shift: readonly [number, number], idOffset: number, seed = 1): LinkSection {
  const labels = new Uint32Array(HEIGHT * WIDTH).fill(1);
  const random = new Random(seed);
  let id = 1;
  for (let cy = 12; cy < HEIGHT - 8; cy += 18) {
    for (let cx = 12; cx < WIDTH - 8; cx += 18) {
      id++;
      const [y0, x0] = [cy + random.uniform(-2, 2) + shift[0], cx + random.uniform(-2, 2) + shift[1]];
      const radius = random.uniform(5, 7);
      for (let y = 0; y < HEIGHT; y++) {
        for (let x = 0; x < WIDTH; x++) if (Math.hypot(y - y0, x - x0) < radius) labels[y * WIDTH + x] = id;
      }
    }
  }
  const profiles = profileTable(labels, HEIGHT, WIDTH, id);
  const touching = touchingOf(labels);
  return { labels, height: HEIGHT, width: WIDTH, idOffset, profiles, touching, pixelSide: 1 };
}

/** Affinity 0.9 where both sections have the same id, else 0.1. */
export function crossOf(lower: LinkSection, upper: LinkSection) {
  const displacements = [
    [0, 0],
    [0, 8],
  ] as const;
  const [rows, columns] = [HEIGHT / 2, WIDTH / 2];
  const data = new Float32Array(2 * rows * columns);
  displacements.forEach(([dy, dx], channel) => {
    for (let i = 0; i < rows * columns; i++) {
      const [y, x] = [2 * Math.floor(i / columns), 2 * (i % columns)];
      const same = lower.labels[y * WIDTH + x] === upper.labels[(y + dy) * WIDTH + x + dx];
      data[channel * rows * columns + i] = same ? 0.9 : 0.1;
    }
  });
  return { values: ndarray(data, [2, rows, columns]), displacements, stride: 2 };
}
