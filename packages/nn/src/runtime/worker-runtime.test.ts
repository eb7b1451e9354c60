import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isKynError, ndarray } from '@kyn/core';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../graph/builder.ts';
import { type WorkerRuntime, workerRuntime } from './worker-runtime.ts';

/** Heavy enough to take a while: many convolutions one after the other. */
function slowNetwork(): Uint8Array {
  const graph = new GraphBuilder('slow');
  let x = graph.input('x', [1, 16, 128, 128]);
  const weight = graph.floats(new Float32Array(16 * 16 * 9).fill(0.01), [16, 16, 3, 3]);
  for (let i = 0; i < 10; i++) {
    x = graph.node('Conv', [x, weight], x.shape, { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  }
  graph.output('y', x);
  return graph.encode();
}

describe('a runtime in a thread', () => {
  let runtime: WorkerRuntime;
  let workerUrl: URL;

  beforeAll(async () => {
    // Inside the repository, where the bundle finds ONNX Runtime.
    const outfile = join(import.meta.dirname, '..', '..', '..', '..', '.cache', 'test', 'session-worker.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('./session-worker.ts', import.meta.url))],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['onnxruntime-node', 'onnxruntime-web'],
      logLevel: 'error',
    });
    workerUrl = pathToFileURL(outfile);
    runtime = workerRuntime({ threads: 1, workerUrl });
  });
  afterAll(() => runtime.close());

  it('leaves the calling thread free while the network runs', async () => {
    const session = await runtime.load(slowNetwork());
    expect(session.inputs[0].shape).toEqual([1, 16, 128, 128]);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const out = await session.run({
      x: ndarray(new Float32Array(16 * 128 * 128).fill(1), [1, 16, 128, 128]),
    });
    clearInterval(timer);
    expect(out.y.shape).toEqual([1, 16, 128, 128]);
    expect(out.y.data.every(Number.isFinite)).toBe(true);
    expect(ticks).toBeGreaterThan(2);
    await session.release();
  });

  it('hands errors over as they are', async () => {
    const error = await runtime
      .load(new Uint8Array([1, 2, 3]), 'broken.onnx')
      .catch((reason: unknown) => reason);
    if (!isKynError(error)) throw new Error('not refused');
    expect(error.code).toBe('model');
    expect(error.where).toBe('broken.onnx');
  });

  it('refuses after it is closed', async () => {
    const session = await runtime.load(slowNetwork());
    await runtime.close();
    await expect(session.run({})).rejects.toThrow(/closed|ended/);
  });

  it('is closed while it loads without taking the process with it', async () => {
    const other = workerRuntime({ threads: 2, workerUrl });
    const loading = other.load(slowNetwork());
    await other.close();
    expect((await loading).inputs[0].name).toBe('x');
    await expect(other.load(slowNetwork())).rejects.toThrow(/closed/);
  });

  it('runs two at a time, each with its own answer', async () => {
    const two = workerRuntime({ threads: 2, workerUrl });
    const session = await two.load(slowNetwork());
    expect(two.description).toMatch(/1 threads, 2 at a time$/);
    const input = (value: number) => ndarray(new Float32Array(16 * 128 * 128).fill(value), [1, 16, 128, 128]);
    const alone = await Promise.all(
      [1, 2, 3].map(async (value) => (await session.run({ x: input(value) })).y),
    );
    const [one, twice, thrice] = alone.map(({ data }) => data[64 * 128 + 64]);
    expect(twice / one).toBeCloseTo(2, 4);
    expect(thrice / one).toBeCloseTo(3, 4);
    await two.close();
  });
});
