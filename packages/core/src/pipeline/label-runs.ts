/**
 * A label image as runs of equal labels, in memory order: label, length, label, length, ... For labels of cells
 * this is a tenth of the image or less, and is made and read at the speed of copying.
 */

/** @param labels dense, any size */
export function encodeRuns(labels: Uint32Array): Uint32Array {
  let runs = 0;
  for (let p = 0; p < labels.length; p++) if (p === 0 || labels[p] !== labels[p - 1]) runs++;
  const out = new Uint32Array(2 * runs);
  for (let p = 0, at = 0; p < labels.length; at += 2) {
    const label = labels[p];
    const from = p;
    while (p < labels.length && labels[p] === label) p++;
    out[at] = label;
    out[at + 1] = p - from;
  }
  return out;
}

/** Writes the labels into `out`. @throws RangeError where they do not fill it. */
export function decodeRuns(runs: Uint32Array, out: Uint32Array): Uint32Array {
  let p = 0;
  for (let at = 0; at < runs.length; at += 2) {
    out.fill(runs[at], p, p + runs[at + 1]);
    p += runs[at + 1];
  }
  if (p !== out.length) throw new RangeError(`runs of ${p} pixels do not fill ${out.length}`);
  return out;
}
