/** Zarr stores on Node: a folder, or a web server with retries. */
import { open, readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import { type AsyncReadable, FetchStore } from 'zarrita';
import type { ZarrSite } from '../format.ts';
import { setZlib } from '../formats/zarr-codecs.ts';
import { fetchWithRetries } from '../retry.ts';
import { errorCode } from './atomic.ts';
import { inputError } from './file-bytes.ts';
import { gunzipWhole } from './unpack.ts';

// zlib on the thread pool is several times faster than the streams that browsers have.
setZlib({ gzip: gunzipWhole, zlib: promisify(unzip) });

/** A folder as a store. */
export function folderZarr(root: string): ZarrSite {
  const missing = (error: unknown, path: string): undefined => {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw inputError(error, path);
  };
  const store: AsyncReadable = {
    async get(key) {
      const path = join(root, key);
      return readFile(path).catch((error: unknown) => missing(error, path));
    },
    async getRange(key, range) {
      const path = join(root, key);
      const handle = await open(path, 'r').catch((error: unknown) => missing(error, path));
      if (!handle) return undefined;
      try {
        const { size } = await handle.stat();
        const length = 'suffixLength' in range ? Math.min(range.suffixLength, size) : range.length;
        const offset = 'suffixLength' in range ? size - length : range.offset;
        const bytes = new Uint8Array(length);
        const { bytesRead } = await handle.read(bytes, 0, length, offset);
        return bytes.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },
  };
  return { store, listNodes: () => listNodes(root) };
}

/** Folders with Zarr metadata below a root; folders of chunks are not entered. */
async function listNodes(root: string): Promise<string[]> {
  const nodes: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true });
    const names = new Set(entries.map((entry) => entry.name));
    const isNode = ['zarr.json', '.zarray', '.zgroup'].some((name) => names.has(name));
    if (isNode) nodes.push(relative(root, folder).split(sep).join('/'));
    if (names.has('.zarray')) return;
    if (names.has('zarr.json')) {
      const text = await readFile(join(folder, 'zarr.json'), 'utf8');
      if (/"node_type"\s*:\s*"array"/.test(text)) return;
    }
    for (const entry of entries) if (entry.isDirectory()) await visit(join(folder, entry.name));
  };
  await visit(root);
  return nodes.sort();
}

/** A web address as a store. */
export function webZarr(url: string): ZarrSite {
  return { store: new FetchStore(url, { fetch: fetchWithRetries }) };
}
