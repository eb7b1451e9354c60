/** zlib decompression as the platform has it: Node's runs on its thread pool, browsers stream. */

/**
 * Decompresses a whole zlib stream; rejects where it is damaged or cut short.
 * @param size bytes that will come out, where that is known: saves copies
 */
export type Inflate = (bytes: Uint8Array, size?: number) => Promise<Uint8Array>;

/** With the Compression Streams standard, in browsers, workers and Node. */
export const inflateStream: Inflate = async (bytes) => {
  const body = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  const stream = body.pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};
