/** The plain form of `profiles.ts`: flood fill from every pixel not yet numbered. */
import { ndarray } from './array.ts';
import type { LabelSection } from './contracts.ts';
import type { Profiles } from './profiles.ts';

export function labelProfilesPlainly(section: LabelSection): Profiles {
  const [height, width] = section.shape;
  const at = (y: number, x: number) => section.data[y * section.stride[0] + x * section.stride[1]];
  const out = new Uint32Array(height * width);
  let count = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const id = at(y, x);
      if (id === 0 || out[y * width + x] !== 0) continue;
      count++;
      const open: [number, number][] = [[y, x]];
      for (let next = open.pop(); next; next = open.pop()) {
        const [v, u] = next;
        if (v < 0 || u < 0 || v >= height || u >= width) continue;
        if (out[v * width + u] !== 0 || at(v, u) !== id) continue;
        out[v * width + u] = count;
        open.push([v - 1, u], [v + 1, u], [v, u - 1], [v, u + 1]);
      }
    }
  }
  return { labels: ndarray(out, [height, width]), count };
}
