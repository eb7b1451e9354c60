/**
 * Who used the processor: the pipeline's thread, Node's thread pool (reading, compressing), or the rest, which is
 * the network. Linux tells it per thread; elsewhere only the process as a whole is known.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import type { Clock } from '@kyn/core';

/** Threads of Node's pool, where UV_THREADPOOL_SIZE says nothing else. */
const POOL_THREADS = Number(process.env.UV_THREADPOOL_SIZE) || 4;

/** Seconds of processor time of the thread that this path of /proc belongs to; undefined where it is not there. */
function threadSeconds(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8').split(' ')[0]) / 1e9;
  } catch {
    return undefined;
  }
}

/** Wall clock, and the processor time of the calling thread (the wall clock where that is not known). */
export const threadClock: Clock = {
  wall: () => performance.now() / 1000,
  cpu: () => threadSeconds('/proc/thread-self/schedstat') ?? performance.now() / 1000,
};

function threads(): string[] {
  try {
    return readdirSync('/proc/self/task');
  } catch {
    return [];
  }
}

export interface CpuShare {
  /** All threads. */
  readonly process: number;
  /** Node's pool; undefined where threads cannot be told apart. */
  readonly pool: number | undefined;
  /** The engine's own helpers: garbage collection, compiling. */
  readonly helpers: number | undefined;
}

/** Counts processor time from now on. Call it before the network's threads are made. */
export async function startCpuCount(): Promise<() => CpuShare> {
  // The pool's threads come into being all at once, with the first work, and after the engine's own.
  const work = promisify(deflate);
  await Promise.all(Array.from({ length: POOL_THREADS }, () => work(new Uint8Array(64))));
  const all = threads()
    .filter((thread) => thread !== String(process.pid))
    .sort((a, b) => Number(a) - Number(b));
  const pool = all.slice(-POOL_THREADS);
  const helpers = all.slice(0, -POOL_THREADS);
  const started = process.cpuUsage();
  const spent = (ids: readonly string[]) =>
    ids.reduce((sum, id) => sum + (threadSeconds(`/proc/self/task/${id}/schedstat`) ?? 0), 0);
  const [poolBefore, helpersBefore] = [spent(pool), spent(helpers)];
  return () => {
    const { user, system } = process.cpuUsage(started);
    const known = all.length > 0;
    return {
      process: (user + system) / 1e6,
      pool: known ? spent(pool) - poolBefore : undefined,
      helpers: known ? spent(helpers) - helpersBefore : undefined,
    };
  };
}
