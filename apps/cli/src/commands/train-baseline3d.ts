import { BASELINE3D_DEFAULTS, type Baseline3dModel, encodeBaseline3d, trainBaseline3d } from '@kyn/nn';
import { defineCommand } from '../command.ts';
import { runTrainingCommand, trainingOptions } from '../training-command.ts';

const kind = {
  name: 'baseline3d',
  description: '3D affinities',
  defaults: BASELINE3D_DEFAULTS,
  samples: 'a row a section: grey values, affinities in the plane, with the sections before',
  train: trainBaseline3d,
  encode: encodeBaseline3d,
  figures: ({ description }: Baseline3dModel) => description.card.figures,
};

export const trainBaseline3dCommand = defineCommand({
  name: 'train baseline3d',
  summary: 'train the 3D network that the 2D way is compared with',
  description: `Trains a 3D residual U-Net for affinities in the plane and between sections, from the same volumes and
recipes as \`train segmenter\`. The learning rate stays high until the last steps, so a run may go on with
more or fewer --steps as long as these have not begun.`,
  operands: [],
  options: trainingOptions(BASELINE3D_DEFAULTS, 'models/baseline3d.recipe.json'),
  examples: [
    {
      line: 'kyn train baseline3d --recipe models/baseline3d.recipe.json --data ../shared/data --out b.kyn',
      says: 'the shipped baseline again',
    },
    {
      line: 'kyn train baseline3d --volume a.h5 --out b.kyn --resume --steps 12000',
      says: 'train for longer',
    },
  ],
  run: (invocation, context) => runTrainingCommand(kind, invocation, context),
});
