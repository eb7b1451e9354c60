import { expect, it } from 'vitest';
import { StageTimer } from './report.ts';

it('counts waits of one stage that overlap once, and those of others by themselves', async () => {
  let now = 0;
  const timer = new StageTimer({ wall: () => now, cpu: () => 0 });
  const ends: (() => void)[] = [];
  const wait = (stage: 'predict' | 'read') =>
    timer.wait(stage, new Promise<void>((resolve) => ends.push(resolve)));
  const waits = [wait('predict')];
  now = 2;
  waits.push(wait('predict'), wait('read'));
  now = 3;
  ends[0]();
  await waits[0];
  now = 7;
  ends[1]();
  ends[2]();
  await Promise.all(waits);
  now = 10;
  waits.push(wait('predict'));
  now = 11;
  ends[3]();
  await waits[3];
  expect(timer.stages).toEqual({
    predict: { seconds: 8, cpuSeconds: 0 },
    read: { seconds: 5, cpuSeconds: 0 },
  });
});
