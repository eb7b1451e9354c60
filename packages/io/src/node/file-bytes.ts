/** Files and folders of this machine as byte sources. */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KynError } from '@kyn/core';
import type { ByteSource, Folder } from '../byte-source.ts';
import { errorCode } from './atomic.ts';

/** Opens a file for reading at random. */
export async function fileBytes(path: string, name: string = path): Promise<ByteSource> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw inputError(error, name);
  }
  try {
    const { size } = await handle.stat();
    return {
      name,
      size,
      async read(offset, length) {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await handle
            .read(bytes, filled, bytes.length - filled, offset + filled)
            .catch((error: unknown) => Promise.reject(inputError(error, name)));
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return bytes.subarray(0, filled);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw inputError(error, name);
  }
}

/** A folder of files. */
export function fileFolder(path: string): Folder {
  const names = async (folders: boolean): Promise<string[]> => {
    const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
      throw inputError(error, path);
    });
    return entries.filter((entry) => entry.isDirectory() === folders).map(({ name }) => name);
  };
  return {
    name: path,
    list: () => names(false),
    folders: () => names(true),
    open: (name) => fileBytes(join(path, name)),
  };
}

/** A failed read as a KynError. */
export function inputError(error: unknown, where: string): unknown {
  const code = errorCode(error);
  const known: Readonly<Record<string, readonly [string, string]>> = {
    ENOENT: ['there is no such file or folder', 'check the path'],
    ENOTDIR: ['there is no such file or folder', 'check the path'],
    EACCES: ['no permission to read it', 'check its permissions'],
    EPERM: ['no permission to read it', 'check its permissions'],
    EMFILE: ['too many open files', 'raise the limit (ulimit -n)'],
    EIO: ['the disk cannot read it', 'copy it from elsewhere'],
  };
  const entry = code === undefined ? undefined : known[code];
  return entry ? new KynError('not-found', entry[0], { where, hint: entry[1], cause: error }) : error;
}
