/** A thread in which {@link import('./worker-runtime.ts')} runs its sessions: one request, one answer, in order. */
import { parentPort, type Transferable, workerData } from 'node:worker_threads';
import { isKynError, type NdArray } from '@kyn/core';
import { nodeRuntime } from './node.ts';
import type { Feeds, Runtime, RuntimeOptions, Session } from './session.ts';
import type { Answer, Request } from './worker-runtime.ts';

const port = parentPort;
if (!port) throw new Error('session-worker runs as a worker thread only');

const sessions = new Map<number, Session>();
let runtime: Promise<Runtime> | undefined;
let notes: string[] = [];
let queue: Promise<void> = Promise.resolve();

async function answer(request: Request): Promise<Partial<Answer>> {
  if (request.kind === 'load') {
    // whoever runs the network in a thread has other work for the cores
    const options: RuntimeOptions = { spin: false, ...(workerData as RuntimeOptions) };
    runtime ??= nodeRuntime(options, (note) => notes.push(note));
    const loaded = await runtime;
    const session = await loaded.load(request.model, request.where);
    sessions.set(request.session, session);
    const { inputs, outputs } = session;
    const told = notes;
    notes = [];
    return { loaded: { inputs, outputs, description: loaded.description, notes: told } };
  }
  const session = sessions.get(request.session);
  if (!session) throw new Error(`no session ${request.session}`);
  if (request.kind === 'release') {
    sessions.delete(request.session);
    await session.release();
    return {};
  }
  return { results: await session.run(owned(request.feeds)) };
}

/** By name, what was fed last. */
const memory = new Map<string, Float32Array>();

/** ONNX Runtime reads no shared memory: feeds are copied to memory of this thread, which is used again. */
function owned(feeds: Feeds): Feeds {
  const copies = Object.entries(feeds).map(
    ([name, { data, shape, stride }]): [string, NdArray<Float32Array>] => {
      const known = memory.get(name);
      const copy = known?.length === data.length ? known : new Float32Array(data.length);
      memory.set(name, copy);
      copy.set(data);
      return [name, { data: copy, shape, stride }];
    },
  );
  return Object.fromEntries(copies);
}

port.on('message', (request: Request) => {
  queue = queue.then(async () => {
    let reply: Answer;
    try {
      reply = { id: request.id, ...(await answer(request)) };
    } catch (error) {
      const { message, code, where, hint } = error as Error & {
        code?: string;
        where?: string;
        hint?: string;
      };
      reply = { id: request.id, error: isKynError(error) ? { message, code, where, hint } : { message } };
    }
    const buffers = new Set<Transferable>();
    for (const { data } of Object.values(reply.results ?? {})) buffers.add(data.buffer as ArrayBuffer);
    port.postMessage(reply, [...buffers]);
  });
});
