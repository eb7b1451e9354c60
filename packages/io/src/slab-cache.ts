/**
 * Chunks that span several sections are decompressed once, not once a section: sections are read in slabs as
 * deep as a chunk (less deep where a slab would not fit the budget), and the slabs used last are kept.
 * Overlapping reads of a slab share one load.
 */
import { KynError, type Vec3 } from '@kyn/core';
import { type DtypeName, dtypeBytes, type Plane, type StoredData } from './plane.ts';

/** Memory for slabs of one volume. */
const budgetBytes = 192 * 2 ** 20;

export interface Slab {
  readonly data: StoredData;
  /** First section in it. */
  readonly start: number;
}

export class SlabCache {
  private readonly slabs = new Map<number, Promise<Slab>>();
  private readonly depth: number;
  private readonly kept: number;
  private readonly shape: Vec3;
  private readonly load: (start: number, stop: number) => Promise<StoredData>;

  /**
   * @param chunkDepth sections that a chunk spans.
   * @param load reads sections `start` to `stop` as one dense array.
   */
  constructor(
    shape: Vec3,
    dtype: DtypeName,
    chunkDepth: number,
    load: (start: number, stop: number) => Promise<StoredData>,
    budget: number = budgetBytes,
  ) {
    const planeBytes = Math.max(1, shape[1] * shape[2] * dtypeBytes(dtype));
    this.depth = Math.max(1, Math.min(chunkDepth, shape[0], Math.floor(budget / planeBytes)));
    this.kept = Math.max(1, Math.min(2, Math.floor(budget / (planeBytes * this.depth))));
    this.shape = shape;
    this.load = load;
  }

  /** Section `z`; a copy, so that the slab can go. */
  async plane(z: number): Promise<Plane> {
    const [, height, width] = this.shape;
    // A chunk a section: nothing to keep, nothing to copy.
    if (this.depth === 1) return { data: await this.load(z, z + 1), height, width };
    const slab = await this.slab(Math.floor(z / this.depth));
    const size = height * width;
    const from = (z - slab.start) * size;
    return { data: slab.data.slice(from, from + size), height, width };
  }

  private slab(index: number): Promise<Slab> {
    let slab = this.slabs.get(index);
    this.slabs.delete(index);
    if (!slab) {
      const start = index * this.depth;
      const stop = Math.min(start + this.depth, this.shape[0]);
      slab = this.load(start, stop).then((data) => ({ data, start }));
      slab.catch(() => this.slabs.delete(index));
      for (const oldest of this.slabs.keys()) {
        if (this.slabs.size < this.kept) break;
        this.slabs.delete(oldest);
      }
    }
    this.slabs.set(index, slab); // last in order: used last
    return slab;
  }

  clear(): void {
    this.slabs.clear();
  }
}

/** Sections, rows and columns of an array of any rank whose leading axes have extent 1. */
export function squeezeToVolume(shape: readonly number[], where: string): { shape: Vec3; leading: number } {
  if (shape.includes(0)) {
    throw new KynError('shape', `the dataset is empty (${shape.join('×')})`, {
      where,
      hint: 'give another dataset',
    });
  }
  if (shape.length === 2) return { shape: [1, shape[0], shape[1]], leading: -1 };
  const leading = shape.length - 3;
  if (leading < 0 || shape.slice(0, leading).some((extent) => extent !== 1)) {
    throw new KynError('shape', `shape ${shape.join('×')} is not a volume of sections, rows, columns`, {
      where,
      hint: 'give a 3D dataset (z, y, x)',
    });
  }
  return { shape: [shape[leading], shape[leading + 1], shape[leading + 2]], leading };
}
