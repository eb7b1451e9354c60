import { BOOST_DEFAULTS, KynError } from '@kyn/core';
import {
  decodeModel,
  encodeModel,
  type KynModel,
  LINKER_DEFAULTS,
  type ModelCard,
  trainLinker,
} from '@kyn/nn';
import { defineCommand } from '../command.ts';
import { fitLinks, reliabilityDiagram } from '../link-examples.ts';
import { DEFAULT_MODEL, readModel } from '../model-file.ts';
import { choice, flag, flagOf, integer, text, usageError } from '../options.ts';
import { runTrainingCommand, type TrainingKind, trainingOptions } from '../training-command.ts';
import { namedVolume, readRecipe } from '../training-recipe.ts';

/** What says nothing where the classifier alone is fitted. */
const TRAINING_ONLY = [
  'steps',
  'rate',
  'seed',
  'workers',
  'validate',
  'resume',
  'transfer',
  'patches',
] as const;

export const trainLinkerCommand = defineCommand({
  name: 'train linker',
  summary: 'teach a segmenter which profiles of neighbouring sections are one neuron',
  description: `Transfers what a segmenter has learned: it is trained on to say as well which pixels of neighbouring
sections are one neuron, then a classifier learns from the pairs of fragments that it makes on the volumes, and is
calibrated on sections kept back. The model that is written does both.`,
  operands: [],
  options: {
    ...trainingOptions(LINKER_DEFAULTS, 'models/linker.recipe.json'),
    model: text('M', 'the segmenter to start from (default: base)', DEFAULT_MODEL),
    transfer: choice(
      ['frozen', 'tuned', 'scratch'],
      'the segmenter’s weights: kept, trained on, or not used, for comparison',
      LINKER_DEFAULTS.transfer,
    ),
    patches: integer('N', 'train on this many patches only, again and again', { min: 1 }),
    classifier: flag('keep the model’s network, and fit the classifier alone'),
  },
  examples: [
    {
      line: 'kyn train linker --model segmenter.kyn --recipe models/linker.recipe.json --data ../shared/data --out linker.kyn',
      says: 'from what kyn train segmenter made',
    },
    {
      line: 'kyn train linker --model linker.kyn --recipe models/wider.recipe.json --data ../shared/data --out wider.kyn',
      says: 'trained on with more sections in sight',
    },
    {
      line: 'kyn train linker --model wider.kyn --recipe models/broader.recipe.json --data ../shared/data --out broader.kyn',
      says: 'and on more synthetic EM',
    },
    {
      line: 'kyn train linker --model broader.kyn --recipe models/longer.recipe.json --data ../shared/data --out longer.kyn',
      says: 'and with three sections on either side',
    },
    {
      line: 'kyn train linker --model longer.kyn --recipe models/contested.recipe.json --data ../shared/data --out contested.kyn',
      says: 'and with what decides links counting more',
    },
    {
      line: 'kyn train linker --model contested.kyn --recipe models/moving.recipe.json --data ../shared/data --out moving.kyn',
      says: 'and within a section, too',
    },
    {
      line: 'kyn train linker --model moving.kyn --recipe models/channels.recipe.json --data ../shared/data --out base.kyn',
      says: 'and with half as many channels again: as the shipped model, which learned in PyTorch (CONTRIBUTING.md)',
    },
    {
      line: 'kyn train linker --volume a.h5 --out lab.kyn --model lab2d.kyn',
      says: 'on volumes of your own',
    },
  ],
  async run(invocation, context) {
    const { values, given } = invocation;
    const unused = values.classifier && TRAINING_ONLY.find((key) => given.has(key));
    if (unused) {
      throw usageError(flagOf(unused), 'is for training, and --classifier trains no network', 'leave it out');
    }
    const file = await readModel(values.model);
    const base = decodeModel(file.bytes, values.model);
    const recipe = values.recipe === undefined ? undefined : await readRecipe<object>(values.recipe);
    const volumes = [...(recipe?.pairs ?? []), ...values.volume.map(namedVolume)];
    if (recipe && volumes.length === 0) {
      throw usageError('--recipe', 'it has no pairs for the classifier', 'see models/linker.recipe.json');
    }
    if (values.classifier && !base.description.segmenter.cross) {
      throw new KynError('usage', 'the model says nothing of neighbouring sections', {
        where: '--classifier',
        hint: 'leave --classifier out, or give a model of kyn train linker with --model',
      });
    }
    const { transfer, patches } = values;
    const kind: TrainingKind<typeof LINKER_DEFAULTS, KynModel> = {
      name: 'linker',
      description: 'links between sections',
      defaults: LINKER_DEFAULTS,
      hasStart: true,
      chosen: {
        ...(given.has('transfer') ? { transfer } : {}),
        ...(patches === undefined ? {} : { patches }),
      },
      later: volumes,
      withoutSamples: values.classifier,
      samples: 'neighbouring sections, affinities in the middle one and with those beside it, descriptors',
      encode: encodeModel,
      figures: ({ description }) => description.card.linker?.figures ?? {},
      async train(runtime, training, options, _name, card, run) {
        const trained = values.classifier
          ? { model: fittedAnew(base, card, options.seed), history: [] }
          : await trainLinker(runtime, training, base, options, card, run);
        const fitted = await fitLinks(
          runtime,
          trained.model,
          volumes,
          values.data,
          BOOST_DEFAULTS,
          context.stage,
        );
        const { cross, plane, given, course, pairs } = fitted;
        run.onPicture?.('Links between sections, on sections kept back', reliabilityDiagram(cross));
        if (plane) run.onPicture?.('Touching fragments of one section', reliabilityDiagram(plane));
        if (given) run.onPicture?.('Links between true profiles', reliabilityDiagram(given));
        if (course) run.onPicture?.('The same, judged by their course', reliabilityDiagram(course));
        const { calibrationError, logLoss, precision, recall } = cross;
        const figures = { pairs, calibrationError, logLoss, precision, recall };
        return { model: withFigures(fitted.model, figures), history: trained.history };
      },
    };
    await runTrainingCommand(kind, invocation, context);
  },
});

/** The same network, whose card says that another classifier follows. */
function fittedAnew(
  model: KynModel,
  { description, licence, data, command }: Omit<ModelCard, 'seed' | 'figures'>,
  seed: number,
): KynModel {
  const { card } = model.description;
  const before = card.linker;
  const linker = {
    description: before?.description ?? description,
    licence,
    data: [...new Set([...(before?.data ?? []), ...data])],
    seed: before?.seed ?? seed,
    command: before ? `${before.command} && ${command}` : command,
    figures: before?.figures ?? {},
  };
  return { ...model, description: { ...model.description, card: { ...card, linker } } };
}

function withFigures(model: KynModel, figures: Readonly<Record<string, number>>): KynModel {
  const { card } = model.description;
  if (!card.linker) return model;
  const linker = { ...card.linker, figures: { ...card.linker.figures, ...figures } };
  return { ...model, description: { ...model.description, card: { ...card, linker } } };
}
