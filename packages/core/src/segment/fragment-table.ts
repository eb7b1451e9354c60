/**
 * Size and place of every fragment of one section, gathered in one pass over its runs of equal label.
 */

/** Struct of arrays; entry `i` is fragment `i` of the section, entry 0 (background) counts nothing. */
export interface FragmentTable {
  /** Fragments are 1..count. */
  readonly count: number;
  /** Pixels. */
  readonly area: Uint32Array;
  /** Mean pixel position, in pixels of the section. */
  readonly centroidY: Float64Array;
  readonly centroidX: Float64Array;
  /** Bounding box in pixels; min inclusive, max exclusive. */
  readonly minY: Uint32Array;
  readonly minX: Uint32Array;
  readonly maxY: Uint32Array;
  readonly maxX: Uint32Array;
}

/** The fragments of one section and where it lies. */
export interface SectionTable {
  /** Index of the section in the volume. */
  readonly z: number;
  /** Global id of fragment `i` of `stats` is `idOffset + i`. */
  readonly idOffset: number;
  readonly stats: FragmentTable;
}

/** Table of the fragments 1..count of dense `labels` [height × width]. */
export function fragmentTable(
  labels: Uint32Array,
  height: number,
  width: number,
  count: number,
): FragmentTable {
  const rows = count + 1;
  const area = new Uint32Array(rows);
  const centroidY = new Float64Array(rows);
  const centroidX = new Float64Array(rows);
  const minY = new Uint32Array(rows).fill(height);
  const minX = new Uint32Array(rows).fill(width);
  const maxY = new Uint32Array(rows);
  const maxX = new Uint32Array(rows);
  const table = { count, area, centroidY, centroidX, minY, minX, maxY, maxX };
  for (let y = 0; y < height; y++) addRow(table, labels, y, width);
  for (let label = 1; label < rows; label++) {
    if (area[label] === 0) continue;
    centroidY[label] /= area[label];
    centroidX[label] /= area[label];
  }
  minY[0] = 0;
  minX[0] = 0;
  return table;
}

/** Adds the runs of one row; centroids are sums so far. */
function addRow(table: FragmentTable, labels: Uint32Array, y: number, width: number): void {
  const { area, centroidY, centroidX, minY, minX, maxY, maxX } = table;
  const row = y * width;
  for (let x = 0; x < width; ) {
    const label = labels[row + x];
    const from = x++;
    while (x < width && labels[row + x] === label) x++;
    if (label === 0) continue;
    const run = x - from;
    area[label] += run;
    centroidY[label] += run * y;
    centroidX[label] += (run * (from + x - 1)) / 2;
    if (y < minY[label]) minY[label] = y;
    if (from < minX[label]) minX[label] = from;
    if (x > maxX[label]) maxX[label] = x;
    maxY[label] = y + 1;
  }
}
