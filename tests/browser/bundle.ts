/** Bundles the worker for a browser. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from '../source-files.ts';

/** @throws where anything below the entry imports what a browser does not have, Node's modules above all. */
export async function bundleWorker(entry: string, outdir: string): Promise<void> {
  const { warnings } = await build({
    absWorkingDir: root,
    entryPoints: { worker: join(root, entry) },
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // Builds of ONNX Runtime that load their glue code from a URL instead of holding a copy of it.
    conditions: ['onnxruntime-web-use-extern-wasm'],
    logLevel: 'silent', // what goes wrong is in the error that it throws
  });
  // An import inside `try` that cannot be resolved is a warning only.
  if (warnings.length > 0) throw new Error(warnings.map(({ text }) => text).join('\n'));
}
