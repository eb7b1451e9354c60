/** Checks that an output path may be written: what is there is only replaced when asked for, and never if it is not ours. */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { KynError } from '@kyn/core';
import { errorCode, makeFolder, outputError, partialName } from './atomic.ts';

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
 * Makes way for a Zarr folder that is written where it stays. Returns true where one is there to be continued.
 * @param resume keep what is there; else it is removed if `overwrite` is set and it is a Zarr folder.
 */
export async function prepareZarr(path: string, resume: boolean, overwrite: boolean): Promise<boolean> {
  const names = await zarrNames(path);
  if (names.length > 0) {
    if (resume) return true;
    if (!overwrite) throw taken(path);
    await removeZarr(path, names);
  }
  await makeFolder(path).catch((error: unknown) => {
    throw outputError(error, path);
  });
  return false;
}

/** Makes the folder in which a Zarr volume is written until it is whole; what is at `path` stays. */
export async function prepareZarrAside(path: string, overwrite: boolean): Promise<string> {
  if ((await zarrNames(path)).length > 0 && !overwrite) throw taken(path);
  const aside = partialName(resolve(path));
  await prepareZarr(aside, false, true);
  return aside;
}

/** Gives a folder its name; a Zarr folder that has it goes only now. */
export async function putInPlace(aside: string, path: string): Promise<void> {
  const old = `${resolve(path)}.old`;
  try {
    await rm(old, { recursive: true, force: true });
    await rename(path, old).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
    await rename(aside, path).catch(async (error: unknown) => {
      await rename(old, path).catch(() => {});
      throw error;
    });
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    throw outputError(error, path);
  }
}

/** What is in the Zarr folder at a path; nothing where the path is free. @throws where anything else is there. */
async function zarrNames(path: string): Promise<string[]> {
  const found = await existing(path);
  if (found === 'file') {
    throw new KynError('output', 'there is a file of this name', {
      where: path,
      hint: 'choose another name',
    });
  }
  if (found === undefined) return [];
  const names = await readdir(path).catch((error: unknown) => Promise.reject(outputError(error, path)));
  if (names.length > 0 && !names.some(isZarrMetadata)) {
    throw new KynError('output', 'the folder is not empty and no Zarr volume', {
      where: path,
      hint: 'choose another name',
    });
  }
  return names;
}

/** What tells that it is a Zarr volume goes last: who is stopped on the way can start again. */
async function removeZarr(path: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (!isZarrMetadata(name)) await rm(join(path, name), { recursive: true });
  }
  await rm(path, { recursive: true });
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
    hint: 'choose another name, or replace it with --overwrite',
  });
}
