import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  createMemoryStore,
  evaluate,
  evaluatePerSlice,
  KynError,
  type LabelSection,
  type LabelSource,
  PIPELINE_DEFAULTS,
  runPipeline,
} from '@kyn/core';
import { encodePng } from '@kyn/io';
import { writeFileAtomic } from '@kyn/io/node';
import {
  type Batch,
  createPredictor,
  encodeModel,
  type KynModel,
  SEGMENTER_DEFAULTS,
  type SegmenterOptions,
  sampleSheet,
  type TrainRecord,
  trainingReport,
  trainSegmenter,
} from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { type CommandContext, defineCommand } from '../command.ts';
import { flag, integer, number, required, text, texts, usageError } from '../options.ts';
import { loadRecipeVolumes, openRecipeVolume, type Recipe, readRecipe } from '../training-recipe.ts';

const CHECKPOINT_STEPS = 250;
const RECORD_STEPS = 10;

export const trainSegmenterCommand = defineCommand({
  name: 'train segmenter',
  summary: 'train the 2D network on labelled volumes',
  description: `Trains the network that finds membranes, on ONNX Runtime, and writes a model. Volumes come from
--volume files (CREMI layout: raw and neuron_ids) or from a recipe, which can mix real volumes, phantoms,
and EM drawn over given labels. The run's folder holds the checkpoint, the newest model and report.html.`,
  operands: [],
  options: {
    out: required(text('FILE.kyn', 'the model to write')),
    volume: texts('FILE', 'a labelled volume to train on (repeat, or separate by commas)'),
    validate: text('FILE', 'a labelled volume to validate on; never trained on'),
    recipe: text('FILE.json', 'volumes and settings; see models/base.recipe.json'),
    data: text('DIR', 'where the recipe’s volumes lie (default: the current folder)', '.'),
    run: text('DIR', 'the run’s folder (default: FILE.run)'),
    resume: flag('go on from the run’s checkpoint'),
    overwrite: flag('replace FILE.kyn and the run’s checkpoint'),
    steps: integer('N', `training steps (default: ${SEGMENTER_DEFAULTS.schedule.steps})`, { min: 1 }),
    rate: number('R', `highest learning rate (default: ${SEGMENTER_DEFAULTS.schedule.rate})`, { min: 0 }),
    seed: integer('N', 'which random numbers (default: the recipe’s, or 1)', { min: 0 }),
    workers: integer('N', 'threads that make samples (default: 1)', { min: 0, max: 64 }, 1),
  },
  examples: [
    {
      line: 'kyn train segmenter --volume a.h5,b.h5 --validate c.h5 --out lab.kyn',
      says: 'on volumes of your own',
    },
    {
      line: 'kyn train segmenter --recipe models/base.recipe.json --data ../shared/data --out base.kyn',
      says: 'the shipped model again',
    },
    { line: 'kyn train segmenter --volume a.h5 --out lab.kyn --resume', says: 'go on after a stop' },
  ],
  async run({ values, given }, context) {
    const recipe = values.recipe === undefined ? undefined : await readRecipe(values.recipe);
    if (!recipe && values.volume.length === 0) {
      throw usageError('train segmenter', 'nothing to train on', 'give --volume FILE or --recipe FILE.json');
    }
    const options = mergeOptions(recipe, values);
    const files = values.volume.map((source) => ({ source: resolve(source) }));
    const held = values.validate === undefined ? [] : [{ source: resolve(values.validate) }];
    const validation = [...(recipe?.validation ?? []), ...held];
    const folder = values.run ?? `${values.out}.run`;
    const checkpoint = join(folder, 'checkpoint.bin');
    if (values.resume && !existsSync(checkpoint)) {
      throw usageError('--resume', `there is no ${checkpoint}`, 'start without --resume');
    }
    const there = [checkpoint, values.out].find((path) => existsSync(path));
    if (there !== undefined && !values.resume && !values.overwrite) {
      throw new KynError('output', 'is there already', {
        where: there,
        hint: 'go on from its checkpoint with --resume, replace it with --overwrite, or name another --out',
      });
    }
    await mkdir(folder, { recursive: true });
    const volumes = await loadRecipeVolumes(
      [...(recipe?.volumes ?? []), ...files],
      values.data,
      context.stage,
    );
    const report = new RunReport(folder, options, recipe?.name ?? 'segmenter');
    const runtime = await nodeRuntime({ threads: values.threads }, context.stage.onNote);
    const total = options.schedule.steps;
    const { model, history } = await trainSegmenter(
      runtime,
      volumes,
      options,
      recipe?.name ?? 'segmenter',
      {
        description: recipe?.description ?? '2D membranes',
        licence: recipe?.licence ?? 'as the training data',
        data: recipe?.data ?? volumes.map((volume) => volume.name),
        command: commandLine(values, given),
      },
      {
        signal: context.signal,
        queue: { workers: values.workers },
        checkpointEvery: CHECKPOINT_STEPS,
        recordEvery: RECORD_STEPS,
        ...(values.resume ? { resume: { bytes: await readFile(checkpoint), where: checkpoint } } : {}),
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
        async onCheckpoint(bytes, now) {
          const model = now();
          await writeFileAtomic(join(folder, 'model.kyn'), encodeModel(model));
          const figures = await validate(model, validation, values, context);
          await writeFileAtomic(checkpoint, bytes);
          await report.write();
          return figures;
        },
      },
    );
    await mkdir(dirname(resolve(values.out)), { recursive: true });
    await writeFileAtomic(values.out, encodeModel(model));
    await report.write();
    const { figures } = model.description.card;
    const seconds = history.at(-1)?.seconds ?? 0;
    context.result(
      { out: values.out, run: folder, steps: figures.step, seconds, figures },
      `${values.out}: ${figures.step} steps in ${(seconds / 60).toFixed(1)} minutes; see ${join(folder, 'report.html')}`,
    );
  },
});

