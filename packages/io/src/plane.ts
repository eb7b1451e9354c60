/**
 * What every format yields: a volume read plane by plane in the dtype it is stored in. Two adapters
 * (`adapt.ts`) make section sources and label sources of it, so a format need not know which it is read as.
 */
import type { NumericData, VolumeInfo } from '@kyn/core';

/** Stored elements; 64-bit integers only occur here, at the boundary. */
export type StoredData = NumericData | BigUint64Array | BigInt64Array;

/** A dense 2D array, x fastest. */
export interface Plane {
  readonly data: StoredData;
  readonly height: number;
  readonly width: number;
}

/**
 * A volume of planes of its dtype (of a 64-bit one, a plane that fits may be of uint32, and is the reader's own then). Reads may
 * overlap in time and come in any order.
 */
export interface PlaneVolume {
  readonly info: VolumeInfo;
  readPlane(z: number): Promise<Plane>;
  close(): Promise<void>;
}

/** What the pixels are read for: pictures may be converted to grey, labels must keep their values. */
export type Purpose = 'sections' | 'labels';

/** Constructors by dtype name. */
const constructors = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

export type DtypeName = keyof typeof constructors;

/** True for the dtypes that a plane can have. */
export function isDtypeName(name: string): name is DtypeName {
  return name in constructors;
}

/** Bytes of one element. */
export function dtypeBytes(dtype: DtypeName): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/** A zeroed array of a dtype. */
export function allocate(dtype: DtypeName, length: number): StoredData {
  return new constructors[dtype](length);
}

/** Bytes (little-endian) seen as a dtype: shared where the alignment allows, else copied. */
export function viewBytes(dtype: DtypeName, bytes: Uint8Array): StoredData {
  const Type = constructors[dtype];
  const aligned = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  const length = Math.floor(aligned.byteLength / Type.BYTES_PER_ELEMENT);
  return new Type(aligned.buffer as ArrayBuffer, aligned.byteOffset, length);
}

/** The bytes of an array, shared. */
export function bytesOf(data: StoredData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
