/**
 * One run at a time in an output folder. While a run goes on, the folder holds `.kyn-lock`, which names its process. A
 * process that was killed leaves it behind: on its own machine the next run sees that it is no more, and takes over.
 */
import { readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { KynError } from '@kyn/core';
import { errorCode, makeFolder, outputError } from '../atomic.ts';

export const LOCK = '.kyn-lock';

export interface FolderLock {
  readonly folder: string;
  /** Lets others in; the folder goes too where nothing is in it. May be called more than once. */
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
}

/** Locks that this process has: one with its number that is not among them is of an earlier process. */
const held = new Set<string>();

/**
 * Takes a folder, which is made if it is not there.
 * @throws KynError `output` where another run has it, or nothing can be written.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = resolve(folder, LOCK);
  if (!(await claim(folder, path))) {
    const owner = await ownerOf(path);
    if (!owner || isRunning(path, owner)) throw taken(folder, owner);
    await rm(path, { force: true });
    if (!(await claim(folder, path))) throw taken(folder, await ownerOf(path));
  }
  held.add(path);
  return {
    folder,
    async release() {
      if (!held.delete(path)) return;
      await rm(path, { force: true }).catch(() => {}); // what is left of it is seen to be stale
      await rmdir(folder).catch(() => {}); // stays where something is in it
    },
  };
}

/** False where the lock is there already. */
async function claim(folder: string, path: string): Promise<boolean> {
  const owner: Owner = { pid: process.pid, host: hostname() };
  try {
    await makeFolder(folder);
    await writeFile(path, `${JSON.stringify(owner)}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    if (errorCode(error) === 'ENOSPC') await rm(path, { force: true }).catch(() => {}); // an empty one
    throw outputError(error, folder);
  }
}

/** Undefined where it is being written, or is not a lock at all. */
async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    const { pid, host } = JSON.parse(await readFile(path, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 && typeof host === 'string' ? { pid, host } : undefined;
  } catch {
    return undefined;
  }
}

/** Nobody can tell of another machine's processes: they count as running. */
function isRunning(path: string, { pid, host }: Owner): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return held.has(path);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

function taken(folder: string, owner: Owner | undefined): KynError {
  const who = owner ? ` (process ${owner.pid} on ${owner.host})` : '';
  return new KynError('output', `another run${who} is writing there`, {
    where: folder,
    hint: `wait until it has ended, or choose another folder; if it runs no more, delete ${join(folder, LOCK)}`,
  });
}
