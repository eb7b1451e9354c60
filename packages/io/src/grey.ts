/**
 * Colour pixels as one value: luminance for images (ITU-R BT.601 weights, as most image software uses), the
 * value itself for labels, which must then be grey.
 */
import { KynError } from '@kyn/core';
import type { Purpose } from './plane.ts';

type Samples = Uint8Array | Uint16Array | Float32Array;

/**
 * @param data interleaved, `channels` a pixel: grey + alpha (2), RGB (3), RGB + alpha (4). Alpha is ignored.
 * @throws KynError `content` for coloured labels.
 */
export function toGrey<D extends Samples>(data: D, channels: number, purpose: Purpose, where: string): D {
  if (channels === 1) return data;
  const pixels = Math.floor(data.length / channels);
  const out = new (data.constructor as new (length: number) => D)(pixels);
  const round = data instanceof Float32Array ? 0 : 0.5;
  for (let i = 0, j = 0; i < pixels; i++, j += channels) {
    const red = data[j];
    if (channels < 3 || (red === data[j + 1] && red === data[j + 2])) {
      out[i] = red;
    } else if (purpose === 'labels') {
      throw new KynError('content', 'a colour image: labels need one whole number a pixel', {
        where,
        hint: 'save it as 8, 16 or 32-bit labels',
      });
    } else {
      out[i] = 0.299 * red + 0.587 * data[j + 1] + 0.114 * data[j + 2] + round;
    }
  }
  return out;
}

/** What is noted about images of so many channels; undefined for plain grey. */
export function greyNote(channels: number): string | undefined {
  if (channels === 2) return 'transparency ignored';
  if (channels === 3) return 'RGB images: luminance taken';
  if (channels === 4) return 'RGB images: luminance taken, transparency ignored';
  return undefined;
}
