/** The files of a Zarr folder, as a directory picker gives them, as a Zarr store. */
import type { ZarrSite } from '../format.ts';

const metadata = /(^|\/)(zarr\.json|\.zarray|\.zgroup)$/;

function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

/** True where the files are those of a Zarr folder. */
export function isZarrFileList(files: readonly File[]): boolean {
  return files.some((file) => metadata.test(pathOf(file)));
}

/** The store; its root is the folder of the topmost metadata file. */
export function fileListZarr(files: readonly File[]): { root: string; site: ZarrSite } {
  const folders = files.map(pathOf).filter((path) => metadata.test(path));
  const folderOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')));
  const root = folders.map(folderOf).reduce((a, b) => (b.length < a.length ? b : a));
  const inside = root === '' ? 0 : root.length + 1;
  const byKey = new Map(files.map((file) => [`/${pathOf(file).slice(inside)}`, file]));
  const nodes = [...new Set(folders.map((path) => folderOf(path).slice(inside)))].sort();
  return {
    root: root || 'Zarr',
    site: {
      store: {
        async get(key) {
          const file = byKey.get(key);
          return file && new Uint8Array(await file.arrayBuffer());
        },
        async getRange(key, range) {
          const file = byKey.get(key);
          if (!file) return undefined;
          const start = 'suffixLength' in range ? file.size - range.suffixLength : range.offset;
          const stop = 'suffixLength' in range ? file.size : range.offset + range.length;
          return new Uint8Array(await file.slice(Math.max(0, start), stop).arrayBuffer());
        },
      },
      listNodes: async () => nodes,
    },
  };
}
