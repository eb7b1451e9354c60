/** Several jobs at a time. */

/**
 * Does `work` for every job, at most `limit` at a time, in order of their start. After a failure no further job is begun.
 * @throws what the first job that failed threw, once all that were under way have ended
 */
export async function inParallel<T>(
  limit: number,
  jobs: readonly T[],
  work: (job: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failure: { readonly cause: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < jobs.length && !failure) {
      try {
        await work(jobs[next++]);
      } catch (cause) {
        failure ??= { cause };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, jobs.length) }, worker));
  if (failure) throw failure.cause;
}
