/**
 * A {@link Runtime} in threads of its own. ONNX Runtime's Node binding computes on the thread that calls it, so whoever
 * wants to segment one section while the network sees the next has to call it from elsewhere. Two runs go on at a time, each
 * with half of the cores: that is a sixth more than with all of them for one after the other, where they wait for each other
 * at every layer.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { KynError, type KynErrorCode, type NdArray } from '@kyn/core';
import { forbidTelemetry } from './no-telemetry.ts';
import type { Feeds, Runtime, RuntimeOptions, Session, TensorInfo } from './session.ts';

export type Request = { readonly id: number; readonly session: number } & (
  | { readonly kind: 'load'; readonly model: Uint8Array; readonly where: string | undefined }
  | { readonly kind: 'run'; readonly feeds: Feeds }
  | { readonly kind: 'release' }
);

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

export interface Answer {
  readonly id: number;
  readonly loaded?: {
    readonly inputs: readonly TensorInfo[];
    readonly outputs: readonly TensorInfo[];
    readonly description: string;
    readonly notes: readonly string[];
  };
  readonly results?: Record<string, NdArray<Float32Array>>;
  readonly error?: {
    readonly message: string;
    readonly code?: string;
    readonly where?: string;
    readonly hint?: string;
  };
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** Runtime options and whom to tell of notes. */
export interface WorkerRuntimeOptions extends RuntimeOptions {
  readonly onNote?: (note: string) => void;
  /** The worker's script; default `session-worker.js` beside the file that runs. */
  readonly workerUrl?: URL;
}

export interface WorkerRuntime extends Runtime {
  /** Ends the threads and every session in them. */
  close(): Promise<void>;
}

/** Runs at a time. */
const AT_A_TIME = 2;

/** Pieces of shared memory that wait to be used again, at most. */
const KEPT = 2 * AT_A_TIME;

export function workerRuntime(options: WorkerRuntimeOptions = {}): WorkerRuntime {
  forbidTelemetry();
  const { onNote, workerUrl, ...runtimeOptions } = options;
  const url = workerUrl ?? new URL('session-worker.js', import.meta.url);
  const threads = options.threads ?? availableParallelism();
  const count = options.device === 'webgpu' ? 1 : Math.min(AT_A_TIME, threads);
  const workers = Array.from({ length: count }, (_, i) =>
    startWorker(url, { ...runtimeOptions, threads: Math.ceil((threads - i) / count) }),
  );
  const shared = new SharedMemory();
  let sessions = 0;
  const runtime: WorkerRuntime & { description: string } = {
    description: 'onnxruntime in threads',
    async load(model, where): Promise<Session> {
      const session = sessions++;
      const answers = await Promise.all(
        workers.map(({ ask }) => ask({ kind: 'load', session, model, where })),
      );
      const [loaded] = answers.map((answer) => answer.loaded);
      if (!loaded) throw new Error('the network thread did not load the graph');
      runtime.description = count > 1 ? `${loaded.description}, ${count} at a time` : loaded.description;
      for (const note of loaded.notes) onNote?.(note);
      return {
        inputs: loaded.inputs,
        outputs: loaded.outputs,
        async run(feeds) {
          const idlest = workers.reduce((a, b) => (b.asked() < a.asked() ? b : a));
          const lent = Object.entries(feeds).map(([name, array]) => [name, shared.lend(array)] as const);
          try {
            return (
              (await idlest.ask({ kind: 'run', session, feeds: Object.fromEntries(lent) })).results ?? {}
            );
          } finally {
            for (const [, array] of lent) shared.giveBack(array);
          }
        },
        async release() {
          await Promise.all(workers.map(({ ask }) => ask({ kind: 'release', session })));
        },
      };
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      shared.close();
    },
  };
  return runtime;
}

/** Feeds go to a thread by way of memory that is used again: posted as they are they would be copied to new memory each time. */
class SharedMemory {
  private free: Float32Array[] = [];
  private kept = KEPT;

  /** @returns a copy, until it is given back */
  lend({ data, shape, stride }: NdArray<Float32Array>): NdArray<Float32Array> {
    const found = this.free.findIndex(({ length }) => length === data.length);
    const [copy] = found >= 0 ? this.free.splice(found, 1) : [inSharedMemory(data.length)];
    copy.set(data);
    return { data: copy, shape, stride };
  }

  giveBack({ data }: NdArray<Float32Array>): void {
    this.free = [data, ...this.free].slice(0, this.kept);
  }

  /** Lets go of all, also of what is given back later. */
  close(): void {
    this.kept = 0;
    this.free = [];
  }
}

function inSharedMemory(length: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
}

interface SessionWorker {
  ask(request: WithoutId<Request>): Promise<Answer>;
  /** Requests that wait for their answer. */
  asked(): number;
  close(): Promise<void>;
}

function startWorker(url: URL, options: RuntimeOptions): SessionWorker {
  const worker = new Worker(url, { workerData: options });
  const waiting = new Map<number, Waiting>();
  /** Settles when all that was asked has been answered: answers come in order. */
  let last: Promise<unknown> = Promise.resolve();
  let counter = 0;
  let failure: unknown;
  const failAll = (error: unknown): void => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('message', (answer: Answer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    // not while the thread is ended: the process would go before it is
    if (waiting.size === 0 && !failure) worker.unref();
    if (!asked) return;
    if (answer.error) asked.reject(revive(answer.error));
    else asked.resolve(answer);
  });
  worker.on('error', (cause) => failAll(new Error('the network thread failed', { cause })));
  worker.on('exit', () => failAll(new Error('the network thread has ended')));
  worker.unref();
  return {
    ask(request) {
      if (failure) return Promise.reject(failure);
      const id = counter++;
      const answer = new Promise<Answer>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, ...request });
      });
      last = answer.catch(() => {});
      return answer;
    },
    asked: () => waiting.size,
    async close() {
      failure ??= new Error('the network thread is closed');
      // ONNX Runtime takes the process down with it where its thread is ended while a session is being made; a run takes no longer
      await last;
      await worker.terminate();
    },
  };
}

function revive(error: NonNullable<Answer['error']>): Error {
  const { message, code, where, hint } = error;
  if (code === undefined) return new Error(message);
  return new KynError(code as KynErrorCode, message, {
    ...(where === undefined ? {} : { where }),
    ...(hint === undefined ? {} : { hint }),
  });
}
