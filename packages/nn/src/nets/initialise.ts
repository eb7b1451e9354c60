/** Starting weights: He-normal convolutions (He 2015), unit batch norm; fixed by the seed. */
import { elementCount, Random } from '@kyn/core';
import type { ParameterLayout, Piece, Weights } from './layers.ts';

function fill(pieces: readonly Piece[], out: Float32Array, random: Random): void {
  for (const { offset, shape, init } of pieces) {
    const piece = out.subarray(offset, offset + elementCount(shape));
    if ('constant' in init) piece.fill(init.constant);
    else {
      const spread = Math.sqrt(2 / init.fanIn);
      for (let i = 0; i < piece.length; i++) piece[i] = spread * random.normal();
    }
  }
}

export function initialWeights(layout: ParameterLayout, seed: number): Weights {
  const parameters = new Float32Array(layout.parameterCount);
  const statistics = new Float32Array(layout.statisticCount);
  const random = new Random(seed);
  fill(layout.parameters, parameters, random);
  fill(layout.statistics, statistics, random);
  return { parameters, statistics };
}
