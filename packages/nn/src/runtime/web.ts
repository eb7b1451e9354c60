/** ONNX Runtime in a browser (page or worker): WebGPU where asked for and there, else WASM. */
import * as ort from 'onnxruntime-web/webgpu';
import { type Runtime, type RuntimeOptions, runtimeOver } from './session.ts';

export interface WebRuntimeOptions extends RuntimeOptions {
  /** Folder URL that ONNX Runtime's `.wasm` and `.mjs` files are served from. */
  readonly wasmPaths?: string;
}

/** Threads need a cross-origin isolated page; without it, one is used. */
export async function webRuntime(options: WebRuntimeOptions = {}): Promise<Runtime> {
  const isolated = globalThis.crossOriginIsolated === true;
  const threads = isolated ? (options.threads ?? globalThis.navigator.hardwareConcurrency) : 1;
  ort.env.wasm.numThreads = threads;
  if (options.wasmPaths !== undefined) ort.env.wasm.wasmPaths = options.wasmPaths;
  const device = options.device ?? 'cpu';
  const executionProviders = device === 'webgpu' ? ['webgpu', 'wasm'] : ['wasm'];
  const session = { executionProviders, graphOptimizationLevel: 'all', logSeverityLevel: 3 } as const;
  return runtimeOver(
    ort,
    session,
    `onnxruntime-web, ${device === 'webgpu' ? 'webgpu' : 'wasm'}, ${threads} threads`,
  );
}
