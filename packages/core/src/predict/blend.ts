/**
 * Puts predicted tiles together: each is added with its weights. A tile that was predicted mirrored is turned
 * back on the way. There, channel c at pixel q tells of q and q + offset; seen in the section, that pair has the
 * mirrored offset, which is either the offset of some channel (the value belongs to the mirror image of q) or the
 * negative of one (the value belongs to q's partner), or of none, and is left out.
 */
import type { NdArray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';

/** Where a tile lies in the section, and its weights along both axes. */
export interface PlacedTile {
  /** `[1, channels, side, side]`, any stride. */
  readonly tile: NdArray<Float32Array>;
  readonly top: number;
  readonly left: number;
  readonly weightY: Float32Array;
  readonly weightX: Float32Array;
}

/** Adds an unmirrored tile to `sum` [channels × height × width], in place. */
export function addTile(sum: Float32Array, height: number, width: number, placed: PlacedTile): void {
  const { tile, top, left, weightY, weightX } = placed;
  const [, channels] = tile.shape;
  const [, channelStride, rowStride, columnStride] = tile.stride;
  const [xFrom, xTo] = weightedRange(weightX);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < weightY.length; y++) {
      const wy = weightY[y];
      if (wy === 0) continue;
      const from = c * channelStride + y * rowStride + xFrom * columnStride;
      const to = (c * height + top + y) * width + left + xFrom;
      addRow(sum, to, tile.data, from, columnStride, wy, weightX, xFrom, xTo);
    }
  }
}

/** One row of a tile, in a function of its own, as in `segment/watershed.ts`. */
function addRow(
  sum: Float32Array,
  to: number,
  data: Float32Array,
  from: number,
  step: number,
  wy: number,
  weightX: Float32Array,
  xFrom: number,
  xTo: number,
): void {
  for (let x = xFrom, p = to, q = from; x < xTo; x++, p++, q += step) sum[p] += wy * weightX[x] * data[q];
}

/** First weighted pixel, and the one after the last. */
function weightedRange(weight: Float32Array): [from: number, to: number] {
  let from = 0;
  while (from < weight.length && weight[from] === 0) from++;
  let to = weight.length;
  while (to > from && weight[to - 1] === 0) to--;
  return [from, to];
}

export interface Flip {
  readonly y: boolean;
  readonly x: boolean;
}

/** Channel of the network that tells about `offsets[channel]` in a mirrored tile. */
interface FlippedChannel {
  readonly channel: number;
  /** Added to a pixel before it is mirrored. */
  readonly shift: Offset2;
}

function flippedChannel(offsets: readonly Offset2[], wanted: number, flip: Flip): FlippedChannel | undefined {
  const [dy, dx] = offsets[wanted];
  for (let channel = 0; channel < offsets.length; channel++) {
    const my = flip.y ? -offsets[channel][0] : offsets[channel][0];
    const mx = flip.x ? -offsets[channel][1] : offsets[channel][1];
    if (my === dy && mx === dx) return { channel, shift: [0, 0] };
    if (my === -dy && mx === -dx) return { channel, shift: [dy, dx] };
  }
  return undefined;
}

/** The same for a tile that was predicted mirrored; `weightSum` gets the weight that each value came with. */
export function addFlippedTile(
  sum: Float32Array,
  weightSum: Float32Array,
  height: number,
  width: number,
  placed: PlacedTile,
  flip: Flip,
  offsets: readonly Offset2[],
): void {
  const { tile, top, left, weightY, weightX } = placed;
  const [, channelStride, rowStride, columnStride] = tile.stride;
  const rows = weightY.length;
  const columns = weightX.length;
  for (let c = 0; c < offsets.length; c++) {
    const source = flippedChannel(offsets, c, flip);
    if (!source) continue;
    for (let y = 0; y < rows; y++) {
      const fromY = y + source.shift[0];
      if (weightY[y] === 0 || fromY < 0 || fromY >= rows) continue;
      const row = source.channel * channelStride + (flip.y ? rows - 1 - fromY : fromY) * rowStride;
      const to = (c * height + top + y) * width + left;
      for (let x = 0; x < columns; x++) {
        const fromX = x + source.shift[1];
        const weight = weightY[y] * weightX[x];
        if (weight === 0 || fromX < 0 || fromX >= columns) continue;
        sum[to + x] += weight * tile.data[row + (flip.x ? columns - 1 - fromX : fromX) * columnStride];
        weightSum[to + x] += weight;
      }
    }
  }
}
