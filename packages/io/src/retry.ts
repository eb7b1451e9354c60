/** Fetching over networks that sometimes fail: a few tries, further and further apart. */
import { KynError } from '@kyn/core';

const tries = 4;
const firstPauseMs = 250;

/** `fetch` that tries again on network failures, 429 and 5xx. */
export async function fetchWithRetries(request: Request): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    let failure: { status?: number; cause?: unknown };
    try {
      const response = await fetch(request.clone());
      if (response.status === 404) return response;
      // with its body: a connection may break in the middle of it
      if (response.ok) return new Response(await response.arrayBuffer(), response);
      failure = { status: response.status };
    } catch (cause) {
      failure = { cause };
    }
    const { status } = failure;
    const passing = status === undefined || status === 429 || status >= 500;
    if (!passing || attempt === tries) {
      const what = status === undefined ? 'the server cannot be reached' : `the server answers ${status}`;
      throw new KynError('not-found', what, {
        where: request.url,
        hint: 'check the address and the network',
        cause: failure.cause,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, firstPauseMs * 2 ** (attempt - 1)));
  }
}