function mergeOptions(
  recipe: Recipe | undefined,
  values: { steps: number | undefined; rate: number | undefined; seed: number | undefined },
): SegmenterOptions {
  const { steps, rate, seed } = values;
  const schedule = { ...SEGMENTER_DEFAULTS.schedule, ...recipe?.options?.schedule };
  return {
    ...SEGMENTER_DEFAULTS,
    ...recipe?.options,
    ...(seed === undefined ? {} : { seed }),
    schedule: {
      ...schedule,
      ...(steps === undefined ? {} : { steps }),
      ...(rate === undefined ? {} : { rate }),
    },
  };
}

/** The command that was given, as far as it decides the model; paths as they were given. */
function commandLine(values: Readonly<Record<string, unknown>>, given: ReadonlySet<string>): string {
  const deciding = ['recipe', 'volume', 'validate', 'data', 'steps', 'rate', 'seed', 'out'];
  const parts = deciding.filter((key) => given.has(key)).map((key) => `--${key} ${String(values[key])}`);
  return ['kyn train segmenter', ...parts].join(' ');
}

/** Figures on the validation volumes: means over them. */
async function validate(
  model: KynModel,
  volumes: NonNullable<Recipe['validation']>,
  values: { data: string; threads: number | undefined },
  { signal }: CommandContext,
): Promise<Record<string, number> | undefined> {
  if (volumes.length === 0) return undefined;
  const runtime = await nodeRuntime({ threads: values.threads });
  const predictor = await createPredictor(runtime, encodeModel(model), 'the model in training');
  const sums = { validation: 0, voi: 0 };
  try {
    for (const volume of volumes) {
      const { raw: source, labels: truth } = await openRecipeVolume(volume, values.data);
      try {
        const store = createMemoryStore();
        await runPipeline({ source, predictor }, store, PIPELINE_DEFAULTS, { signal });
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
    private readonly folder: string,
    private readonly options: SegmenterOptions,
    private readonly name: string,
  ) {}

  showSamples(batch: Batch): void {
    const { data, width, height } = sampleSheet(batch);
    const png = Buffer.from(encodePng({ data, width, height, channels: 4 }));
    this.pictures.push({
      title: 'Samples: section, affinities, descriptors; red is masked',
      url: `data:image/png;base64,${png.toString('base64')}`,
    });
  }

  async write(): Promise<void> {
    const html = trainingReport(`Training of ${this.name}`, this.history, this.pictures, this.options);
    await writeFileAtomic(join(this.folder, 'report.html'), new TextEncoder().encode(html));
  }
}
