/** What needs a browser: `@kyn/nn/web`. */
export { type WebRuntimeOptions, webRuntime } from './runtime/web.ts';
