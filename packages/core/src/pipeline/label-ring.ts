/**
 * Label planes that are used again and again. Every new large array brings the engine closer to its next garbage
 * collection, and at several planes a section that costs more than the work on them.
 */
export class LabelRing {
  private readonly planes: Uint32Array[] = [];
  private calls = 0;

  /** @param count planes that are in use at the same time */
  constructor(private readonly count: number) {}

  /** A plane of `pixels`, with what it held before; that of `count` calls ago is used again. */
  next(pixels: number): Uint32Array {
    const slot = this.calls++ % this.count;
    const plane = this.planes[slot];
    if (plane?.length === pixels) return plane;
    this.planes[slot] = new Uint32Array(pixels);
    return this.planes[slot];
  }
}
