/**
 * ONNX Runtime in Node: the native package, or, where that could not be installed, the WASM build, which runs
 * everywhere at a fraction of the speed.
 */
import { availableParallelism } from 'node:os';
import { KynError } from '@kyn/core';
import { forbidTelemetry } from './no-telemetry.ts';
import { type OrtModule, type Runtime, type RuntimeOptions, runtimeOver } from './session.ts';

async function nativePackage(): Promise<OrtModule | { readonly missing: string }> {
  forbidTelemetry();
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code === 'ERR_MODULE_NOT_FOUND') {
      return { missing: 'is not installed (npm install --ignore-scripts brings it)' };
    }
    return { missing: `cannot be loaded (${message.split('\n', 1)[0]})` };
  }
}

/**
 * @param onNote is told when the slow build has to serve.
 * @throws KynError `usage` if WebGPU is asked for and the native package is not there.
 */
export async function nodeRuntime(
  options: RuntimeOptions = {},
  onNote?: (note: string) => void,
): Promise<Runtime> {
  const threads = options.threads ?? availableParallelism();
  const device = options.device ?? 'cpu';
  const session = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  } as const;
  const native = await nativePackage();
  if (!('missing' in native)) {
    const executionProviders = device === 'webgpu' ? ['webgpu', 'cpu'] : ['cpu'];
    const extra = { 'session.intra_op.allow_spinning': options.spin === false ? '0' : '1' };
    return runtimeOver(
      native,
      { ...session, executionProviders, extra },
      `onnxruntime-node, ${device}, ${threads} threads`,
    );
  }
  if (device === 'webgpu') {
    throw new KynError('usage', `the native ONNX Runtime ${native.missing}, so there is no WebGPU`, {
      where: '--device webgpu',
      hint: 'mend that, or leave the option out',
    });
  }
  onNote?.(`the native ONNX Runtime ${native.missing}: running its WASM build, which is slower`);
  const web = await import('onnxruntime-web');
  web.env.wasm.numThreads = threads;
  return runtimeOver(
    web,
    { ...session, executionProviders: ['wasm'] },
    `onnxruntime-web, wasm, ${threads} threads`,
  );
}
