/**
 * What the training commands share: their options, recipe and volumes, the run's folder with its checkpoint, newest
 * model and report, and validation by the whole pipeline.
 */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createMemoryStore,
  evaluate,
  evaluatePerSlice,
  isKynError,
  KynError,
  type LabelSection,
  type LabelSource,
  PHANTOM_DEFAULTS,
  runPipeline,
} from '@kyn/core';
import { checkWritable, encodePng, lockFolder, writeFileAtomic } from '@kyn/io/node';
import {
  type Batch,
  type ModelCard,
  openPredictor,
  type Runtime,
  type ScheduleOptions,
  sampleSheet,
  type TrainingRun,
  type TrainingVolume,
  type TrainRecord,
  trainingReport,
} from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import type { CommandContext, Invocation } from './command.ts';
import {
  type CommonValues,
  flag,
  integer,
  modelFile,
  number,
  output,
  required,
  seedRange,
  text,
  texts,
  usageError,
} from './options.ts';
import type { Recipe, RecipeVolume } from './recipe.ts';
import { refuseSamePlace } from './same-place.ts';
import { shellWord } from './shell-word.ts';
import {
  checkRecipeVolumes,
  loadRecipeVolumes,
  namedVolume,
  openRecipeVolume,
  readRecipe,
  showSameTissue,
} from './training-recipe.ts';

/** In the run's folder: where to go on from, the newest model, the report. */
const RUN_FILES = ['checkpoint.bin', 'model.kyn', 'report.html'] as const;
const CHECKPOINT_STEPS = 250;
const RECORD_STEPS = 10;

interface CommonOptions {
  readonly seed: number;
  /** Share of the trained weights in the model, 0..1; the others are those that training started from. */
  readonly blend: number;
  readonly schedule: ScheduleOptions;
}

/** A kind of network that a command trains. */
export interface TrainingKind<O extends CommonOptions, M> {
  /** The command is `train NAME`; also the name of a model without a recipe. */
  readonly name: string;
  /** What a model without a recipe is described as. */
  readonly description: string;
  readonly defaults: O;
  /** What the command line says beyond the options of every training: counts more than the recipe. */
  readonly chosen?: Partial<O>;
  /** Volumes that are read after the training: they are looked for before it. */
  readonly later?: readonly RecipeVolume[];
  /** Nothing is learned from samples: the volumes need not be read. */
  readonly withoutSamples?: boolean;
  /** Training starts from the weights of a model. */
  readonly hasStart: boolean;
  /** What the picture of samples shows. */
  readonly samples: string;
  train(
    runtime: Runtime,
    volumes: readonly TrainingVolume[],
    options: O,
    name: string,
    card: Omit<ModelCard, 'seed' | 'figures'>,
    run: TrainingRun<M>,
  ): Promise<{
    model: M;
    history: readonly TrainRecord[];
  }>;
  encode(model: M): Uint8Array;
  /** Figures of what was trained, for the result. */
  figures(model: M): Readonly<Record<string, number>>;
}

/** The options of a training command. */
export function trainingOptions({ schedule }: CommonOptions, recipe: string) {
  return {
    out: required(modelFile('the model to write')),
    volume: texts('FILE', 'a labelled volume to train on (repeat, or separate by commas)'),
    validate: text('FILE', 'a labelled volume to validate on; never trained on'),
    recipe: text('FILE.json', `volumes and settings; see ${recipe}`),
    data: text('DIR', 'where the recipe’s volumes lie (default: the current folder)', '.'),
    run: output(text('DIR', 'the run’s folder (default: FILE.kyn.run)')),
    resume: flag('go on from the run’s checkpoint'),
    overwrite: flag('replace FILE.kyn and the run’s files'),
    steps: integer('N', `training steps (default: ${schedule.steps})`, { min: 1 }),
    rate: number('R', `highest learning rate (default: ${schedule.rate})`, { min: 0 }),
    seed: integer('N', 'which random numbers (default: the recipe’s, or 1)', seedRange),
    workers: integer('N', 'threads that make samples (default: 1)', { min: 0, max: 64 }, 1),
  } as const;
}

type TrainingInvocation = Invocation<ReturnType<typeof trainingOptions>>;
type TrainingValues = TrainingInvocation['values'];

/** Training steps are graphs for the CPU. */
export function refuseDevice({ device }: CommonValues): void {
  if (device !== 'webgpu') return;
  throw usageError('--device webgpu', 'training runs on the CPU', 'leave the option out');
}

