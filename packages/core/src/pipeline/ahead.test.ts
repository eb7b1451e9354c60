import { describe, expect, it } from 'vitest';
import { mapAhead, WriteBehind } from './ahead.ts';

const pause = (ms = 1) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe('mapAhead', () => {
  it('keeps the order, works one ahead, and never on two at a time', async () => {
    const log: string[] = [];
    let under = 0;
    const mapped = mapAhead([1, 2, 3, 4], async (value) => {
      expect(++under).toBe(1);
      log.push(`start ${value}`);
      await pause();
      under--;
      return value * 10;
    });
    const got: number[] = [];
    for await (const value of mapped) {
      got.push(value);
      await pause(5);
      log.push(`used ${value}`);
    }
    expect(got).toEqual([10, 20, 30, 40]);
    expect(log).toEqual([
      ...['start 1', 'start 2', 'used 10', 'start 3', 'used 20', 'start 4', 'used 30', 'used 40'],
    ]);
  });

  it('works as far ahead as it is told to, and never further', async () => {
    let under = 0;
    let most = 0;
    const begun: number[] = [];
    const mapped = mapAhead(
      [1, 2, 3, 4, 5],
      async (value) => {
        begun.push(value);
        most = Math.max(most, ++under);
        await pause(6 - value); // later ones are done sooner
        under--;
        return value * 10;
      },
      2,
    );
    const got: number[] = [];
    for await (const value of mapped) {
      got.push(value);
      expect(begun.length).toBe(Math.min(5, got.length + 2));
    }
    expect(got).toEqual([10, 20, 30, 40, 50]);
    expect(most).toBe(2);
  });

  it('has begun the next before the consumer gets one, which may keep the thread', async () => {
    const log: string[] = [];
    async function* slow() {
      for (let i = 1; i <= 3; i++) {
        for (let tick = 0; tick < 20; tick++) await undefined;
        yield i;
      }
    }
    const mapped = mapAhead(
      mapAhead(slow(), async (value) => {
        log.push(`start ${value}`);
        await pause();
        return value;
      }),
      async (value) => value,
    );
    for await (const value of mapped) log.push(`got ${value}`);
    for (const value of [1, 2])
      expect(log.indexOf(`start ${value + 1}`)).toBeLessThan(log.indexOf(`got ${value}`));
  });

  it('ends its source and waits for what is under way when the consumer stops', async () => {
    let ended = false;
    let under = 0;
    async function* source() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        ended = true;
      }
    }
    const mapped = mapAhead(source(), async (value) => {
      under++;
      await pause(3);
      under--;
      return value;
    });
    await expect(
      (async () => {
        for await (const value of mapped) if (value === 2) throw new Error('enough');
      })(),
    ).rejects.toThrow('enough');
    expect({ ended, under }).toEqual({ ended: true, under: 0 });
  });

  it('passes failures on in their turn', async () => {
    const got: number[] = [];
    const mapped = mapAhead([1, 2, 3], async (value) => {
      if (value === 2) throw new Error('two');
      return value;
    });
    await expect(
      (async () => {
        for await (const value of mapped) got.push(value);
      })(),
    ).rejects.toThrow('two');
    expect(got).toEqual([1]);
  });
});

describe('WriteBehind', () => {
  it('has no more under way than it may, and tells of failures', async () => {
    const writes = new WriteBehind(2);
    let under = 0;
    let most = 0;
    for (let i = 0; i < 6; i++) {
      await writes.add(async () => {
        most = Math.max(most, ++under);
        await pause(2);
        under--;
      });
    }
    await writes.drain();
    expect({ most, under }).toEqual({ most: 2, under: 0 });
    await writes.add(() => Promise.reject(new Error('full')));
    await expect(writes.drain()).rejects.toThrow('full');
    await writes.add(() => Promise.reject(new Error('full')));
    await writes.settle();
  });
});
