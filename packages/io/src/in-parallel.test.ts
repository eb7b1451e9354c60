import { describe, expect, it } from 'vitest';
import { inParallel } from './in-parallel.ts';

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

describe('several jobs at a time', () => {
  it('does all, never more than the limit at once', async () => {
    const done: number[] = [];
    let under = 0;
    let most = 0;
    await inParallel(3, [...Array(10).keys()], async (job) => {
      most = Math.max(most, ++under);
      await turn();
      under--;
      done.push(job);
    });
    expect(done.sort((a, b) => a - b)).toEqual([...Array(10).keys()]);
    expect(most).toBe(3);
    await inParallel(3, [], () => Promise.reject(new Error('no job')));
  });

  it('begins no job after a failure, and tells the first once those under way have ended', async () => {
    const begun: number[] = [];
    let ended = 0;
    const all = inParallel(2, [0, 1, 2, 3, 4], async (job) => {
      begun.push(job);
      if (job === 1) throw new Error('second');
      await turn();
      ended++;
      if (job === 0) throw new Error('first job, later');
    });
    await expect(all).rejects.toThrow('second');
    expect(begun).toEqual([0, 1]);
    expect(ended).toBe(1);
  });
});
