/**
 * A label image as runs of equal labels, in memory order: label, length, label, length, ... For labels of cells
 * this is a tenth of the image or less, and is made and read at the speed of copying.
 */

/** @param labels dense, any size */
export function encodeRuns(labels: Uint32Array): Uint32Array {
  let runs = 0;
  forStretches(labels.length, (from, to) => {
    runs += countStarts(labels, from, to);
  });
  const out = new Uint32Array(2 * runs);
  let last = -1;
  forStretches(labels.length, (from, to) => {
    last = addRuns(labels, from, to, out, last);
  });
  return out;
}

/** Pixels walked over by one call: the engine compiles what is called often once and for all. */
const STRETCH = 1024;

function forStretches(length: number, walk: (from: number, to: number) => void): void {
  for (let from = 0; from < length; from += STRETCH) walk(from, Math.min(length, from + STRETCH));
}

function startsRun(labels: Uint32Array, p: number): boolean {
  return p === 0 || labels[p] !== labels[p - 1];
}

function countStarts(labels: Uint32Array, from: number, to: number): number {
  let runs = 0;
  for (let p = from; p < to; p++) if (startsRun(labels, p)) runs++;
  return runs;
}

/** Writes the runs of a stretch after run `last`, which may go on in it; returns the last one so far. */
function addRuns(labels: Uint32Array, from: number, to: number, out: Uint32Array, last: number): number {
  let run = last;
  for (let p = from; p < to; p++) {
    if (startsRun(labels, p)) out[2 * ++run] = labels[p];
    out[2 * run + 1]++;
  }
  return run;
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
