/** Weights of one network for another that shares layers with it. */
import { elementCount } from '@kyn/core';
import type { ParameterLayout, Piece, Weights } from './layers.ts';

/** @returns zeros in the places of a layout */
export function emptyWeights({ parameterCount, statisticCount }: ParameterLayout): Weights {
  return { parameters: new Float32Array(parameterCount), statistics: new Float32Array(statisticCount) };
}

/** Copies, in place, the pieces that both networks have under one name. */
export function transferWeights(
  from: { readonly layout: ParameterLayout; readonly weights: Weights },
  layout: ParameterLayout,
  weightsInPlace: Weights,
): void {
  copyPieces(from.layout.parameters, from.weights.parameters, layout.parameters, weightsInPlace.parameters);
  copyPieces(from.layout.statistics, from.weights.statistics, layout.statistics, weightsInPlace.statistics);
}

function copyPieces(
  source: readonly Piece[],
  data: Float32Array,
  target: readonly Piece[],
  out: Float32Array,
): void {
  const offsets = new Map(source.map(({ name, offset }) => [name, offset]));
  for (const { name, offset, shape } of target) {
    const at = offsets.get(name);
    if (at !== undefined) out.set(data.subarray(at, at + elementCount(shape)), offset);
  }
}
