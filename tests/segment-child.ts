/** Segments a small stack into the folder given, slowly, with the crude predictor: to be killed on the way. */
import { type Predictor, runPipeline } from '@kyn/core';
import { takeSegmentationFolder } from '@kyn/io/node';
import { cellStack } from '../packages/core/src/pipeline/testing/cells.ts';
import { crudePredictor } from '../packages/core/src/pipeline/testing/crude-predictor.ts';

export const SHAPE = [8, 96, 130] as const;
export const RUN = { input: 'cells', options: { seed: 1 } };

export function smallRun(delayMs = 0): {
  source: ReturnType<typeof cellStack>['source'];
  predictor: Predictor;
} {
  const { source } = cellStack({ shape: SHAPE, cells: 25 });
  const crude = crudePredictor();
  const predictor: Predictor = {
    ...crude,
    async predict(tiles, signal) {
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      return crude.predict(tiles, signal);
    },
  };
  return { source, predictor };
}

export async function segmentInto(folder: string, delayMs = 0, resume = false): Promise<void> {
  const { source, predictor } = smallRun(delayMs);
  const { voxelSizeNm = [40, 10, 10] } = source.info;
  const taken = await takeSegmentationFolder(folder, { shape: SHAPE, voxelSizeNm, run: RUN, resume });
  if (!taken.complete) await runPipeline({ source, predictor }, taken.store);
}

const [folder, delay] = process.argv.slice(2);
if (process.argv[1]?.endsWith('segment-child.mjs') && folder) await segmentInto(folder, Number(delay));
