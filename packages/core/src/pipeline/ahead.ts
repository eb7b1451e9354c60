/** Work that overlaps in time without queues that grow: one step ahead, and a few writes behind. */

/**
 * Maps an iterable one element ahead: before the consumer gets element i, `map` of element i + 1 has begun, however long the
 * consumer then keeps the thread, and element i + 2 is asked for. Elements come in order, and `map` is never called twice
 * at a time.
 */
export async function* mapAhead<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  map: (value: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const ask = () => quiet(Promise.resolve(iterator.next()));
  let asked = ask();
  /** The next element's result, and when `map` has been called for it. */
  const pull = () => {
    const called = asked.then((step) => {
      if (step.done) return undefined;
      asked = ask();
      return { result: quiet(map(step.value)) };
    });
    const value = called.then(async (call) => call && { value: await call.result });
    return { begun: called.catch(() => {}), value: quiet(value) };
  };
  let next = pull();
  try {
    for (let item = await next.value; item; item = await next.value) {
      next = pull();
      await next.begun;
      yield item.value;
    }
  } finally {
    await next.value.catch(() => {});
    await asked.catch(() => {});
    await iterator.return?.();
  }
}

/** A promise whose failure is told where it is awaited, and not before. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Writes under way at a time. */
export const WRITES = 2;

/** Writes that go on while the next is made, at most `limit` at a time. */
export class WriteBehind {
  private readonly pending: Promise<void>[] = [];

  constructor(private readonly limit: number) {}

  /** Waits until there is room, then starts `write`. A write that failed is told here or in `drain`. */
  async add(write: () => Promise<void>): Promise<void> {
    while (this.pending.length >= this.limit) await this.pending.shift();
    this.pending.push(quiet(write()));
  }

  /** Waits for all writes. */
  async drain(): Promise<void> {
    while (this.pending.length > 0) await this.pending.shift();
  }

  /** Waits until none is under way, whatever became of them. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.pending);
  }
}
