/** A network that may still be on its way into the runtime: what predictors of either kind run. */
import { type NdArray, type Signal, throwIfCancelled } from '@kyn/core';
import type { Runtime, Session } from '../runtime/session.ts';

/** What the network says: its first output, and all by name. */
export interface NetworkAnswer {
  readonly first: NdArray<Float32Array>;
  readonly all: Readonly<Record<string, NdArray<Float32Array>>>;
}

export interface LateNetwork {
  /** Settles when it is loaded and checked. Nobody need await it. */
  readonly loaded: Promise<unknown>;
  /** @throws KynError `cancelled`; what kept it from being loaded. */
  run(input: NdArray<Float32Array>, signal?: Signal): Promise<NetworkAnswer>;
  /** Also of one that could not be loaded. */
  close(): Promise<void>;
}

/** @param check throws where the session is not of the network that is meant */
export function lateNetwork(
  runtime: Runtime,
  graph: Uint8Array,
  where: string,
  check: (session: Session) => void,
): LateNetwork {
  const loaded = runtime.load(graph, where).then((session) => {
    check(session);
    return session;
  });
  // told where it is awaited
  loaded.catch(() => {});
  return {
    loaded,
    async run(input, signal) {
      const session = await loaded;
      throwIfCancelled(signal);
      const all = await session.run({ [session.inputs[0].name]: input });
      throwIfCancelled(signal);
      return { first: all[session.outputs[0].name], all };
    },
    close: () =>
      loaded.then(
        (session) => session.release(),
        () => {},
      ),
  };
}
