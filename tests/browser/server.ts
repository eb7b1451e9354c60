/** Serves files to the browser in a cross-origin isolated site, where WASM may have threads. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

const ISOLATION = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};

export interface StaticServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @param mounts URL prefix (`/ort/`) → folder, or URL (`/model.kyn`) → file. `/` is an empty page. */
export async function serve(mounts: Readonly<Record<string, string>>): Promise<StaticServer> {
  const locate = (path: string): string | undefined => {
    for (const [prefix, target] of Object.entries(mounts)) {
      if (path === prefix) return target;
      if (!prefix.endsWith('/') || !path.startsWith(prefix)) continue;
      const inside = normalize(path.slice(prefix.length));
      if (!inside.startsWith('..') && !inside.startsWith(sep)) return join(target, inside);
    }
    return undefined;
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/') {
      response.writeHead(200, { ...ISOLATION, 'content-type': TYPES['.html'] });
      response.end('<!doctype html><link rel="icon" href="data:,"><title>kyn</title>');
      return;
    }
    const path = locate(decodeURIComponent(pathname));
    const bytes = path && (await readFile(path).catch(() => undefined));
    if (!bytes) {
      response.writeHead(404, ISOLATION).end();
      return;
    }
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response
      .writeHead(200, { ...ISOLATION, 'content-type': type, 'content-length': bytes.length })
      .end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
