/**
 * A batch as one picture, to see what a network is asked: a row a sample, with its sections, its targets and,
 * tinted red, what is masked. Blocks have a row a section.
 */
import type { Batch } from './batch.ts';

export interface SheetPicture {
  /** RGBA, row by row. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

const GAP = 4;
const BACKGROUND = 40;
/** Grey values from −SPAN to SPAN standard deviations are shown. */
const SPAN = 3;

/**
 * @param batch is not changed
 * @param shrink shows every `shrink`-th pixel, for large batches; default 1
 */
export function sampleSheet(batch: Batch, shrink = 1): SheetPicture {
  const [batchSize, depth, size] = batch.inputShape;
  const channels = batch.layout.channels;
  // A block is shown as samples of one section each, whose channels lie a block apart.
  const inBlock = batch.targetShape.length === 5;
  const [samples, sections] = inBlock ? [batchSize * depth, 1] : [batchSize, depth];
  const targetPlane = (n: number, c: number): number =>
    inBlock ? (Math.floor(n / depth) * channels + c) * depth + (n % depth) : n * channels + c;
  const tile = Math.ceil(size / shrink);
  const width = (sections + channels) * (tile + GAP) + GAP;
  const height = samples * (tile + GAP) + GAP;
  const data = new Uint8Array(4 * width * height);
  for (let i = 0; i < data.length; i++) data[i] = i % 4 === 3 ? 255 : BACKGROUND;
  const plane = size * size;
  const paint = (row: number, column: number, colour: (pixel: number) => readonly [number, number]): void => {
    const top = GAP + row * (tile + GAP);
    const left = GAP + column * (tile + GAP);
    for (let y = 0; y < tile; y++) {
      for (let x = 0; x < tile; x++) {
        const [grey, seen] = colour(y * shrink * size + x * shrink);
        const value = 255 * Math.min(1, Math.max(0, grey));
        const to = 4 * ((top + y) * width + left + x);
        data[to] = seen > 0 ? value : 0.5 * value + 127;
        data[to + 1] = seen > 0 ? value : 0.5 * value;
        data[to + 2] = seen > 0 ? value : 0.5 * value;
      }
    }
  };
  for (let n = 0; n < samples; n++) {
    for (let k = 0; k < sections; k++) {
      const start = (n * sections + k) * plane;
      paint(n, k, (pixel) => [(batch.input[start + pixel] + SPAN) / (2 * SPAN), 1]);
    }
    for (let c = 0; c < channels; c++) {
      const start = targetPlane(n, c) * plane;
      paint(n, sections + c, (pixel) => [batch.target[start + pixel], batch.weight[start + pixel]]);
    }
  }
  return { data, width, height };
}
