/** Zstandard, loaded when the first such data are met (its decoder is three quarters of a megabyte). */
let decoder: Promise<{ decode(bytes: Uint8Array): Uint8Array | Promise<Uint8Array> }> | undefined;

/** Decompresses one Zstandard frame. */
export async function zstdDecode(bytes: Uint8Array): Promise<Uint8Array> {
  decoder ??= import('numcodecs/zstd').then(({ default: Zstd }) => Zstd.fromConfig({ id: 'zstd' }));
  return (await decoder).decode(bytes);
}
