import { createMemoryStore, runPipeline, type SectionSource, subvolume } from '@kyn/core';
import { expect, it } from 'vitest';
import { encodeModel } from '../model/kyn-model.ts';
import { createPredictor } from '../model/predictor.ts';
import { nodeRuntime } from '../runtime/node.ts';
import { checkSections } from './check.ts';
import { cellSections, painting, SHAPE, smallSegmenter } from './testing/square-cells.ts';

it('sees of a model what whoever segments with it will see, without a linker too', async () => {
  const runtime = await nodeRuntime({ threads: 1 });
  const model = await smallSegmenter(runtime, 60);
  const source = cellSections({ membrane: 100, cell: 150, noise: 100 });
  const region = { min: [0, 0], max: [SHAPE[1], SHAPE[2]] } as const;
  const [{ neurons }] = await checkSections(runtime, model, source, [painting(2)], [region]);

  const around = subvolume(source, { bbox: { min: [1, 0, 0], max: [4, undefined, undefined] } });
  const store = createMemoryStore();
  const predictor = await createPredictor(runtime, encodeModel(model), 'small');
  await runPipeline({ source: around as SectionSource, predictor }, store);
  expect(neurons.data).toEqual(store.segmentation[1].data);
});
