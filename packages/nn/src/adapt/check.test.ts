import {
  createMemoryStore,
  networkView,
  PIPELINE_DEFAULTS,
  runPipeline,
  type SectionSource,
  subvolume,
} from '@kyn/core';
import { beforeAll, expect, it } from 'vitest';
import { encodeModel, type KynModel } from '../model/kyn-model.ts';
import { createPredictor } from '../model/predictor.ts';
import { nodeRuntime } from '../runtime/node.ts';
import type { Runtime } from '../runtime/session.ts';
import { checkSections } from './check.ts';
import { CLEAR, cellSections, painting, SHAPE, smallSegmenter } from './testing/square-cells.ts';

const region = { min: [0, 0], max: [SHAPE[1], SHAPE[2]] } as const;
let runtime: Runtime;
let model: KynModel;

beforeAll(async () => {
  runtime = await nodeRuntime({ threads: 1 });
  model = await smallSegmenter(runtime, 250);
});

it('sees of a model what whoever segments with it will see, without a linker too', async () => {
  const source = cellSections({ membrane: 100, cell: 150, noise: 100 });
  const view = await networkView(source, { network: undefined });
  const [{ neurons }] = await checkSections(runtime, model, view, [painting(2)], [region]);

  const around = subvolume(source, { bbox: { min: [1, 0, 0], max: [4, undefined, undefined] } });
  const predictor = await createPredictor(runtime, encodeModel(model), 'small');
  const [own, linked] = [createMemoryStore(), createMemoryStore()];
  await runPipeline({ source: around as SectionSource, predictor }, own);
  expect(neurons.data).toEqual(own.segmentation[1].data);
  await runPipeline({ source: around as SectionSource, predictor }, linked, PIPELINE_DEFAULTS);
  expect(neurons.data).not.toEqual(linked.segmentation[1].data);
  await predictor.close();
});

it('takes membranes for what was decided for the whole stack, or said', async () => {
  const score = async (membranes?: 'bright') => {
    const view = await networkView(cellSections(CLEAR), { network: undefined, membranes });
    const [{ scores }] = await checkSections(runtime, model, view, [painting(2)], [region]);
    return scores?.arand ?? Number.NaN;
  };
  expect(await score()).toBeLessThan(0.1);
  expect(await score('bright')).toBeGreaterThan(0.3);
});
