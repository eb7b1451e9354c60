/** Tells data of different content apart, for settings that two runs must share. */

/** FNV-1a (Fowler, Noll, Vo) over 32-bit words, then over the bytes that are left. @returns uint32 */
export function checksum(...arrays: readonly ArrayBufferView[]): number {
  let hash = 0x811c9dc5;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    const aligned = byteOffset % 4 === 0;
    const words = aligned ? new Uint32Array(buffer, byteOffset, byteLength >> 2) : new Uint32Array(0);
    for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193);
    const rest = new Uint8Array(buffer, byteOffset + 4 * words.length, byteLength - 4 * words.length);
    for (let i = 0; i < rest.length; i++) hash = Math.imul(hash ^ rest[i], 0x01000193);
  }
  return hash >>> 0;
}
