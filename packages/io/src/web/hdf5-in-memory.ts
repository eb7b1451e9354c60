/**
 * HDF5 in the browser. In a Web Worker the library reads the file where it lies (Emscripten's WORKERFS); on the
 * page there are no synchronous reads, so the file is copied into the library's memory.
 */
import { KynError } from '@kyn/core';
import type { Hdf5Site } from '../format.ts';

/** Largest file that is copied into memory. */
const largestCopyBytes = 2 ** 30;

let opened = 0;

interface WorkerFileSystem {
  mkdir(path: string): void;
  rmdir(path: string): void;
  mount(type: unknown, options: { files: readonly File[] }, path: string): void;
  unmount(path: string): void;
  writeFile(path: string, bytes: Uint8Array): void;
  unlink(path: string): void;
  filesystems?: { WORKERFS?: unknown };
}

/** Gives the library a file; `close` takes it away again. */
export async function hdf5InMemory(file: File): Promise<Hdf5Site> {
  const library = await import('h5wasm');
  const { FS } = await library.ready;
  const files = FS as unknown as WorkerFileSystem;
  const folder = `/kyn-${opened++}`;
  const filename = `${folder}/${file.name}`;
  files.mkdir(folder);
  const workerFs = files.filesystems?.WORKERFS;
  if (workerFs && 'FileReaderSync' in globalThis) {
    files.mount(workerFs, { files: [file] }, folder);
    return {
      library,
      filename,
      async close() {
        files.unmount(folder);
        files.rmdir(folder);
      },
    };
  }
  if (file.size > largestCopyBytes) {
    throw new KynError('format', 'the HDF5 file is too large to be copied into memory', {
      where: file.name,
      hint: 'open it in a Web Worker, or convert it to Zarr',
    });
  }
  files.writeFile(filename, new Uint8Array(await file.arrayBuffer()));
  return {
    library,
    filename,
    async close() {
      files.unlink(filename);
      files.rmdir(folder);
    },
  };
}
