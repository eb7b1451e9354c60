/** The browser's entry points on Node's `File` and `fetch`: the same volumes as through the disk. */
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openSections } from '../node/index.ts';
import { fixture, labelSection, rawSection, shape, voxelSizeNm } from '../testing/volume.ts';
import {
  openLabelsFromFiles,
  openLabelsFromUrl,
  openSectionsFromFiles,
  openSectionsFromUrl,
} from './index.ts';

async function pickFile(path: string): Promise<File> {
  return new File([new Uint8Array(await readFile(path))], path.split('/').at(-1) ?? '');
}

/** All files of a folder with relative paths, as a directory picker gives them. */
async function pickFolder(folder: string): Promise<File[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const base = folder.slice(0, folder.lastIndexOf('/') + 1);
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath ?? entry.path, entry.name);
        const file = await pickFile(path);
        Object.defineProperty(file, 'webkitRelativePath', { value: path.slice(base.length) });
        return file;
      }),
  );
}

describe('files', () => {
  it.each(['png-stack', 'tiff-stack', 'fortran.zarr'])('reads %s', async (name) => {
    const source = await openSectionsFromFiles(await pickFolder(fixture(name)));
    expect(source.info.shape).toEqual(shape);
    for (const z of [4, 0]) expect((await source.read(z)).data).toEqual(rawSection(z, Uint8Array).data);
    await source.close();
  });

  it('reads one TIFF', async () => {
    const source = await openSectionsFromFiles([await pickFile(fixture('imagej.tif'))]);
    expect(source.info.voxelSizeNm).toEqual(voxelSizeNm);
    expect((await source.read(3)).data).toEqual(rawSection(3, Uint8Array).data);
    await source.close();
  });

  it('reads labels of a sharded OME-Zarr', async () => {
    const source = await openLabelsFromFiles(await pickFolder(fixture('ome-0.5.zarr')));
    expect((await source.read(3)).data).toEqual(labelSection(3).data);
    await source.close();
  });

  it('says what Node says of a dataset in a file that is one volume, and of a wrong ending', async () => {
    const file = await pickFile(fixture('imagej.tif'));
    await expect(openSectionsFromFiles([file], { dataset: '/raw' })).rejects.toMatchObject({
      message: 'no /raw in it: it is one volume (TIFF)',
    });
    const renamed = new File([await file.arrayBuffer()], 'stack.png');
    const { info } = await openSectionsFromFiles([renamed]);
    expect(info.notes.join()).toMatch(/named .png, but it is no PNG/);
  });

  it('refuses no files', async () => {
    await expect(openSectionsFromFiles([])).rejects.toMatchObject({ code: 'not-found' });
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Serves the fixtures; `failures` answers 503 first, then `breaks` of them break off in the middle. */
async function serve(failures = 0, breaks = 0): Promise<string> {
  let failing = failures;
  let breaking = breaks;
  const server = createServer(async (request, response) => {
    if (failing-- > 0) {
      response.writeHead(503).end();
      return;
    }
    const bytes = await readFile(fixture(request.url ?? '/')).catch(() => undefined);
    const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
    if (!bytes) response.writeHead(404).end();
    else if (request.method === 'GET' && breaking-- > 0) {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
    } else if (range) response.writeHead(206).end(bytes.subarray(Number(range[1]), Number(range[2]) + 1));
    else
      response.writeHead(200, { 'content-length': bytes.length }).end(request.method === 'HEAD' ? '' : bytes);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('Zarr over HTTP', () => {
  it('reads images and labels, sharded or not', async () => {
    const base = await serve();
    const old = await openSectionsFromUrl(`${base}/ome-0.4.zarr`);
    expect((await old.read(4)).data).toEqual(rawSection(4, Uint16Array).data);
    const labels = await openLabelsFromUrl(`${base}/ome-0.5.zarr:/labels/neurons`);
    expect((await labels.read(2)).data).toEqual(labelSection(2).data);
    const node = await openSections(`${base}/ome-0.5.zarr`);
    expect((await node.read(1)).data).toEqual(rawSection(1, Uint8Array).data);
  });

  it('tries again when the server is busy', async () => {
    const source = await openSectionsFromUrl(`${await serve(2)}/fortran.zarr`);
    expect((await source.read(0)).data).toEqual(rawSection(0, Uint8Array).data);
  });

  it('tries again when the connection breaks in the middle of an answer', async () => {
    const source = await openSectionsFromUrl(`${await serve(0, 2)}/fortran.zarr`);
    expect((await source.read(0)).data).toEqual(rawSection(0, Uint8Array).data);
  });

  it('says that there is nothing, or no server', async () => {
    const base = await serve();
    for (const name of ['nothing.zarr', 'volume.h5']) {
      await expect(openSectionsFromUrl(`${base}/${name}`)).rejects.toMatchObject({
        code: 'not-found',
        message: 'no Zarr volume at this address',
        hint: expect.stringMatching(/other formats .* download/),
      });
    }
    await expect(openSections('http://127.0.0.1:9/a.zarr')).rejects.toMatchObject({ code: 'not-found' });
  });
});
