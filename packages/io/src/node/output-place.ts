/** Checks that an output path may be written: what is there is only replaced when asked for, and never if it is not ours. */
import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KynError } from '@kyn/core';
import { errorCode, makeFolder, outputError } from './atomic.ts';

/** Makes way for a file. */
export async function prepareFile(path: string, overwrite: boolean): Promise<void> {
  const found = await existing(path);
  if (found === 'folder') {
    throw new KynError('output', 'there is a folder of this name', {
      where: path,
      hint: 'choose another name',
    });
  }
  if (found === 'file' && !overwrite) throw taken(path);
  await makeFolder(dirname(path)).catch((error: unknown) => {
    throw outputError(error, path);
  });
}

/**
 * Makes way for a Zarr folder. Returns true where one is there to be continued.
 * @param resume keep what is there; else it is removed if `overwrite` is set and it is a Zarr folder.
 */
export async function prepareZarr(path: string, resume: boolean, overwrite: boolean): Promise<boolean> {
  const found = await existing(path);
  if (found === 'file') {
    throw new KynError('output', 'there is a file of this name', {
      where: path,
      hint: 'choose another name',
    });
  }
  const names =
    found === 'folder'
      ? await readdir(path).catch((error: unknown) => Promise.reject(outputError(error, path)))
      : [];
  if (names.length > 0) {
    const isZarr = names.some(isZarrMetadata);
    if (resume && isZarr) return true;
    if (!isZarr) {
      throw new KynError('output', 'the folder is not empty and no Zarr volume', {
        where: path,
        hint: 'choose another name',
      });
    }
    if (!overwrite) throw taken(path);
    // what tells that it is a Zarr volume goes last: who is stopped on the way can start again
    for (const name of names) {
      if (!isZarrMetadata(name)) await rm(join(path, name), { recursive: true });
    }
    await rm(path, { recursive: true });
  }
  await makeFolder(path).catch((error: unknown) => {
    throw outputError(error, path);
  });
  return false;
}

function isZarrMetadata(name: string): boolean {
  return ['zarr.json', '.zgroup', '.zarray'].includes(name);
}

async function existing(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw outputError(error, path);
  }
}

function taken(path: string): KynError {
  return new KynError('output', 'it exists already', {
    where: path,
    hint: 'choose another name, or overwrite it',
  });
}
