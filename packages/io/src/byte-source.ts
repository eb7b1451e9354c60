/** Random access to bytes, wherever they are: a file, a browser `Blob`, memory. Formats read through this. */
import { KynError } from '@kyn/core';

export interface ByteSource {
  /** Name for messages. */
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`; fewer only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A folder of files, as image stacks need it. */
export interface Folder {
  readonly name: string;
  /** Names of the files in it (not of folders), in any order. */
  list(): Promise<string[]>;
  /** Names of the folders in it, where they are known. */
  folders?(): Promise<string[]>;
  open(name: string): Promise<ByteSource>;
}

/** Bytes in memory. */
export function memoryBytes(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => {},
  };
}

/** Reads `length` bytes or says that the file ends before them. */
export async function readExactly(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = offset + length <= source.size ? await source.read(offset, length) : new Uint8Array(0);
  if (bytes.length < length) {
    throw new KynError('format', `the file is cut short: ${source.size} bytes, needs ${offset + length}`, {
      where: source.name,
      hint: 'copy it again',
    });
  }
  return bytes;
}

/** Reads a whole source. */
export function readAll(source: ByteSource): Promise<Uint8Array> {
  return readExactly(source, 0, source.size);
}
