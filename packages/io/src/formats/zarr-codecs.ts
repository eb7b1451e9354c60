/**
 * Adjusts zarrita's codecs: Blosc chunks are checked to be whole before they are decoded (the decoder itself
 * reads beyond the end and returns noise), and a platform may put a faster zlib in place of streams.
 */
import { registry } from 'zarrita';

type Decode = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** Registers a decoder under the names of Zarr v3 and numcodecs; nothing is written through zarrita. */
function setDecoder(name: string, decode: Decode): void {
  const kind = 'bytes_to_bytes' as const;
  const codec = {
    kind,
    decode,
    encode(): Uint8Array {
      throw new Error(`${name} is for reading only`);
    },
  };
  for (const known of [name, `numcodecs.${name}`]) {
    registry.set(known, async () => ({ kind, fromConfig: () => codec }));
  }
}

/** Uses the platform's own decompression for gzip and zlib chunks. */
export function setZlib(zlib: { readonly gzip: Decode; readonly zlib: Decode }): void {
  setDecoder('gzip', zlib.gzip);
  setDecoder('zlib', zlib.zlib);
}

/** Offset of the compressed size in a Blosc header of 16 bytes (Blosc chunk format, c-blosc). */
const bloscSizeOffset = 12;

let blosc: Promise<{ decode: Decode }> | undefined;

setDecoder('blosc', async (bytes) => {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 16 || header.getUint32(bloscSizeOffset, true) > bytes.length) {
    throw new Error('the chunk is cut short');
  }
  blosc ??= import('numcodecs/blosc').then(({ default: Blosc }) =>
    Blosc.fromConfig({ id: 'blosc', clevel: 1, cname: 'lz4', shuffle: 1, blocksize: 0 }),
  );
  return (await blosc).decode(bytes);
});
