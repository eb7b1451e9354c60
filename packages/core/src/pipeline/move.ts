/**
 * Sections that are shifted against each other, brought into one frame: whole pixels, what leaves the frame is lost.
 * Nothing of the result moves, only how neighbours are compared.
 */
import { type LinkSection, withLabels } from '../link/section-view.ts';
import { type NdArray, ndarray } from '../volume/array.ts';
import type { Offset2 } from '../volume/contracts.ts';

type Plane = Float32Array | Uint32Array;

/**
 * Writes a dense plane [height × width] into `out`, its pixel p at p + `by`; the rest of `out` stays.
 * @returns `out`
 */
export function movePlane<P extends Plane>(
  plane: P,
  height: number,
  width: number,
  [dy, dx]: Offset2,
  out: P,
): P {
  const left = Math.max(0, dx);
  const right = Math.min(width, width + dx);
  if (right <= left) return out;
  for (let y = Math.max(0, dy); y < Math.min(height, height + dy); y++) {
    const from = (y - dy) * width - dx;
    out.set(plane.subarray(from + left, from + right), y * width + left);
  }
  return out;
}

/** The same displacement between answers that are given every `stride` pixels. */
export function inStrides([dy, dx]: Offset2, stride: number): Offset2 {
  return [Math.round(dy / stride), Math.round(dx / stride)];
}

/** A neighbour's image in the frame of the section in the middle, which stands in where the neighbour has nothing. */
export function moveImage(
  { data, shape }: NdArray<Float32Array>,
  by: Offset2,
  middle: NdArray<Float32Array>,
): NdArray<Float32Array> {
  return ndarray(movePlane(data, shape[0], shape[1], by, middle.data.slice()), shape);
}

/** Labels moved; 0 where they have nothing. @param width of a dense plane */
export function moveLabels(labels: Uint32Array, width: number, by: Offset2): Uint32Array {
  return movePlane(labels, labels.length / width, width, by, new Uint32Array(labels.length));
}

/** A section as the linker sees it, moved; what left the frame counts nothing. */
export function moveView(view: LinkSection, by: Offset2): LinkSection {
  return withLabels(view, moveLabels(view.labels, view.width, by));
}
