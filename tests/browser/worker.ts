/** The whole pipeline in a Web Worker: core with the browser's entry points of `nn` and `io`, and nothing of Node. */
import { createMemoryStore, createPhantom, isKynError, PIPELINE_DEFAULTS, runPipeline } from '@kyn/core';
import { openSectionsFromFiles } from '@kyn/io/web';
import { createPredictor } from '@kyn/nn';
import { webRuntime } from '@kyn/nn/web';
import type { Answer, Request, ServedFile } from './protocol.ts';

/** The worker's side of the channel; the DOM types know the page's only. */
interface WorkerScope {
  postMessage(answer: Answer): void;
  onmessage: ((event: MessageEvent<Request>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
const signal = { aborted: false };

scope.onmessage = async ({ data: request }) => {
  try {
    if (request.kind === 'cancel') signal.aborted = true;
    else if (request.kind === 'segment') scope.postMessage(await segmentPhantom(request));
    else scope.postMessage(await openFiles(request.files));
  } catch (error) {
    const code = isKynError(error) ? error.code : undefined;
    scope.postMessage({ kind: 'failed', code, message: describe(error) });
  }
};

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? `${error.stack}` : `${error.stack}\ncaused by ${describe(error.cause)}`;
}

async function segmentPhantom(request: Extract<Request, { kind: 'segment' }>): Promise<Answer> {
  const notes: string[] = [];
  const onNote = (note: string) => notes.push(note);
  const began = performance.now();
  const { raw } = createPhantom(request.phantom);
  const sections: Uint8Array[] = [];
  for (let z = 0; z < raw.info.shape[0]; z++) sections.push((await raw.read(z)).data as Uint8Array);
  const drawn = performance.now();

  const model = new Uint8Array(await (await fetchOk(request.model)).arrayBuffer());
  const { device, threads } = request;
  const runtime = await webRuntime({ device, threads, wasmPaths: '/ort' }, onNote);
  const predictor = await createPredictor(runtime, model, request.model);
  const loaded = performance.now();

  const store = createMemoryStore();
  const onProgress = (progress: Extract<Answer, { kind: 'progress' }>['progress']) =>
    scope.postMessage({ kind: 'progress', progress });
  const context = { signal, onProgress, onNote };
  const report = await runPipeline({ source: raw, predictor }, store, PIPELINE_DEFAULTS, context);
  const seconds = {
    phantom: (drawn - began) / 1000,
    load: (loaded - drawn) / 1000,
    pipeline: (performance.now() - loaded) / 1000,
  };
  await predictor.close();
  return {
    kind: 'segmented',
    runtime: runtime.description,
    notes,
    raw: concat(Uint8Array, sections),
    labels: concat(
      Uint32Array,
      store.segmentation.map(({ data }) => data),
    ),
    fragments: report.fragments,
    seconds,
  };
}

async function openFiles(served: readonly ServedFile[]): Promise<Answer> {
  const files = await Promise.all(
    served.map(async ({ url, path }) => {
      const file = new File([await (await fetchOk(url)).arrayBuffer()], path.split('/').at(-1) ?? path);
      // As a directory picker gives them.
      if (path.includes('/')) Object.defineProperty(file, 'webkitRelativePath', { value: path });
      return file;
    }),
  );
  const source = await openSectionsFromFiles(files);
  const { shape } = source.info;
  const sections: number[][] = [];
  for (let z = 0; z < shape[0]; z++) sections.push([...(await source.read(z)).data]);
  await source.close();
  return { kind: 'opened', shape, sections };
}

async function fetchOk(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response;
}

function concat<T extends Uint8Array | Uint32Array>(type: new (length: number) => T, parts: readonly T[]): T {
  const out = new type(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