/** Trains as the command line says, and writes the model. */
export async function runTrainingCommand<O extends CommonOptions, M>(
  kind: TrainingKind<O, M>,
  invocation: TrainingInvocation,
  context: CommandContext,
): Promise<void> {
  const { values } = invocation;
  const command = `train ${kind.name}`;
  refuseDevice(values);
  const recipe = values.recipe === undefined ? undefined : await readRecipe<O>(values.recipe);
  if (!recipe && values.volume.length === 0) {
    throw usageError(command, 'nothing to train on', 'give --volume FILE or --recipe FILE.json');
  }
  const folder = values.run ?? `${values.out}.run`;
  const written = [...RUN_FILES.map((name) => join(folder, name)), values.out];
  const [checkpoint] = written;
  const goesOn = values.resume && existsSync(checkpoint);
  if (values.resume && !existsSync(folder)) {
    throw usageError('--resume', `there is no ${folder}`, 'start without --resume');
  }
  for (const volume of [...values.volume, values.validate]) {
    for (const path of written) refuseSamePlace(volume, path);
  }
  if (!values.overwrite && !goesOn) {
    // what a run leaves that was killed before its first checkpoint is replaced when it is asked to go on, a model never is
    if (values.resume) refuseExisting([values.out], '');
    else refuseExisting(written, 'go on from its checkpoint with --resume, ');
  }
  await checkWritable(values.out);
  const lock = await lockFolder(folder);
  if (values.resume && !goesOn) context.stage.onNote(`there is no ${checkpoint} yet: training starts anew`);
  try {
    await trainInFolder(kind, recipe, folder, goesOn, invocation, context);
  } finally {
    await lock.release();
  }
}

/** The same error, which says where it is so that what was trained stays. */
function resumable(error: unknown): unknown {
  if (!isKynError(error) || error.code !== 'cancelled') return error;
  return new KynError(error.code, error.message, {
    hint: 'the steps that are done stay: the same command with --resume goes on',
    cause: error,
  });
}

async function trainInFolder<O extends CommonOptions, M>(
  kind: TrainingKind<O, M>,
  recipe: Recipe<O> | undefined,
  folder: string,
  goesOn: boolean,
  { values, given }: TrainingInvocation,
  context: CommandContext,
): Promise<void> {
  const command = `train ${kind.name}`;
  const options = mergeOptions(kind, recipe, values);
  if (options.blend !== 1 && !kind.hasStart) {
    throw new KynError(
      'usage',
      `its blend of ${options.blend} is with weights that training starts from, and there are none`,
      {
        where: values.recipe,
        hint: 'leave blend out, or start from a model (--model of train linker and train baseline3d)',
      },
    );
  }
  const files = values.volume.map(namedVolume);
  const held = values.validate === undefined ? [] : [namedVolume(values.validate)];
  const validation = [...(recipe?.validation ?? []), ...held];
  const [checkpoint, newest, page] = RUN_FILES.map((name) => join(folder, name));
  await checkRecipeVolumes([...validation, ...(kind.later ?? [])], values.data);
  const wanted = kind.withoutSamples ? [] : [...(recipe?.volumes ?? []), ...files];
  for (const held of validation) {
    if (!wanted.some((volume) => showSameTissue(held, volume, values.data))) continue;
    const what = held.source ?? held.labels ?? `phantom ${held.phantom?.seed ?? PHANTOM_DEFAULTS.seed}`;
    context.stage.onNote(`warning: ${what} is trained on as well: its validation says little`);
  }
  const volumes = await loadRecipeVolumes(wanted, values.data, context.stage);
  // else a run that is stopped before its first checkpoint would be resumed from another's
  if (!goesOn) await rm(checkpoint, { force: true });
  const name = recipe?.name ?? kind.name;
  const report = new RunReport(page, options, name, kind.samples);
  const runtime = await nodeRuntime({ threads: values.threads }, context.stage.onNote);
  const total = options.schedule.steps;
  const card = {
    description: recipe?.description ?? kind.description,
    licence: recipe?.licence ?? 'as the training data',
    data: [...(recipe?.data ?? []), ...values.volume],
    command: commandLine(command, values, given),
  };
  const training = kind.train(runtime, volumes, options, name, card, {
    signal: context.signal,
    queue: { workers: values.workers },
    checkpointEvery: CHECKPOINT_STEPS,
    recordEvery: RECORD_STEPS,
    ...(goesOn ? { resume: { bytes: await readFile(checkpoint), where: checkpoint } } : {}),
    onRecord(record) {
      report.history.push(record);
      context.stage.onProgress({
        stage: 'train',
        done: record.step,
        total,
        unit: `steps (loss ${record.values.loss.toFixed(3)})`,
      });
    },
    onFirstBatch: (batch) => report.showSamples(batch),
    onPicture: (title, url) => report.show(title, url),
    async validate(model) {
      const encoded = kind.encode(model);
      await writeFileAtomic(newest, encoded);
      return validate(encoded, validation, values, context);
    },
    async onCheckpoint(bytes) {
      await writeFileAtomic(checkpoint, bytes);
      await report.write();
    },
  });
  const { model, history } = await training.catch((error: unknown) => {
    throw existsSync(checkpoint) ? resumable(error) : error;
  });
  await writeFileAtomic(values.out, kind.encode(model));
  await report.write();
  const figures = kind.figures(model);
  const { step, seconds } = history.at(-1) ?? { step: 0, seconds: 0 };
  const took = step === 0 ? '' : `${step} steps in ${(seconds / 60).toFixed(1)} minutes; `;
  context.result(
    { out: values.out, run: folder, steps: step, seconds, figures },
    `${values.out}: ${took}see ${page}`,
  );
}

