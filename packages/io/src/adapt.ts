/** A volume of planes as a {@link SectionSource} or a {@link LabelSource}. */
import {
  KynError,
  type LabelSection,
  type LabelSource,
  ndarray,
  type RawSection,
  type SectionSource,
  type Signal,
  throwIfCancelled,
  type Vec3,
} from '@kyn/core';
import type { Plane, PlaneVolume } from './plane.ts';
import { isWide, WideIds } from './wide-ids.ts';

/** dtypes that raw data do not come in. */
const labelDtypes = new Set(['uint32', 'int32', 'uint64', 'int64']);

/**
 * The volume as raw sections: uint8, uint16 and float32 as they are, int8, int16 and float64 as float32.
 * @throws KynError `content` for wider integers, which are labels.
 */
export function asSectionSource(volume: PlaneVolume, voxelSizeNm?: Vec3): SectionSource {
  const { info } = volume;
  if (labelDtypes.has(info.dtype)) {
    throw new KynError('content', `${info.dtype} pixels look like labels, not like an image`, {
      where: info.location,
      hint: 'give the raw volume (8 or 16 bit, or float)',
    });
  }
  return {
    info: voxelSizeNm ? { ...info, voxelSizeNm } : info,
    close: () => volume.close(),
    async read(z, signal) {
      const plane = await readChecked(volume, z, signal);
      return ndarray(rawPixels(plane), [plane.height, plane.width]);
    },
  };
}

function rawPixels(plane: Plane): RawSection['data'] {
  const { data } = plane;
  if (data instanceof Uint8Array || data instanceof Uint16Array || data instanceof Float32Array) return data;
  if (isWide(data)) return Float32Array.from(data, Number);
  return new Float32Array(data);
}

/** The volume as labels, whatever its dtype; see {@link WideIds} for ids beyond uint32. */
export function asLabelSource(volume: PlaneVolume, voxelSizeNm?: Vec3): LabelSource {
  const { info } = volume;
  const ids = new WideIds();
  return {
    info: voxelSizeNm ? { ...info, voxelSizeNm } : info,
    wideIds: ids.ownerOf,
    close: () => volume.close(),
    async read(z, signal): Promise<LabelSection> {
      const plane = await readChecked(volume, z, signal);
      const where = `${info.location}, section ${z}`;
      const labels = labelIds(plane, info.dtype, ids, where);
      return ndarray(labels, [plane.height, plane.width]);
    },
  };
}

/** @param dtype of the volume: other planes of it may hold wider ids */
function labelIds({ data }: Plane, dtype: string, ids: WideIds, where: string): Uint32Array {
  if (data instanceof Uint32Array) {
    if (dtype !== 'uint32') ids.convertNarrow(data);
    return data;
  }
  const out = new Uint32Array(data.length);
  if (data instanceof Uint8Array || data instanceof Uint16Array) {
    out.set(data);
  } else if (isWide(data)) {
    ids.convert(data, out);
  } else {
    const odd = data.findIndex((value) => !Number.isSafeInteger(value));
    if (odd >= 0) {
      throw new KynError('content', `labels must be whole numbers, found ${data[odd]}`, {
        where,
        hint: 'give a label volume',
      });
    }
    ids.convert(as64Bit(data), out);
  }
  return out;
}

/** Whole numbers as 64-bit ones. */
function as64Bit(data: ArrayLike<number>): BigInt64Array {
  const halves = new Uint32Array(data.length * 2);
  for (let i = 0; i < data.length; i++) {
    const high = Math.floor(data[i] / 2 ** 32);
    halves[2 * i] = data[i] - high * 2 ** 32;
    halves[2 * i + 1] = high;
  }
  return new BigInt64Array(halves.buffer);
}

async function readChecked(volume: PlaneVolume, z: number, signal: Signal | undefined): Promise<Plane> {
  throwIfCancelled(signal);
  const depth = volume.info.shape[0];
  if (!Number.isInteger(z) || z < 0 || z >= depth) {
    throw new KynError('shape', `no section ${z}: there are ${depth}, from 0`, {
      where: volume.info.location,
    });
  }
  const plane = await volume.readPlane(z);
  throwIfCancelled(signal);
  return plane;
}

/** What `make` makes of a volume, or finds out about it; the volume is closed where that fails. */
export async function closingOnFailure<T>(
  volume: { close(): Promise<void> },
  make: () => T | Promise<T>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    await volume.close();
    throw error;
  }
}
