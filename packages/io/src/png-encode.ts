/** PNG for previews. */
import { KynError } from '@kyn/core';
import { encode } from 'fast-png';

export interface PngPicture {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGB + alpha. */
  readonly channels: 1 | 3 | 4;
  /** Interleaved, 8 bit, rows from the top. */
  readonly data: Uint8Array;
}

/** Encodes a picture as a PNG file. */
export function encodePng(picture: PngPicture): Uint8Array {
  const { width, height, channels, data } = picture;
  if (data.length !== width * height * channels) {
    throw new KynError('shape', `${data.length} bytes are no picture of ${width}×${height}×${channels}`);
  }
  return encode({ width, height, channels, data, depth: 8 });
}
