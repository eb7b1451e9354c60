/**
 * Worker thread of {@link BatchQueue}: gets volumes (in shared memory), spec and seed once, then a step
 * number at a time, and answers each with its batch, whose arrays are handed over, not copied.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { makeBatch } from './batch.ts';
import type { WorkerAnswer, WorkerSetup } from './queue.ts';

const { volumes, spec, seed } = workerData as WorkerSetup;

parentPort?.on('message', (step: number) => {
  let answer: WorkerAnswer;
  try {
    answer = { step, batch: makeBatch(volumes, spec, seed, step) };
  } catch (error) {
    answer = { step, error: error instanceof Error ? error.message : String(error) };
  }
  const { batch } = answer;
  const hand = batch ? [batch.input.buffer, batch.target.buffer, batch.weight.buffer] : [];
  parentPort?.postMessage(answer, hand as ArrayBuffer[]);
});
