import {
  createMemoryStore,
  fitLinkModel,
  type LabelSection,
  ndarray,
  networkView,
  PairExamples,
  PIPELINE_DEFAULTS,
  runPipeline,
  type SectionPairs,
} from '@kyn/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeModel, type KynModel } from '../model/kyn-model.ts';
import { createPredictor } from '../model/predictor.ts';
import { nodeRuntime } from '../runtime/node.ts';
import type { Runtime } from '../runtime/session.ts';
import { LINKER_DEFAULTS, trainLinker } from '../train/linker.ts';
import { ADAPT_DEFAULTS, adaptModel } from './adapt.ts';
import { recalibrateLinks } from './recalibrate-links.ts';
import {
  CLEAR,
  cellSections,
  cellVolume,
  neuronAt,
  painting,
  SHAPE,
  smallSegmenter,
} from './testing/square-cells.ts';

const source = cellSections(CLEAR);
const own = (neuron: number): number => neuron;

function truth(z: number): LabelSection {
  const [, height, width] = SHAPE;
  const ids = Uint32Array.from({ length: height * width }, (_, p) =>
    neuronAt(Math.floor(p / width), p % width, z),
  );
  return ndarray(ids, [height, width]);
}

/** The model with affinities between sections and a classifier of the cells' links. */
async function linked(runtime: Runtime, base: KynModel): Promise<KynModel> {
  const options = { ...LINKER_DEFAULTS, size: 32, batch: 2, transfer: 'frozen' } as const;
  const schedule = { ...LINKER_DEFAULTS.schedule, steps: 10, rate: 1e-2, warmup: 2 };
  const card = { description: 'links', licence: 'none', data: [], command: 'none' };
  const run = { checkpointEvery: 10, recordEvery: 10, queue: { workers: 0 } };
  const { model } = await trainLinker(
    runtime,
    [await cellVolume(CLEAR)],
    base,
    { ...options, schedule },
    card,
    run,
  );
  const examples = new PairExamples();
  const predictor = await createPredictor(runtime, encodeModel(model), 'small');
  const onPairs = ({ lowerZ, upperZ, lower, upper, pairs, upperEdges }: SectionPairs): void => {
    examples.add(pairs, [lower, upper], upperEdges, [truth(lowerZ), truth(upperZ)], 1, lowerZ % 2 === 1);
  };
  await runPipeline({ source, predictor, onPairs }, createMemoryStore(), PIPELINE_DEFAULTS);
  await predictor.close();
  return { ...model, linker: fitLinkModel(examples).model };
}

describe('links of an adapted model', () => {
  let runtime: Runtime;
  let model: KynModel;

  beforeAll(async () => {
    runtime = await nodeRuntime({ threads: 1 });
    model = await linked(runtime, await smallSegmenter(runtime, 80));
  });

  it('are calibrated anew where neighbours are painted with common numbers; the trees stay', async () => {
    const painted = [1, 2, 3, 4].map((z) => painting(z, own));
    const found = await recalibrateLinks(
      runtime,
      model,
      await networkView(source, { network: undefined }),
      painted,
    );
    expect(found?.reliability.rows).toBeGreaterThan(30);
    expect(found?.reliability.calibrationError).toBeLessThan(0.1);
    expect(found?.model.linker?.cross.trees).toEqual(model.linker?.cross.trees);
    expect(found?.model.linker?.cross.calibration).not.toEqual(model.linker?.cross.calibration);
  });

  it('are left as they are for lone sections, one number for all cells, and numbers that mean nothing', async () => {
    const shuffled = (z: number) => painting(z, (neuron) => 1 + ((neuron * (z + 3) * 37) % 211));
    for (const painted of [
      [painting(1, own), painting(3, own)],
      [painting(2), painting(3)],
      [shuffled(2), shuffled(3)],
    ]) {
      expect(
        await recalibrateLinks(runtime, model, await networkView(source, { network: undefined }), painted),
      ).toBeUndefined();
    }
  });

  it('stand on what the network said of neighbours before the segmenter was trained on', async () => {
    const faint = cellSections({ membrane: 100, cell: 150, noise: 100 });
    const {
      helped,
      links,
      model: adapted,
    } = await adaptModel(
      runtime,
      { model, modelName: 'small', source: faint, painted: [painting(2)], command: '' },
      { ...ADAPT_DEFAULTS, steps: 100, rate: 5e-3, warmup: 5, size: 32, batch: 4 },
    );
    expect(helped).toBe(true);
    expect(links?.kept).toBeGreaterThan(0.3);
    expect(links?.kept).toBeLessThan(1);
    expect(adapted.description.segmenter.cross).toEqual(model.description.segmenter.cross);
    expect(adapted.linker).toEqual(model.linker);
    const predictor = await createPredictor(runtime, encodeModel(adapted), 'adapted');
    const store = createMemoryStore();
    await runPipeline({ source: faint, predictor, linker: predictor.linker }, store, PIPELINE_DEFAULTS);
    await predictor.close();
    expect(store.graph?.count).toBeGreaterThan(0);
  });
});
