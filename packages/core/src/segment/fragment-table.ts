/**
 * Size and place of every fragment of one section, gathered in one pass over its runs of equal label.
 */
import type { PixelSpans } from '../predict/resample.ts';

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

/**
 * Table of the fragments 1..count of dense `labels` [height × width].
 * @param spans where the labels are a coarser (or finer) grid than the section: the section pixels that each stands
 * for. The table is that of the labels brought to the section's pixels, which need not be made for it.
 */
export function fragmentTable(
  labels: Uint32Array,
  height: number,
  width: number,
  count: number,
  spans: PixelSpans = { rows: upTo(height), columns: upTo(width) },
): FragmentTable {
  const length = count + 1;
  const { rows, columns } = spans;
  const area = new Uint32Array(length);
  const centroidY = new Float64Array(length);
  const centroidX = new Float64Array(length);
  const minY = new Uint32Array(length).fill(rows[height]);
  const minX = new Uint32Array(length).fill(columns[width]);
  const maxY = new Uint32Array(length);
  const maxX = new Uint32Array(length);
  const table = { count, area, centroidY, centroidX, minY, minX, maxY, maxX };
  for (let y = 0; y < height; y++) {
    if (rows[y] < rows[y + 1]) addRow(table, labels, y * width, rows[y], rows[y + 1], columns);
  }
  divideByArea(table);
  minY[0] = 0;
  minX[0] = 0;
  return table;
}

/** Voxels of the fragments 1..fragments of a volume, by global id; entry 0 is 0. */
export function fragmentVoxels(sections: readonly SectionTable[], fragments: number): Float64Array {
  const voxels = new Float64Array(fragments + 1);
  for (const { idOffset, stats } of sections) {
    for (let i = 1; i <= stats.count; i++) voxels[idOffset + i] = stats.area[i];
  }
  return voxels;
}

function upTo(count: number): Uint32Array {
  const out = new Uint32Array(count + 1);
  for (let i = 1; i <= count; i++) out[i] = i;
  return out;
}

/** Adds the runs of one row of labels, which stands for the section's rows top..bottom; centroids are sums so far. */
function addRow(
  { area, centroidY, centroidX, minY, minX, maxY, maxX }: FragmentTable,
  labels: Uint32Array,
  row: number,
  top: number,
  bottom: number,
  columns: Uint32Array,
): void {
  const width = columns.length - 1;
  const rows = bottom - top;
  const middle = (top + bottom - 1) / 2;
  for (let x = 0; x < width; ) {
    const label = labels[row + x];
    const left = columns[x++];
    while (x < width && labels[row + x] === label) x++;
    const right = columns[x];
    if (label === 0 || left === right) continue;
    const pixels = (right - left) * rows;
    area[label] += pixels;
    centroidY[label] += pixels * middle;
    centroidX[label] += (pixels * (left + right - 1)) / 2;
    if (top < minY[label]) minY[label] = top;
    if (left < minX[label]) minX[label] = left;
    if (right > maxX[label]) maxX[label] = right;
    maxY[label] = bottom;
  }
}

function divideByArea({ area, centroidY, centroidX }: FragmentTable): void {
  for (let label = 1; label < area.length; label++) {
    if (area[label] === 0) continue;
    centroidY[label] /= area[label];
    centroidX[label] /= area[label];
  }
}
