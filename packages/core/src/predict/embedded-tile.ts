import type { NdArray } from '../volume/array.ts';

/** One tile's embedding of a section, and how much each of its pixels counts. */
export interface EmbeddedTile {
  /** `[1, channels, rows, columns]`, any stride. */
  readonly embedding: NdArray<Float32Array>;
  /** First pixel of the tile in the section, in pixels of the embedding. */
  readonly top: number;
  readonly left: number;
  /** Weight of every row and column; 0 beyond the section. Over all tiles a pixel's products sum to 1. */
  readonly weightY: Float32Array;
  readonly weightX: Float32Array;
}

/** Every `stride`th value, from the first. */
export function everyNth(values: Float32Array, stride: number): Float32Array {
  return Float32Array.from({ length: Math.ceil(values.length / stride) }, (_, i) => values[i * stride]);
}
