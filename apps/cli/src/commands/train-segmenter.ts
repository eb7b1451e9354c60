import { encodeModel, type KynModel, SEGMENTER_DEFAULTS, trainSegmenter } from '@kyn/nn';
import { defineCommand } from '../command.ts';
import { runTrainingCommand, trainingOptions } from '../training-command.ts';

const kind = {
  name: 'segmenter',
  description: '2D membranes',
  defaults: SEGMENTER_DEFAULTS,
  hasStart: false,
  samples: 'section, affinities, descriptors',
  train: trainSegmenter,
  encode: encodeModel,
  figures: ({ description }: KynModel) => description.card.figures,
};

export const trainSegmenterCommand = defineCommand({
  name: 'train segmenter',
  summary: 'train the 2D network on labelled volumes',
  description: `Trains the network that finds membranes, on ONNX Runtime, and writes a model. Volumes come from
--volume files (CREMI layout: raw and neuron_ids) or from a recipe, which can mix real volumes, phantoms,
and EM drawn over given labels. The run's folder holds the checkpoint, the newest model and report.html.`,
  operands: [],
  options: trainingOptions(SEGMENTER_DEFAULTS, 'models/base.recipe.json'),
  examples: [
    {
      line: 'kyn train segmenter --volume a.h5,b.h5 --validate c.h5 --out lab.kyn',
      says: 'on volumes of your own',
    },
    {
      line: 'kyn train segmenter --recipe models/base.recipe.json --data ../shared/data --out segmenter.kyn',
      says: 'what the shipped model was before it was taught to link and given more channels',
    },
    { line: 'kyn train segmenter --volume a.h5 --out lab.kyn --resume', says: 'go on after a stop' },
  ],
  run: (invocation, context) => runTrainingCommand(kind, invocation, context),
});
