/**
 * ONNX Runtime in a browser, meant for a Web Worker: WebGPU where asked for and there, else WASM. Each device has
 * its own build of ONNX Runtime, and only the one that serves is loaded.
 */
import { type OrtModule, type Runtime, type RuntimeOptions, runtimeOver } from './session.ts';

export interface WebRuntimeOptions extends RuntimeOptions {
  /**
   * Folder URL that the `.wasm` and `.mjs` files of `onnxruntime-web/dist` are served from, relative to the page or
   * worker; default: beside the bundle.
   */
  readonly wasmPaths?: string;
}

/**
 * Threads need a cross-origin isolated page; without it, one is used. The first runtime of a page or worker settles
 * the threads and the folder for the later ones of the same device.
 * @param onNote is told when WASM has to serve for WebGPU.
 */
export async function webRuntime(
  options: WebRuntimeOptions = {},
  onNote?: (note: string) => void,
): Promise<Runtime> {
  const { location, navigator } = globalThis;
  const isolated = globalThis.crossOriginIsolated === true;
  const threads = isolated ? (options.threads ?? navigator.hardwareConcurrency) : 1;
  const onGpu = options.device === 'webgpu' && (await hasWebGpu());
  if (options.device === 'webgpu' && !onGpu) onNote?.('no WebGPU in this browser: running on WASM');
  const ort = onGpu ? await import('onnxruntime-web/webgpu') : await import('onnxruntime-web/wasm');
  ort.env.wasm.numThreads = threads;
  if (options.wasmPaths !== undefined) {
    const folder = new URL(options.wasmPaths, location.href).href;
    ort.env.wasm.wasmPaths = folder.endsWith('/') ? folder : `${folder}/`;
  }
  const session = {
    executionProviders: onGpu ? ['webgpu', 'wasm'] : ['wasm'],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  } as const;
  const counted = threads === 1 ? '1 thread' : `${threads} threads`;
  return inTurn(
    ort,
    session,
    `onnxruntime-web ${ort.env.versions.web}, ${onGpu ? 'webgpu' : 'wasm'}, ${counted}`,
  );
}

async function hasWebGpu(): Promise<boolean> {
  const { gpu } = globalThis.navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
  try {
    return Boolean(await gpu?.requestAdapter());
  } catch {
    return false;
  }
}

/**
 * Runs follow one another, since a build takes one at a time, and before each the event loop has a turn: WASM
 * computes on the thread that calls it and its promises are kept within one task, so that otherwise a message that
 * says stop would wait until the whole volume is done.
 */
function inTurn(ort: OrtModule, options: Parameters<typeof runtimeOver>[1], description: string): Runtime {
  const runtime = runtimeOver(ort, options, description);
  let queue: Promise<unknown> = Promise.resolve();
  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(nextTask).then(work);
    queue = done.catch(() => {});
    return done;
  };
  return {
    description,
    async load(model, where) {
      const session = await enqueue(() => runtime.load(model, where));
      return {
        ...session,
        run: (feeds) => enqueue(() => session.run(feeds)),
        release: () => enqueue(() => session.release()),
      };
    },
  };
}

/** Resolves in a task of its own, hence after messages that wait. Timers would be slowed down to 4 ms. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