/** Refuses to replace unasked what is there. @param instead what to do instead, first */
function refuseExisting(written: readonly string[], instead: string): void {
  const there = written.find((path) => existsSync(path));
  if (there === undefined) return;
  throw new KynError('output', 'is there already', {
    where: there,
    hint: `${instead}replace it with --overwrite, or name another --out`,
  });
}

function mergeOptions<O extends CommonOptions>(
  { defaults, chosen }: { readonly defaults: O; readonly chosen?: Partial<O> },
  recipe: Recipe<O> | undefined,
  { steps, rate, seed }: TrainingValues,
): O {
  const schedule = { ...defaults.schedule, ...recipe?.options?.schedule };
  return {
    ...defaults,
    ...recipe?.options,
    ...chosen,
    ...(seed === undefined ? {} : { seed }),
    schedule: {
      ...schedule,
      ...(steps === undefined ? {} : { steps }),
      ...(rate === undefined ? {} : { rate }),
    },
  };
}

/** The command that was given, as far as it decides the model; paths as they were given. */
function commandLine(command: string, values: object, given: ReadonlySet<string>): string {
  const deciding = [
    'model',
    'recipe',
    'volume',
    'validate',
    'data',
    'steps',
    'rate',
    'seed',
    'transfer',
    'patches',
    'classifier',
    'out',
  ];
  const told = Object.entries(values).filter(([key]) => deciding.includes(key) && given.has(key));
  told.sort(([a], [b]) => deciding.indexOf(a) - deciding.indexOf(b));
  const words = told.map(([key, value]) =>
    value === true ? `--${key}` : `--${key} ${shellWord(String(value))}`,
  );
  return [`kyn ${command}`, ...words].join(' ');
}

/** Figures on the validation volumes: means over them. */
async function validate(
  model: Uint8Array,
  volumes: NonNullable<Recipe<object>['validation']>,
  values: { data: string; threads: number | undefined },
  { signal }: CommandContext,
): Promise<Record<string, number> | undefined> {
  if (volumes.length === 0) return undefined;
  const runtime = await nodeRuntime({ threads: values.threads });
  const predictor = await openPredictor(runtime, model, 'the model in training');
  const sums = { validation: 0, voi: 0 };
  try {
    for (const volume of volumes) {
      const { raw: source, labels: truth } = await openRecipeVolume(volume, values.data);
      try {
        const store = createMemoryStore();
        await runPipeline({ source, predictor }, store, undefined, { signal });
        const segmentation = labelsOf(store.segmentation, truth);
        const { mean } = await evaluatePerSlice({ segmentation, truth }, { signal });
        const { voi } = await evaluate({ segmentation, truth }, { signal });
        sums.validation += mean.arand / volumes.length;
        sums.voi += voi / volumes.length;
      } finally {
        await Promise.all([source.close(), truth.close()]);
      }
    }
  } finally {
    await predictor.close();
  }
  return sums;
}

function labelsOf(sections: readonly LabelSection[], like: LabelSource): LabelSource {
  return { info: like.info, read: async (z) => sections[z], close: async () => {} };
}

/** The run's report, rewritten at every checkpoint. */
class RunReport {
  readonly history: TrainRecord[] = [];
  private readonly pictures: { title: string; url: string }[] = [];

  constructor(
    private readonly page: string,
    private readonly options: object,
    private readonly name: string,
    private readonly samples: string,
  ) {}

  showSamples(batch: Batch): void {
    const { data, width, height } = sampleSheet(batch);
    const png = Buffer.from(encodePng({ data, width, height, channels: 4 }));
    this.show(`Samples: ${this.samples}; red is masked`, `data:image/png;base64,${png.toString('base64')}`);
  }

  show(title: string, url: string): void {
    this.pictures.push({ title, url });
  }

  async write(): Promise<void> {
    const html = trainingReport(`Training of ${this.name}`, this.history, this.pictures, this.options);
    await writeFileAtomic(this.page, new TextEncoder().encode(html));
  }
}
