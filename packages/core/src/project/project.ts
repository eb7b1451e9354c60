/**
 * Fragments to neurons: one table look-up a pixel.
 */
import { type NdArray, ndarray } from '../volume/array.ts';
import type { LabelSection } from '../volume/contracts.ts';

/**
 * Neuron of every pixel.
 * @param fragments `[height, width]` fragment ids, 0 = none; any stride; not mutated.
 * @param assignment neuron of every global fragment id; entry 0 is 0.
 * @param idOffset added to the ids of `fragments` (not to 0) to make them global.
 * @param out dense `[height × width]`, overwritten; a new array where absent.
 * @returns dense `[height, width]` neuron ids; 0 where there is no fragment.
 * @throws RangeError where a fragment is not in the assignment.
 */
export function project(
  fragments: LabelSection,
  assignment: Uint32Array,
  idOffset = 0,
  out: Uint32Array = new Uint32Array(fragments.shape[0] * fragments.shape[1]),
): NdArray<Uint32Array> {
  const { data, shape, stride } = fragments;
  const [height, width] = shape;
  for (let y = 0; y < height; y++) {
    projectRow(data, y * stride[0], stride[1], assignment, idOffset, out, y * width, (y + 1) * width);
  }
  return ndarray(out, [height, width]);
}

function projectRow(
  data: Uint32Array,
  from: number,
  step: number,
  assignment: Uint32Array,
  idOffset: number,
  out: Uint32Array,
  start: number,
  end: number,
): void {
  for (let p = start, at = from; p < end; p++, at += step) {
    const fragment = data[at];
    if (fragment === 0) {
      out[p] = 0;
      continue;
    }
    const id = fragment + idOffset;
    if (id >= assignment.length) throw new RangeError(`fragment ${id} is not in the assignment`);
    out[p] = assignment[id];
  }
}
