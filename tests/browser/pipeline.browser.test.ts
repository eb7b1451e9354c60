/**
 * The same core in a browser: the whole pipeline in a Web Worker of a headless Chromium, on WASM and, where the
 * browser gives an adapter, on WebGPU, gets the labels that Node gets. Skipped where there is no Chromium
 * (`KYN_CHROMIUM`, or one on the PATH).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createMemoryStore,
  createPhantom,
  evaluate,
  type LabelSource,
  ndarray,
  PIPELINE_DEFAULTS,
  runPipeline,
  type Vec3,
} from '@kyn/core';
import { openSections } from '@kyn/io/node';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../source-files.ts';
import { bundleWorker } from './bundle.ts';
import { findChromium, startChromium } from './chromium.ts';
import { ask, openInBrowser } from './page.ts';
import type { Segmented } from './protocol.ts';
import { type StaticServer, serve } from './server.ts';

/** Adapted Rand error allowed between the labels of two devices. */
const SAME_LABELS = 0.01;
const BUNDLE = join(root, '.cache', 'test', 'browser');
const MODEL = join(root, process.env.KYN_BROWSER_MODEL ?? 'models/base.kyn');
const FIXTURES = join(root, 'packages/io/fixtures');

const chromium = findChromium();
const missing = !chromium ? 'no Chromium' : !existsSync(MODEL) ? 'no model' : undefined;

const phantom = { shape: [4, 160, 160] as Vec3, voxelSizeNm: [40, 8, 8] as Vec3, seed: 7 };
/** WebGPU in software is slow: a minute or more a section, depending on what else the processor does. */
const small = { ...phantom, shape: [2, 96, 96] as Vec3 };

/** Labels of dense sections one after the other. */
function labelSource(labels: Uint32Array, shape: Vec3): LabelSource {
  const [, height, width] = shape;
  const size = height * width;
  return {
    info: { shape, voxelSizeNm: undefined, dtype: 'uint32', format: 'memory', location: 'memory', notes: [] },
    read: async (z) => ndarray(labels.subarray(z * size, (z + 1) * size), [height, width]),
    close: async () => {},
  };
}

/** What Node makes of the same phantom. */
async function segmentInNode(options: typeof phantom): Promise<{ raw: Uint8Array; labels: LabelSource }> {
  const { raw } = createPhantom(options);
  const predictor = await createPredictor(await nodeRuntime({ threads: 1 }), readFileSync(MODEL), 'base');
  const store = createMemoryStore();
  await runPipeline({ source: raw, predictor }, store, PIPELINE_DEFAULTS);
  await predictor.close();
  const [depth, height, width] = options.shape;
  const bytes = new Uint8Array(depth * height * width);
  const labels = new Uint32Array(bytes.length);
  for (let z = 0; z < depth; z++) {
    bytes.set((await raw.read(z)).data, z * height * width);
    labels.set(store.segmentation[z].data, z * height * width);
  }
  return { raw: bytes, labels: labelSource(labels, options.shape) };
}

function tell(segmented: Segmented, arand: number): void {
  const { runtime, seconds } = segmented;
  const times = Object.entries(seconds).map(([name, value]) => `${name} ${value.toFixed(2)} s`);
  console.log(`${runtime}: ARAND against Node ${arand.toFixed(5)}; ${times.join(', ')}`);
}

describe.skipIf(!chromium)('bundles for a browser', () => {
  it('refuse what imports Node', async () => {
    const broken = bundleWorker('packages/io/src/node/index.ts', join(BUNDLE, 'broken'));
    await expect(broken).rejects.toThrow(/node:/);
  });
});

