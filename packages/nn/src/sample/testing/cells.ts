/** Small made-up volumes for the tests of this folder. */
import { ndarray, Random, type Vec3 } from '@kyn/core';
import { AUGMENT_NONE } from '../augment-options.ts';
import type { Batch } from '../batch.ts';
import type { SampleSpec } from '../spec.ts';
import type { TrainingVolume } from '../volume.ts';

/** Cells around random points that drift from section to section, with grey values of their own. */
export function cellVolume(shape: Vec3, cells: number, extra: Partial<TrainingVolume> = {}): TrainingVolume {
  const [depth, height, width] = shape;
  const random = new Random(77, depth, height, width, cells);
  const points = Array.from({ length: cells }, () => ({
    y: random.uniform(0, height),
    x: random.uniform(0, width),
    vy: random.uniform(-1, 1),
    vx: random.uniform(-1, 1),
    grey: random.int(200),
  }));
  const raw = new Uint8Array(depth * height * width);
  const labels = new Uint32Array(raw.length);
  for (let z = 0, i = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        let best = 0;
        let least = Number.POSITIVE_INFINITY;
        points.forEach((p, k) => {
          const distance = (p.y + p.vy * z - y) ** 2 + (p.x + p.vx * z - x) ** 2;
          if (distance < least) {
            least = distance;
            best = k;
          }
        });
        // Every third cell shares its id with another: one neuron, several profiles.
        labels[i] = 1 + (best % 3 === 0 ? Math.floor(best / 6) * 6 : best);
        raw[i] = points[best].grey + random.int(50);
      }
    }
  }
  return {
    name: 'cells',
    raw: ndarray(raw, shape),
    labels: ndarray(labels, shape),
    voxelSizeNm: [10, 10, 10],
    weight: 1,
    ...extra,
  };
}

/** A small spec without augmentation. */
export function plainSpec(extra: Partial<SampleSpec> = {}): SampleSpec {
  return {
    size: 32,
    batch: 2,
    sections: 1,
    offsets: [
      [-1, 0],
      [0, -1],
      [5, 0],
    ],
    lsdSigma: 0,
    pixelNm: 10,
    augment: AUGMENT_NONE,
    ...extra,
  };
}

/** True when two batches are the same to the last bit. */
export function sameBatch(a: Batch, b: Batch): boolean {
  const bytes = ({ input, target, weight }: Batch) => [input, target, weight];
  const rest = ({ step, inputShape, targetShape, origins, layout }: Batch) =>
    JSON.stringify([step, inputShape, targetShape, origins, layout]);
  return (
    rest(a) === rest(b) &&
    bytes(a).every((data, k) => {
      const other = bytes(b)[k];
      return data.length === other.length && data.every((value, i) => Object.is(value, other[i]));
    })
  );
}
