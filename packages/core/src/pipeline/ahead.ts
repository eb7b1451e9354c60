/** Work that overlaps in time without queues that grow: a step or two ahead, and a few writes behind. */

/**
 * Maps an iterable some elements ahead: before the consumer gets element i, `map` of element i + `ahead` has begun, however
 * long the consumer then keeps the thread, and the element after it is asked for. Elements come in order, and `map` is never
 * under way for more than `ahead` elements.
 */
export async function* mapAhead<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  map: (value: T) => Promise<R>,
  ahead = 1,
): AsyncGenerator<R, void, undefined> {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let asked = quiet(Promise.resolve(iterator.next()));
  /** The next element's result, and when `map` has been called for it; undefined beyond the last. */
  const pull = () => {
    const called = asked.then((step) => {
      if (step.done) return undefined;
      return { result: quiet(map(step.value)), after: quiet(Promise.resolve(iterator.next())) };
    });
    asked = quiet(called.then((call) => call?.after ?? { done: true, value: undefined }));
    const value = called.then(async (call) => call && { value: await call.result });
    return { begun: called.catch(() => {}), value: quiet(value) };
  };
  const begun = Array.from({ length: ahead }, pull);
  try {
    for (;;) {
      const item = await begun[0].value;
      if (!item) return;
      begun.shift();
      const next = pull();
      begun.push(next);
      await next.begun;
      yield item.value;
    }
  } finally {
    for (const { value } of begun) await value.catch(() => {});
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
