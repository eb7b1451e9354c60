/** The network of a command: read, loaded, and run in threads of its own where it can be. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BlockPredictor } from '@kyn/core';
import { type LoadedModel, openPredictor } from '@kyn/nn';
import { nodeRuntime, workerRuntime } from '@kyn/nn/node';
import { type ModelFile, readModel } from './model-file.ts';

export interface LoadedNetwork {
  readonly model: ModelFile;
  readonly predictor: LoadedModel | BlockPredictor;
  /** What runs it, for reports; true once it has predicted something. */
  readonly runtime: () => string;
  /** May be called more than once. */
  close(): Promise<void>;
}

export interface NetworkOptions {
  readonly threads: number | undefined;
  readonly device: 'auto' | 'cpu' | 'webgpu';
  readonly onNote?: (note: string) => void;
  /** Go on only when it is loaded: for whoever removes something then. */
  readonly wait?: boolean;
}

/** @throws KynError `not-found` or `model` where it is not one. */
export async function loadNetwork(name: string, options: NetworkOptions): Promise<LoadedNetwork> {
  const { threads, onNote, wait = false } = options;
  const device = options.device === 'webgpu' ? 'webgpu' : 'cpu';
  const model = await readModel(name);
  // sources that run unbuilt have no worker script beside them
  const worker = new URL('session-worker.js', import.meta.url);
  if (!existsSync(fileURLToPath(worker))) {
    const runtime = await nodeRuntime({ threads, device }, onNote);
    const predictor = await openPredictor(runtime, model.bytes, model.name);
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= predictor.close();
      return closing;
    };
    return { model, predictor, runtime: () => runtime.description, close };
  }
  const runtime = workerRuntime({ threads, device, onNote, workerUrl: worker });
  try {
    // the volume is looked at while the threads load the network
    const predictor = await openPredictor(runtime, model.bytes, model.name, { wait });
    // the threads take their sessions with them
    const close = () => runtime.close();
    return { model, predictor, runtime: () => runtime.description, close };
  } catch (error) {
    await runtime.close();
    throw error;
  }
}
