/**
 * Files that are whole or not there: written under `NAME.partial` in the same folder, then renamed. The
 * temporary name is always the same, so a run that takes up after a kill leaves nothing behind.
 */
import { access, constants, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isKynError, KynError } from '@kyn/core';

/** Name that a file has until it is whole. */
export function partialName(path: string): string {
  return `${path}.partial`;
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Writes a whole file atomically, making its folder where there is none. */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  const partial = partialName(path);
  try {
    try {
      await writeFile(partial, data);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      await makeFolder(dirname(path));
      await writeFile(partial, data);
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {});
    throw outputError(error, path);
  }
}

/**
 * Makes a folder and those above it, where they are not there. Node's own recursive `mkdir` never returns where the
 * file system lets no folder be made and says that the parent is not there, as under `/proc`.
 */
export async function makeFolder(path: string): Promise<void> {
  const made = (error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  };
  try {
    await mkdir(path).catch(made);
  } catch (error) {
    const above = dirname(resolve(path));
    if (errorCode(error) !== 'ENOENT' || above === resolve(path)) throw error;
    await makeFolder(above);
    await mkdir(path).catch(made);
  }
}

/**
 * Finds out that a file cannot be written before long work is done for it. Makes nothing.
 * @throws KynError `output`
 */
export async function checkWritable(path: string): Promise<void> {
  const failure = (code: string) => outputError(Object.assign(new Error(code), { code }), path);
  let folder = dirname(resolve(path));
  while (!(await exists(folder)) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    if (!(await stat(folder)).isDirectory()) throw failure('ENOTDIR');
    await access(folder, constants.W_OK);
  } catch (error) {
    throw outputError(error, path);
  }
  if ((await exists(path)) && (await stat(path)).isDirectory()) throw failure('EISDIR');
}

const reasons: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ENOSPC: ['the disk is full', 'free some space and run again'],
  EDQUOT: ['the disk quota is used up', 'free some space and run again'],
  EFBIG: ['the file is larger than is allowed here', 'write to another disk'],
  EACCES: ['no permission to write', 'choose another place'],
  EPERM: ['no permission to write', 'choose another place'],
  EROFS: ['the disk is read-only', 'choose another place'],
  ENOENT: ['no folder or file can be made there', 'choose another place'],
  ENOTDIR: ['a folder of this path is a file', 'choose another place'],
  EISDIR: ['there is a folder of this name', 'choose another name'],
  EMFILE: ['too many open files', 'raise the limit (ulimit -n)'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter one'],
};

/** A failed write as a {@link KynError} `output`; one that already is a KynError stays. */
export function outputError(error: unknown, path: string): KynError {
  if (isKynError(error)) return error;
  const [message, hint] = reasons[errorCode(error) ?? ''] ?? [
    `cannot be written (${error instanceof Error ? error.message : String(error)})`,
    'choose another place',
  ];
  return new KynError('output', message, { where: path, hint, cause: error });
}

/** The `code` of a Node error: `ENOENT`, ... */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
