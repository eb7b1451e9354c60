/**
 * 4-connected components of equal non-zero labels in a square patch: two profiles of one neuron that do not
 * touch within the section are two things to a 2D network. Two raster passes with union-find (Rosenfeld &
 * Pfaltz 1966), path halving, smaller root wins.
 */
import type { LabelPatch } from './resample.ts';

export interface Components {
  /** 1 … count in raster order of first pixels; 0 where the label is 0. */
  readonly ids: Int32Array;
  readonly count: number;
  /** Pixels, by component id; entry 0 those where the label is 0. */
  readonly area: Int32Array;
  /**
   * By component id: 1 where it reaches the patch edge or pixels that are not known, so that it may go on
   * out of sight and join another component of the same label there.
   */
  readonly open: Uint8Array;
}

export function connectedComponents(patch: LabelPatch): Components {
  const { ids: labels, known, side } = patch;
  const parent = new Int32Array(labels.length);
  const find = (start: number): number => {
    let i = start;
    while (parent[i] !== i) {
      parent[i] = parent[parent[i]];
      i = parent[i];
    }
    return i;
  };
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const label = labels[i];
      const left = x > 0 && labels[i - 1] === label;
      const above = y > 0 && labels[i - side] === label;
      if (above) {
        const root = find(i - side);
        parent[i] = root;
        if (left && parent[i - 1] !== root) {
          const other = find(i - 1);
          if (other < root) {
            parent[root] = other;
            parent[i] = other;
          } else parent[other] = root;
        }
      } else parent[i] = left ? parent[i - 1] : i;
    }
  }
  // Roots are first pixels, so a raster pass meets the root before its other pixels.
  const ids = new Int32Array(labels.length);
  let count = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === 0) continue;
    const root = find(i);
    ids[i] = root === i ? ++count : ids[root];
  }
  const area = new Int32Array(count + 1);
  for (const id of ids) area[id]++;
  return { ids, count, area, open: openComponents(ids, known, side, count) };
}

function openComponents(ids: Int32Array, known: Uint8Array, side: number, count: number): Uint8Array {
  const open = new Uint8Array(count + 1);
  const last = side - 1;
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      if (
        y === 0 ||
        x === 0 ||
        y === last ||
        x === last ||
        !known[i] ||
        !known[i - 1] ||
        !known[i + 1] ||
        !known[i - side] ||
        !known[i + side]
      ) {
        open[ids[i]] = 1;
      }
    }
  }
  open[0] = 0;
  return open;
}
