/**
 * ONNX Runtime behind one small interface. Its Node and browser packages share their API (onnxruntime-common), so
 * what differs is only which package is loaded and which execution providers it has: see node.ts and web.ts.
 */
import { KynError, type NdArray, ndarray } from '@kyn/core';
import type { InferenceSession, Tensor } from 'onnxruntime-common';

export type Device = 'cpu' | 'webgpu';

export interface RuntimeOptions {
  /** Threads a session uses; default: all cores. */
  readonly threads?: number;
  readonly device?: Device;
  /**
   * Threads that wait for their next piece keep their core busy (default true): a little faster where nothing else
   * runs, but it takes the core from other work. Only the native CPU runtime heeds it.
   */
  readonly spin?: boolean;
}

export interface TensorInfo {
  readonly name: string;
  /** Names stand for free extents. */
  readonly shape: readonly (number | string)[];
  /** Of its elements, as ONNX Runtime names it (`float32`). */
  readonly type: string;
}

/** Float tensors by name. */
export type Feeds = Readonly<Record<string, NdArray<Float32Array>>>;

/** A loaded graph. Arrays given to `run` must be dense; those it returns belong to the caller. */
export interface Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  run(feeds: Feeds): Promise<Record<string, NdArray<Float32Array>>>;
  release(): Promise<void>;
}

export interface Runtime {
  /** For reports: package, version and device. */
  readonly description: string;
  /** @throws KynError `model` if the bytes are not a graph that ONNX Runtime can run. */
  load(model: Uint8Array, where?: string): Promise<Session>;
}

/** What both ONNX Runtime packages export. */
export interface OrtModule {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

function tensorInfos(metadata: readonly InferenceSession.ValueMetadata[]): TensorInfo[] {
  return metadata.map((info) =>
    info.isTensor
      ? { name: info.name, shape: info.shape, type: info.type }
      : { name: info.name, shape: [], type: 'no tensor' },
  );
}

/** A {@link Runtime} over an ONNX Runtime package. */
export function runtimeOver(
  ort: OrtModule,
  options: InferenceSession.SessionOptions,
  description: string,
): Runtime {
  return {
    description,
    async load(model, where) {
      let session: InferenceSession;
      try {
        session = await ort.InferenceSession.create(model, options);
      } catch (cause) {
        if (/webgpu|no available adapter|vulkan/i.test(String(cause))) {
          throw new KynError('usage', 'there is no GPU here that WebGPU can use', {
            where: '--device webgpu',
            hint: 'use --device cpu',
            cause,
          });
        }
        throw new KynError('model', 'not a network that ONNX Runtime can load', {
          ...(where === undefined ? {} : { where }),
          hint: 'give a .kyn model or an .onnx network',
          cause,
        });
      }
      return {
        inputs: tensorInfos(session.inputMetadata),
        outputs: tensorInfos(session.outputMetadata),
        async run(feeds) {
          const tensors = Object.entries(feeds).map(
            ([name, array]) => [name, new ort.Tensor('float32', array.data, [...array.shape])] as const,
          );
          const results = await session.run(Object.fromEntries(tensors));
          const arrays = Object.entries(results).map(
            ([name, tensor]) => [name, ndarray(tensor.data as Float32Array, tensor.dims)] as const,
          );
          return Object.fromEntries(arrays);
        },
        release: () => session.release(),
      };
    },
  };
}
