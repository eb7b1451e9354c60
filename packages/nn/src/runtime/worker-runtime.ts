/**
 * A {@link Runtime} in a thread of its own. ONNX Runtime's Node binding computes on the thread that calls it, so
 * whoever wants to segment one section while the network sees the next has to call it from elsewhere.
 */
import { Worker } from 'node:worker_threads';
import { KynError, type KynErrorCode, type NdArray } from '@kyn/core';
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
  /** Ends the thread and every session in it. */
  close(): Promise<void>;
}

export function workerRuntime(options: WorkerRuntimeOptions = {}): WorkerRuntime {
  const { onNote, workerUrl, ...runtimeOptions } = options;
  const worker = new Worker(workerUrl ?? new URL('session-worker.js', import.meta.url), {
    workerData: runtimeOptions,
  });
  const waiting = new Map<number, Waiting>();
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

  const ask = (request: WithoutId<Request>): Promise<Answer> => {
    if (failure) return Promise.reject(failure);
    const id = counter++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, ...request });
    });
  };

  const runtime: WorkerRuntime & { description: string } = {
    description: 'onnxruntime in a thread',
    async load(model, where): Promise<Session> {
      const session = counter;
      const { loaded } = await ask({ kind: 'load', session, model, where });
      if (!loaded) throw new Error('the network thread did not load the graph');
      runtime.description = loaded.description;
      for (const note of loaded.notes) onNote?.(note);
      return {
        inputs: loaded.inputs,
        outputs: loaded.outputs,
        run: async (feeds) => (await ask({ kind: 'run', session, feeds })).results ?? {},
        release: async () => {
          await ask({ kind: 'release', session });
        },
      };
    },
    close: async () => {
      failure ??= new Error('the network thread is closed');
      await worker.terminate();
    },
  };
  return runtime;
}

function revive(error: NonNullable<Answer['error']>): Error {
  const { message, code, where, hint } = error;
  if (code === undefined) return new Error(message);
  return new KynError(code as KynErrorCode, message, {
    ...(where === undefined ? {} : { where }),
    ...(hint === undefined ? {} : { hint }),
  });
}
