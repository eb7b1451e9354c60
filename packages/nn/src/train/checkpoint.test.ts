import { isKynError } from '@kyn/core';
import { expect, it } from 'vitest';
import { decodeCheckpoint, encodeCheckpoint, type TrainState } from './checkpoint.ts';

const state: TrainState = {
  step: 3,
  parameters: Float32Array.of(1, 2),
  first: Float32Array.of(3, 4),
  second: Float32Array.of(5, 6),
  average: Float32Array.of(7, 8),
  statistics: Float32Array.of(9),
  history: [{ step: 3, seconds: 2, values: { loss: 0.5 } }],
};
const settings = { options: { seed: 1, widths: [8, 16], schedule: { rate: 0.001 } }, volumes: [['a', 1]] };

it('gives back the state that was kept', () => {
  const bytes = encodeCheckpoint(state, settings);
  expect(decodeCheckpoint(bytes, () => structuredClone(settings), 'run')).toEqual(state);
});

it('takes a file as Node reads it', () => {
  const bytes = encodeCheckpoint(state, settings);
  const read = Buffer.concat([Buffer.from('before'), bytes]).subarray(6);
  expect(decodeCheckpoint(read, () => structuredClone(settings), 'run')).toEqual(state);
});

it.each([
  [{ ...settings, options: { ...settings.options, seed: 2 } }, 'options.seed: 1 there, 2 now'],
  [
    { ...settings, options: { ...settings.options, schedule: { rate: 0.002 } } },
    'options.schedule.rate: 0.001 there, 0.002 now',
  ],
  [
    { ...settings, options: { ...settings.options, widths: [8, 16, 32] } },
    'options.widths.2: none there, 32 now',
  ],
  [{ ...settings, volumes: [['b', 1]] }, 'volumes.0.0: "a" there, "b" now'],
])('names the setting that another run had', (other, says) => {
  try {
    decodeCheckpoint(encodeCheckpoint(state, settings), () => other, 'run');
    throw new Error('not refused');
  } catch (error) {
    if (!isKynError(error)) throw error;
    expect(error.code).toBe('usage');
    expect(error.message).toBe(`the checkpoint belongs to a run with other settings (${says})`);
  }
});
