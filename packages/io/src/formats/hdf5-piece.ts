/** Bytes of an HDF5 file as the numbers and texts that its structures are made of. */
import { type ByteSource, readExactly } from '../byte-source.ts';

/** The file has a structure that is not known here. Never shown to a user. */
export class NotPlain extends Error {}

/** Little-endian numbers of a piece of the file. Addresses and lengths are 8 bytes wide. */
export class Piece {
  private readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(at: number): number {
    return this.view.getUint8(at);
  }

  u16(at: number): number {
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    return this.view.getUint32(at, true);
  }

  u64(at: number): number {
    const value = this.view.getBigUint64(at, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new NotPlain('a number beyond 53 bits');
    return Number(value);
  }

  /** An address; undefined where all bits are set. */
  address(at: number): number | undefined {
    return this.view.getBigUint64(at, true) === 0xffff_ffff_ffff_ffffn ? undefined : this.u64(at);
  }

  /** A number of 1, 2, 4 or 8 bytes. */
  sized(at: number, bytes: number): number {
    if (bytes === 1) return this.u8(at);
    if (bytes === 2) return this.u16(at);
    return bytes === 4 ? this.u32(at) : this.u64(at);
  }

  float(at: number, bytes: number): number {
    return bytes === 4 ? this.view.getFloat32(at, true) : this.view.getFloat64(at, true);
  }

  text(from: number, length: number): string {
    const bytes = this.bytes.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  part(from: number, length: number): Piece {
    if (from + length > this.bytes.length) throw new NotPlain('a message is cut short');
    return new Piece(this.bytes.subarray(from, from + length));
  }
}

export async function pieceAt(file: ByteSource, address: number, length: number): Promise<Piece> {
  if (address + length > file.size) throw new NotPlain('an address beyond the end');
  return new Piece(await readExactly(file, address, length));
}

export function require(condition: boolean, what: string): asserts condition {
  if (!condition) throw new NotPlain(what);
}
