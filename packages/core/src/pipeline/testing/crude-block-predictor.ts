/**
 * A real, if crude, 3D predictor for tests: in the plane as the 2D one, each section a little mixed with its neighbours
 * in the block; between sections a pixel goes on where both are bright. Local: it sees 1 section and 3 px away.
 */
import { ndarray } from '../../volume/array.ts';
import type { BlockPredictor, BlockPredictorInfo } from '../../volume/contracts.ts';
import { crudePredictor } from './crude-predictor.ts';

export interface CrudeBlockPredictor extends BlockPredictor {
  /** Blocks predicted so far. */
  readonly blocks: number;
}

export function crudeBlockPredictor(changes: Partial<BlockPredictorInfo> = {}): CrudeBlockPredictor {
  let blocks = 0;
  const inPlane = crudePredictor();
  const { contextSections: _, ...common } = inPlane.info;
  const info: BlockPredictorInfo = {
    ...common,
    name: 'crude blocks',
    zReach: [1, 2],
    blockDepth: 8,
    haloDepth: 2,
    ...changes,
  };
  return {
    info,
    get blocks() {
      return blocks;
    },
    async predict(input) {
      blocks++;
      const [count, , depth, height, width] = input.shape;
      const plane = height * width;
      const own = info.offsets.length;
      const channels = own + info.zReach.length;
      const out = new Float32Array(count * channels * depth * plane);
      for (let n = 0; n < count; n++) {
        const mixed = Array.from({ length: depth }, (_, k) => {
          const at = (i: number, p: number) =>
            input.data[(n * depth + Math.min(depth - 1, Math.max(0, i))) * plane + p];
          return Float32Array.from(
            { length: plane },
            (_, p) => 0.8 * at(k, p) + 0.1 * (at(k - 1, p) + at(k + 1, p)),
          );
        });
        for (let k = 0; k < depth; k++) {
          const { affinities } = await inPlane.predict(ndarray(mixed[k], [1, 1, height, width]));
          const put = (channel: number, values: Float32Array) =>
            out.set(values, ((n * channels + channel) * depth + k) * plane);
          for (let c = 0; c < own; c++) put(c, affinities.data.subarray(c * plane, (c + 1) * plane));
          info.zReach.forEach((reach, i) => {
            // what is not known is claimed boldly: it must not count
            if (k < reach) put(own + i, new Float32Array(plane).fill(1));
            else put(own + i, bothBright(mixed[k], mixed[k - reach]));
          });
        }
      }
      return ndarray(out, [count, channels, depth, height, width]);
    },
    async close() {},
  };
}

function bothBright(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, p) => 1 / (1 + Math.exp(-4 * (Math.min(value, b[p]) + 0.7))));
}
