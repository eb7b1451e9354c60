/** An open page and what it says to its worker. Functions given to `evaluate` run in the page: they see nothing here. */
import type { Page } from 'playwright-core';
import type { Answer, Request, Segmented, ServedFile } from './protocol.ts';

export interface Outcome {
  /** In the order they came; `segmented` apart. */
  readonly answers: readonly Answer[];
  readonly segmented: Segmented | undefined;
  readonly failed: Extract<Answer, { kind: 'failed' }> | undefined;
}

/** Sends one request to a new worker and waits for its end. @param cancelAt progress event after which it is stopped. */
export async function ask(
  page: Page,
  request: Request,
  cancelAt = Number.POSITIVE_INFINITY,
): Promise<Outcome> {
  const answers = await page.evaluate(
    ([sent, stopAt]) =>
      new Promise<Answer[]>((resolve, reject) => {
        const worker = new Worker('/bundle/worker.js', { type: 'module' });
        const came: Answer[] = [];
        worker.onerror = (event) => reject(new Error(`the worker failed: ${event.message}`));
        worker.onmessage = ({ data }: MessageEvent<Answer>) => {
          came.push(data);
          if (data.kind === 'progress') {
            if (came.length === stopAt) worker.postMessage({ kind: 'cancel' });
            return;
          }
          worker.terminate();
          resolve(came);
        };
        worker.postMessage(sent);
      }),
    [request, cancelAt] as const,
  );
  const segmented = answers.find((each) => each.kind === 'segmented');
  const failed = answers.find((each) => each.kind === 'failed');
  return { answers, segmented, failed };
}

/** Opens served files in the worker. */
export async function openInBrowser(page: Page, files: readonly ServedFile[]) {
  const { answers, failed } = await ask(page, { kind: 'open', files });
  if (failed) throw new Error(failed.message);
  const opened = answers.find((each) => each.kind === 'opened');
  if (!opened) throw new Error('nothing was opened');
  return opened;
}
