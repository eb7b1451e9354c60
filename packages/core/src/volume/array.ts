/**
 * Typed arrays with a shape: plain `{ data, shape, stride }` objects, safe to post to a worker.
 * Memory order is zyx with x fastest; strides are in elements and honoured wherever an array is taken.
 */
export type NumericData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export interface NdArray<D extends NumericData = NumericData> {
  readonly data: D;
  /** Extent of each axis, slowest first. */
  readonly shape: readonly number[];
  /** Elements between neighbours along each axis. */
  readonly stride: readonly number[];
}

/** z, y, x. */
export type Vec3 = readonly [z: number, y: number, x: number];

/** Strides of a dense array of this shape, last axis fastest. */
export function denseStride(shape: readonly number[]): number[] {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    stride[axis] = step;
    step *= shape[axis];
  }
  return stride;
}

/** Number of elements of a shape (1 for the empty shape). */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Wraps `data` as a dense array of `shape`; the data is shared, not copied. */
export function ndarray<D extends NumericData>(data: D, shape: readonly number[]): NdArray<D> {
  if (data.length !== elementCount(shape)) {
    throw new RangeError(`${data.length} elements do not fill shape ${shape.join('×')}`);
  }
  return { data, shape, stride: denseStride(shape) };
}

/** True when the elements lie densely in `data` from index 0 in C order. */
export function isDense(array: NdArray): boolean {
  const dense = denseStride(array.shape);
  return (
    array.data.length === elementCount(array.shape) &&
    array.stride.every((step, axis) => step === dense[axis] || array.shape[axis] === 1)
  );
}

/** The array itself when it is dense, else a dense copy of it. */
export function toDense<D extends NumericData>(array: NdArray<D>): NdArray<D> {
  if (isDense(array)) return array;
  const { shape, stride, data } = array;
  const out = new (data.constructor as new (length: number) => D)(elementCount(shape));
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += stride[axis];
      if (++index[axis] < shape[axis]) break;
      from -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return ndarray(out, shape);
}
