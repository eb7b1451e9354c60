import {
  BASELINE3D_DEFAULTS,
  type Baseline3dModel,
  decodeBaseline3d,
  encodeBaseline3d,
  trainBaseline3d,
} from '@kyn/nn';
import { defineCommand } from '../command.ts';
import { readModel } from '../model-file.ts';
import { text } from '../options.ts';
import { runTrainingCommand, type TrainingKind, trainingOptions } from '../training-command.ts';

export const trainBaseline3dCommand = defineCommand({
  name: 'train baseline3d',
  summary: 'train the 3D network that the 2D way is compared with',
  description: `Trains a 3D residual U-Net for affinities in the plane and between sections, from the same volumes and
recipes as \`train segmenter\`. The learning rate stays high until the last steps, so a run may go on with
more or fewer --steps, or a recipe's other \`decay\`, as long as these have not begun.`,
  operands: [],
  options: {
    ...trainingOptions(BASELINE3D_DEFAULTS, 'models/baseline3d.recipe.json'),
    model: text('M', 'a 3D model to start from (default: random weights)'),
  },
  examples: [
    {
      line: 'kyn train baseline3d --recipe models/baseline3d.recipe.json --data ../shared/data --out b.kyn',
      says: 'the first step of the shipped baseline (its card names all)',
    },
    {
      line: 'kyn train baseline3d --model baseline3d --volume a.h5 --out b.kyn --steps 1000',
      says: 'on from the shipped one, on a volume of your own',
    },
  ],
  async run(invocation, context) {
    const { model } = invocation.values;
    const start = model === undefined ? undefined : decodeBaseline3d((await readModel(model)).bytes, model);
    const kind: TrainingKind<typeof BASELINE3D_DEFAULTS, Baseline3dModel> = {
      name: 'baseline3d',
      description: '3D affinities',
      defaults: BASELINE3D_DEFAULTS,
      hasStart: start !== undefined,
      samples: 'a row a section: grey values, affinities in the plane, with the sections before',
      train: (...from) => trainBaseline3d(...from, start),
      encode: encodeBaseline3d,
      figures: ({ description }) => description.card.figures,
    };
    await runTrainingCommand(kind, invocation, context);
  },
});
