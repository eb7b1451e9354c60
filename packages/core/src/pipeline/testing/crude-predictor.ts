/**
 * A real, if crude, predictor for tests: no network, but affinities from the image. The affinity of two pixels is
 * low where the straight way between them crosses something dark. Local: it sees 2 px around each end. Neighbouring
 * sections, if it is given them, show through faintly; with `head` it says where their grey values are alike.
 */
import { mirrorIndex } from '../../predict/tiles.ts';
import { type NdArray, ndarray } from '../../volume/array.ts';
import type { Offset2, Predictor, PredictorInfo } from '../../volume/contracts.ts';

const OFFSETS: readonly Offset2[] = [
  [1, 0],
  [0, 1],
  [3, 0],
  [0, 3],
];

export interface CruderPredictor extends Predictor {
  /** Tiles predicted so far. */
  readonly tiles: number;
}

export function crudePredictor(changes: Partial<PredictorInfo> = {}, head = false): CruderPredictor {
  let tiles = 0;
  const info: PredictorInfo = {
    name: 'crude',
    voxelSizeNm: [40, 10, 10],
    offsets: OFFSETS,
    tileMultiple: 8,
    tileSize: 64,
    halo: 12,
    flopPerPixel: 10,
    contextSections: 0,
    ...(head ? { cross: { displacements: [], stride: CROSS_STRIDE } } : {}),
    ...changes,
  };
  return {
    info,
    get tiles() {
      return tiles;
    },
    async predict(input) {
      tiles++;
      const [count, depth, height, width] = input.shape;
      await Promise.resolve();
      const channels = info.offsets.length;
      const out = new Float32Array(count * channels * height * width);
      for (let n = 0; n < count; n++) {
        const sections = input.data.subarray(n * depth * height * width, (n + 1) * depth * height * width);
        const smooth = crossMean(throughNeighbours(sections, depth, height * width), height, width);
        info.offsets.forEach((offset, c) => {
          const from = (n * channels + c) * height * width;
          fillChannel(out.subarray(from, from + height * width), smooth, height, width, offset);
        });
      }
      const affinities = ndarray(out, [count, channels, height, width]);
      return head ? { affinities, cross: likeness(input) } : { affinities };
    },
    async close() {},
  };
}

const CROSS_STRIDE = 2;

/** How alike every other pixel of one tile's middle section is to those of the sections on either side. */
function likeness({ data, shape: [, depth, height, width] }: NdArray<Float32Array>): NdArray<Float32Array> {
  const [rows, columns] = [height / CROSS_STRIDE, width / CROSS_STRIDE];
  const out = new Float32Array(2 * rows * columns);
  const middle = depth >> 1;
  [middle - 1, middle + 1].forEach((other, channel) => {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const p = r * CROSS_STRIDE * width + c * CROSS_STRIDE;
        const [own, its] = [data[middle * height * width + p], data[other * height * width + p]];
        out[(channel * rows + r) * columns + c] = Math.exp(-Math.abs(own - its));
      }
    }
  });
  return ndarray(out, [1, 2, rows, columns]);
}

/** The middle section, with a tenth of the others added. */
function throughNeighbours(sections: Float32Array, depth: number, plane: number): Float32Array {
  const middle = depth >> 1;
  const out = sections.slice(middle * plane, (middle + 1) * plane);
  for (let d = 0; d < depth; d++) {
    for (let p = 0; d !== middle && p < plane; p++) out[p] += 0.1 * sections[d * plane + p];
  }
  return out;
}

/** Mean of a pixel and its four neighbours; the tile is mirrored at its edge. */
function crossMean(image: Float32Array, height: number, width: number): Float32Array {
  const at = (y: number, x: number) => image[mirrorIndex(y, height) * width + mirrorIndex(x, width)];
  return Float32Array.from(image, (value, p) => {
    const y = Math.floor(p / width);
    const x = p % width;
    return (value + at(y - 1, x) + at(y + 1, x) + at(y, x - 1) + at(y, x + 1)) / 5;
  });
}

function fillChannel(
  out: Float32Array,
  image: Float32Array,
  height: number,
  width: number,
  [dy, dx]: Offset2,
) {
  const steps = Math.max(Math.abs(dy), Math.abs(dx));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let darkest = Number.POSITIVE_INFINITY;
      for (let s = 0; s <= steps; s++) {
        const yy = mirrorIndex(y + Math.round((s * dy) / steps), height);
        const xx = mirrorIndex(x + Math.round((s * dx) / steps), width);
        darkest = Math.min(darkest, image[yy * width + xx]);
      }
      out[y * width + x] = 1 / (1 + Math.exp(-4 * (darkest + 0.7)));
    }
  }
}