describe.skipIf(missing !== undefined)(`the pipeline in a browser${missing ? ` (${missing})` : ''}`, () => {
  let server: StaticServer;
  const browsers: Browser[] = [];

  async function openPage(device: 'cpu' | 'webgpu'): Promise<Page> {
    const browser = await startChromium(chromium ?? '', device);
    browsers.push(browser);
    const page = await browser.newPage();
    await page.goto(server.url);
    return page;
  }

  beforeAll(async () => {
    await bundleWorker('tests/browser/worker.ts', BUNDLE);
    server = await serve({
      '/bundle/': BUNDLE,
      '/ort/': join(root, 'node_modules/onnxruntime-web/dist'),
      '/fixtures/': FIXTURES,
      '/model.kyn': MODEL,
    });
  });
  afterAll(async () => {
    await Promise.all(browsers.map((browser) => browser.close()));
    await server?.close();
  });

  describe('on WASM', () => {
    let page: Page;
    const request = { kind: 'segment', phantom, device: 'cpu', threads: 2, model: '/model.kyn' } as const;

    beforeAll(async () => {
      page = await openPage('cpu');
    });

    it('gets the labels that Node gets, from the same phantom', async () => {
      expect(await page.evaluate(() => globalThis.crossOriginIsolated)).toBe(true);
      const { segmented, failed, answers } = await ask(page, request);
      expect(failed).toBeUndefined();
      if (!segmented) throw new Error('no labels came');
      const node = await segmentInNode(phantom);
      expect(segmented.runtime).toMatch(/wasm, 2 threads/);
      expect(differences(segmented.raw, node.raw)).toBe(0);
      const scores = await evaluate({
        segmentation: labelSource(segmented.labels, phantom.shape),
        truth: node.labels,
      });
      tell(segmented, scores.arand);
      expect(scores.truth).toBeGreaterThan(10);
      expect(scores.arand).toBeLessThanOrEqual(SAME_LABELS);
      const done = (stage: string) =>
        answers.flatMap((each) =>
          each.kind === 'progress' && each.progress.stage === stage ? [each.progress.done] : [],
        );
      expect(done('segment')).toEqual([1, 2, 3, 4]);
      expect(done('project')).toEqual([1, 2, 3, 4]);
    });

    it('stops when it is told to', async () => {
      const { segmented, failed, answers } = await ask(page, request, 1);
      expect(segmented).toBeUndefined();
      expect(failed).toMatchObject({ code: 'cancelled' });
      const sections = answers.filter(
        (each) => each.kind === 'progress' && each.progress.stage === 'segment',
      );
      expect(sections.length).toBeLessThan(phantom.shape[0]);
    });

    it.each([
      ['a PNG stack', 'png-stack'],
      ['HDF5', 'cremi.h5'],
      ['TIFF', 'imagej.tif'],
      ['OME-Zarr', 'ome-0.5.zarr'],
    ])('reads %s as Node does', async (_, name) => {
      const opened = await openInBrowser(page, served(name));
      const source = await openSections(join(FIXTURES, name));
      expect(opened.shape).toEqual(source.info.shape);
      for (let z = 0; z < opened.shape[0]; z++) {
        expect(opened.sections[z]).toEqual([...(await source.read(z)).data]);
      }
      await source.close();
    });
  });

  it('gets the labels that Node gets on WebGPU, where there is an adapter', {
    timeout: 1_200_000,
  }, async (context) => {
    const page = await openPage('webgpu');
    const adapter = await page.evaluate(async () => {
      const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<object | null> } };
      return Boolean(await gpu?.requestAdapter());
    });
    if (!adapter) context.skip('the browser gives no WebGPU adapter');
    const { segmented, failed } = await ask(page, {
      kind: 'segment',
      phantom: small,
      device: 'webgpu',
      threads: 1,
      model: '/model.kyn',
    });
    expect(failed).toBeUndefined();
    if (!segmented) throw new Error('no labels came');
    const node = await segmentInNode(small);
    expect(segmented.runtime).toMatch(/webgpu/);
    expect(differences(segmented.raw, node.raw)).toBe(0);
    const scores = await evaluate({
      segmentation: labelSource(segmented.labels, small.shape),
      truth: node.labels,
    });
    tell(segmented, scores.arand);
    expect(scores.arand).toBeLessThanOrEqual(SAME_LABELS);
  });
});

/** The fixture as served files: itself, or all files of the folder. */
function served(name: string): { url: string; path: string }[] {
  const entries = /\.(h5|tif)$/.test(name)
    ? [name]
    : readdirSync(join(FIXTURES, name), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(FIXTURES.length + 1)
            .replaceAll('\\', '/'),
        );
  return entries.map((path) => ({ url: `/fixtures/${path}`, path }));
}

/** Bytes that are not the same. */
function differences(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((sum, value, i) => sum + (value === b[i] ? 0 : 1), 0);
}
