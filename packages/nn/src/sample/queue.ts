/**
 * Batches made ahead of time in worker threads. Which thread makes a batch, and when, changes nothing in it
 * (see `makeBatch`), so a run can be repeated and resumed with any number of workers. Without threads (a
 * browser, or the worker's bundle not there) batches are made when they are asked for.
 */
import type { Worker } from 'node:worker_threads';
import { type Batch, makeBatch } from './batch.ts';
import { checkSpec, type SampleSpec } from './spec.ts';
import { checkVolumes, shareVolumes, type TrainingVolume } from './volume.ts';

export interface BatchQueueOptions {
  /** Worker threads; 0 makes batches in the calling thread. Default 1. */
  workers?: number;
  /** Batches kept ready beyond the one asked for. Default 2 a worker. */
  ahead?: number;
  /** The worker's script; default `sample-worker.js` beside the file that runs. */
  workerUrl?: URL;
}

/** What a worker is started with. */
export interface WorkerSetup {
  readonly volumes: readonly TrainingVolume[];
  readonly spec: SampleSpec;
  readonly seed: number;
}

export interface WorkerAnswer {
  readonly step: number;
  readonly batch?: Batch;
  readonly error?: string;
}

interface Job {
  readonly promise: Promise<Batch>;
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
  /** Somebody waits for it: it is made whatever else is asked for. */
  awaited: boolean;
  made: boolean;
}

export class BatchQueue {
  readonly #setup: WorkerSetup;
  readonly #ahead: number;
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  /** Steps that no worker has begun. */
  #waiting: number[] = [];
  readonly #jobs = new Map<number, Job>();
  #failure: Error | undefined;

  /** @throws KynError where volumes or spec cannot be sampled. */
  constructor(
    volumes: readonly TrainingVolume[],
    spec: SampleSpec,
    seed: number,
    options: BatchQueueOptions = {},
  ) {
    checkSpec(spec);
    checkVolumes(volumes, spec.sections);
    const wanted = options.workers ?? 1;
    const url = options.workerUrl ?? besideThisFile('sample-worker.js');
    const threads = wanted > 0 ? nodeThreads(url) : undefined;
    this.#setup = { volumes: threads ? shareVolumes(volumes) : volumes, spec, seed };
    this.#ahead = options.ahead ?? 2 * wanted;
    for (let i = 0; threads && i < wanted; i++) this.#start(new threads(url, { workerData: this.#setup }));
  }

  /** Threads that make batches; 0 where the caller's own thread does. */
  get workers(): number {
    return this.#workers.length;
  }

  /** The batch of `step`, and those after it begun. Steps are meant to be asked for in rising order. */
  next(step: number): Promise<Batch> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#workers.length === 0) {
      const { volumes, spec, seed } = this.#setup;
      return new Promise((resolve) => resolve(makeBatch(volumes, spec, seed, step)));
    }
    this.#forgetOutside(step);
    for (let wanted = step; wanted <= step + this.#ahead; wanted++) {
      if (this.#jobs.has(wanted)) continue;
      this.#jobs.set(wanted, newJob());
      this.#waiting.push(wanted);
    }
    this.#dispatch();
    const job = this.#jobs.get(step) as Job;
    job.awaited = true;
    if (job.made) this.#jobs.delete(step);
    return job.promise;
  }

  /** Stops the threads; batches still awaited are refused. */
  async close(): Promise<void> {
    this.#fail(new Error('the batch queue is closed'));
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #start(worker: Worker): void {
    this.#workers.push(worker);
    this.#idle.push(worker);
    worker.on('message', (answer: WorkerAnswer) => {
      // a batch that comes while the threads are ended must not let the process go before they are
      if (this.#failure) return;
      const job = this.#jobs.get(answer.step);
      if (job) job.made = true;
      if (job?.awaited) this.#jobs.delete(answer.step);
      if (answer.batch) job?.resolve(answer.batch);
      else job?.reject(new Error(`sampling step ${answer.step} failed: ${answer.error}`));
      worker.unref();
      this.#idle.push(worker);
      this.#dispatch();
    });
    worker.on('error', (cause) => this.#fail(new Error('a sampling thread failed', { cause })));
    worker.unref();
  }

  /** Drops what was made ahead for steps that are not coming. */
  #forgetOutside(step: number): void {
    for (const [at, job] of this.#jobs) {
      if ((at < step || at > step + this.#ahead) && !job.awaited) this.#jobs.delete(at);
    }
    this.#waiting = this.#waiting.filter((at) => this.#jobs.has(at));
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const worker = this.#idle.shift() as Worker;
      // A busy thread keeps the process alive, an idle one does not.
      worker.ref();
      worker.postMessage(this.#waiting.shift());
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting = [];
    for (const job of this.#jobs.values()) job.reject(error);
  }
}

function newJob(): Job {
  let resolve: Job['resolve'] = () => {};
  let reject: Job['reject'] = () => {};
  const promise = new Promise<Batch>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // A batch made ahead may fail before anyone asks for it; whoever asks still sees the failure.
  promise.catch(() => {});
  return { promise, resolve, reject, awaited: false, made: false };
}

/** URL of a file next to the running bundle (or source file). */
function besideThisFile(name: string): URL {
  return new URL(name, import.meta.url);
}

/** Node's Worker class where there are threads and the script exists; no import, so browsers can bundle this. */
function nodeThreads(script: URL): typeof Worker | undefined {
  const builtin = globalThis.process?.getBuiltinModule;
  if (!builtin || script.protocol !== 'file:') return undefined;
  return builtin('node:fs').existsSync(script) ? builtin('node:worker_threads').Worker : undefined;
}
