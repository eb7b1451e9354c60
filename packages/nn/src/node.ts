/** What needs Node: `@kyn/nn/node`. */
export { nodeRuntime } from './runtime/node.ts';
export { type WorkerRuntime, type WorkerRuntimeOptions, workerRuntime } from './runtime/worker-runtime.ts';
