/**
 * Profiles of a label section: its 4-connected components of equal id.
 *
 * Runs of equal id along x are joined with the runs they touch in the row above (He, Chao, Suzuki 2008,
 * "run-based two-scan labelling"): union-find over runs, not pixels, then one pass that writes numbers.
 */
import { ndarray, toDense } from './array.ts';
import type { LabelSection } from './contracts.ts';

export interface Profiles {
  /** 1, 2, ... in the order of their first pixel (row by row); 0 where the label is 0. */
  readonly labels: LabelSection;
  readonly count: number;
}

/** Numbers the profiles of a section, from 1. The input is not mutated. */
export function labelProfiles(section: LabelSection): Profiles {
  const [height, width] = section.shape;
  const data = toDense(section).data;
  const runEnd = new Uint32Array(countRuns(data, height, width));
  const parent = new Uint32Array(runEnd.length);
  let runs = 0;
  let above = 0; // first run of the row above
  for (let y = 0; y < height; y++) {
    const rowRuns = runs;
    const end = (y + 1) * width;
    let x = y * width;
    let up = above;
    while (x < end) {
      const id = data[x];
      const start = x++;
      while (x < end && data[x] === id) x++;
      runEnd[runs] = x;
      parent[runs] = runs;
      if (y > 0) {
        // Runs above end in ascending order; one that ends beyond this run touches the next run too.
        while (up < rowRuns && runEnd[up] + width <= start) up++;
        for (let other = up; other < rowRuns; other++) {
          const from = other === above ? start - (start % width) : runEnd[other - 1] + width;
          if (from >= x) break;
          if (id !== 0 && data[runEnd[other] - 1] === id) join(parent, runs, other);
        }
      }
      runs++;
    }
    above = rowRuns;
  }
  return numberRuns(data, runEnd, parent, height, width);
}

function countRuns(data: Uint32Array, height: number, width: number): number {
  let runs = 0;
  for (let y = 0; y < height; y++) {
    const end = (y + 1) * width;
    for (let x = y * width; x < end; x++) if (x % width === 0 || data[x] !== data[x - 1]) runs++;
  }
  return runs;
}

function find(parent: Uint32Array, run: number): number {
  let root = run;
  while (parent[root] !== root) {
    parent[root] = parent[parent[root]];
    root = parent[root];
  }
  return root;
}

/** The smaller number becomes the root, so that roots come before what they hold. */
function join(parent: Uint32Array, a: number, b: number): void {
  const rootA = find(parent, a);
  const rootB = find(parent, b);
  if (rootA < rootB) parent[rootB] = rootA;
  else parent[rootA] = rootB;
}

function numberRuns(
  data: Uint32Array,
  runEnd: Uint32Array,
  parent: Uint32Array,
  height: number,
  width: number,
): Profiles {
  const out = new Uint32Array(data.length);
  const numberOf = new Uint32Array(runEnd.length);
  let count = 0;
  let start = 0;
  for (let run = 0; run < runEnd.length; run++) {
    const end = runEnd[run];
    if (data[start] !== 0) {
      const root = find(parent, run);
      if (root === run) numberOf[run] = ++count;
      out.fill(numberOf[root], start, end);
    }
    start = end;
  }
  return { labels: ndarray(out, [height, width]), count };
}
