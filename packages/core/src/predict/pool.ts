/** Buffers that one user has at a time; who asks first is served first. */
export class Pool<T> {
  private readonly waiting: ((thing: T) => void)[] = [];

  /** @param free in-out */
  constructor(private readonly free: T[]) {}

  async use<R>(work: (thing: T) => Promise<R>): Promise<R> {
    const thing = this.free.pop() ?? (await new Promise<T>((resolve) => this.waiting.push(resolve)));
    try {
      return await work(thing);
    } finally {
      const next = this.waiting.shift();
      if (next) next(thing);
      else this.free.push(thing);
    }
  }
}

/**
 * Sends all jobs of one section or slab, as buffers come free, those of an earlier call first, and hands their results to `take`
 * one by one in the order of the jobs. None is kept once it is taken; after a failure no more are sent.
 * @throws whatever `send` or `take` throws first
 */
export async function sendAll<T, J, R>(
  pool: Pool<T>,
  jobs: readonly J[],
  send: (buffer: T, job: J) => Promise<R>,
  take: (result: R, job: J) => void,
  before: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  let failed = false;
  const results = jobs.map((job) => {
    const result = pool.use(async (buffer) => {
      if (failed) throw new Error('not sent: an earlier one failed');
      return send(buffer, job);
    });
    // told where it is awaited
    result.catch(() => {
      failed = true;
    });
    return result;
  });
  try {
    await before;
    for (const job of jobs) take(await (results.shift() as Promise<R>), job);
  } catch (error) {
    failed = true;
    throw error;
  }
}
