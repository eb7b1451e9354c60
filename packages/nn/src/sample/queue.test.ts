import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUGMENT_DEFAULTS } from './augment-options.ts';
import { makeBatch } from './batch.ts';
import { BatchQueue } from './queue.ts';
import { cellVolume, plainSpec, sameBatch } from './testing/cells.ts';

const volumes = [cellVolume([3, 80, 80], 25), cellVolume([2, 40, 90], 15, { name: 'other', weight: 0.5 })];
const spec = plainSpec({ augment: AUGMENT_DEFAULTS, sections: 2, lsdSigma: 3 });
const seed = 9;

const folder = mkdtempSync(join(tmpdir(), 'kyn-sample-'));
const workerUrl = pathToFileURL(join(folder, 'sample-worker.mjs'));

beforeAll(() => {
  buildSync({
    entryPoints: [fileURLToPath(new URL('./sample-worker.ts', import.meta.url))],
    outfile: fileURLToPath(workerUrl),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('BatchQueue', () => {
  it.each([0, 1, 2])('gives the same batches in order with %i workers', async (workers) => {
    const queue = new BatchQueue(volumes, spec, seed, { workers, ahead: 3, workerUrl });
    expect(queue.workers).toBe(workers);
    try {
      for (let step = 10; step < 16; step++) {
        const made = await queue.next(step);
        expect(sameBatch(made, makeBatch(volumes, spec, seed, step)), `step ${step}`).toBe(true);
      }
      // A jump, as after a resumed run, and several awaited at once.
      const [a, b] = await Promise.all([queue.next(100), queue.next(101)]);
      expect([a.step, b.step]).toEqual([100, 101]);
      expect(sameBatch(b, makeBatch(volumes, spec, seed, 101))).toBe(true);
    } finally {
      await queue.close();
    }
  });

  it('makes batches itself where the worker’s script is not there', async () => {
    const queue = new BatchQueue(volumes, spec, seed, {
      workers: 2,
      workerUrl: new URL('missing.js', workerUrl),
    });
    expect(queue.workers).toBe(0);
    expect(sameBatch(await queue.next(3), makeBatch(volumes, spec, seed, 3))).toBe(true);
    await queue.close();
  });

  it('refuses bad volumes at once, and hands a worker’s failure to who waits', async () => {
    expect(() => new BatchQueue([], spec, seed)).toThrow('no volume');
    const broken = join(folder, 'broken.mjs');
    writeFileSync(broken, "throw new Error('out of order');");
    const queue = new BatchQueue(volumes, spec, seed, { workers: 1, workerUrl: pathToFileURL(broken) });
    await expect(queue.next(0)).rejects.toThrow('a sampling thread failed');
    await expect(queue.next(1)).rejects.toThrow('a sampling thread failed');
    await queue.close();
  });

  it('refuses what is awaited when it is closed', async () => {
    const queue = new BatchQueue(volumes, spec, seed, { workers: 1, workerUrl });
    const refused = expect(queue.next(0)).rejects.toThrow('closed');
    await queue.close();
    await refused;
    await expect(queue.next(1)).rejects.toThrow('closed');
  });
});
