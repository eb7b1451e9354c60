/**
 * Adapts a model to a new kind of images from one to a few painted sections: its segmenter is trained on from its own
 * weights. Whether that helps is checked on a part of every painted section that the training does not see; if it
 * does, the training is done once more with all that is painted, and else the model stays as it is.
 */
import {
  KynError,
  type LabelSection,
  type Membranes,
  meanScores,
  type NdArray,
  type NetworkView,
  ndarray,
  networkView,
  type Reliability,
  type Scores,
  type SectionSource,
  type StageContext,
} from '@kyn/core';
import type { KynModel } from '../model/kyn-model.ts';
import { segmenterShape } from '../nets/segmenter.ts';
import type { Runtime } from '../runtime/session.ts';
import type { TrainRecord } from '../train/checkpoint.ts';
import {
  SEGMENTER_DEFAULTS,
  type SegmenterOptions,
  type SegmenterStart,
  trainSegmenter,
} from '../train/segmenter.ts';
import { carryCross } from './carry-cross.ts';
import { checkSections, type SectionCheck } from './check.ts';
import { heldBackRegion } from './held-back.ts';
import type { PaintedSection } from './painting.ts';
import { recalibrateLinks } from './recalibrate-links.ts';
import { type Region, type SeenSection, seePainted, shrinkProfiles, trainingVolume } from './sections.ts';

export interface AdaptOptions {
  /** Steps of a training; it is done twice where it helps. */
  readonly steps: number;
  /** Highest learning rate. */
  readonly rate: number;
  /** Steps of the warm-up. */
  readonly warmup: number;
  /** Side of a patch, px of the network, and patches a step. */
  readonly size: number;
  readonly batch: number;
  readonly seed: number;
  /** Share of what is painted that is kept from the first training, to check on. */
  readonly heldBack: number;
  /** The check's CREMI score must fall by this share, for the adapted model to be taken: less is chance. */
  readonly leastGain: number;
  /** All of it ends by then, with fewer steps where they take too long. */
  readonly seconds: number;
}

export const ADAPT_DEFAULTS: AdaptOptions = {
  steps: 500,
  rate: 5e-4,
  warmup: 20,
  size: 160,
  batch: 5,
  seed: 1,
  heldBack: 0.25,
  leastGain: 0.05,
  seconds: 600,
};

/** The final training is taken if it made more than this share of the check's steps. */
const FEW = 0.7;

export interface AdaptInput {
  readonly model: KynModel;
  /** For messages. */
  readonly modelName: string;
  readonly source: SectionSource;
  readonly painted: readonly PaintedSection[];
  /** What membranes look like; without it, it is told from a few sections. */
  readonly membranes?: Membranes | undefined;
  /** The command, for the model's card. */
  readonly command: string;
}

/** One painted section and what was made of the part of it that training did not see. */
export interface AdaptedSection {
  readonly z: number;
  readonly name: string;
  /** Profiles painted. */
  readonly profiles: number;
  /** On the part held back; undefined where no cell is painted there. */
  readonly scores: { readonly before: Scores; readonly after: Scores } | undefined;
  readonly picture: SectionPicture;
}

/** All in the network's pixels. */
export interface SectionPicture {
  /** Grey values as the network sees them, `[height, width]`. */
  readonly image: NdArray<Float32Array>;
  /** Painted profiles: 0 membrane, `UNPAINTED`. */
  readonly painted: LabelSection;
  /** What the model made of it as it was, and the one that did not see the part held back. */
  readonly before: LabelSection;
  readonly after: LabelSection;
  readonly heldBack: Region;
}

export interface Adaptation {
  /** The better of the two: adapted, or the very model that was given. */
  readonly model: KynModel;
  readonly helped: boolean;
  /** Means over the parts held back, of the model as it was and of the one that did not see them. */
  readonly before: Scores;
  readonly after: Scores;
  readonly sections: readonly AdaptedSection[];
  /** What became of the linker, where the adapted model has one. */
  readonly links?: {
    /** Share of the variance of affinities between sections that was carried over to the new features, 0..1. */
    readonly kept: number;
    /** On the pairs of painted neighbours; undefined where there are none. */
    readonly recalibrated: Reliability | undefined;
  };
  /** Steps of the check's training, and of the one with all that is painted; undefined where that was not taken. */
  readonly steps: { readonly check: number; readonly final: number | undefined };
  readonly seconds: number;
  /** Curves of the last training. */
  readonly history: readonly TrainRecord[];
}

/**
 * @throws KynError `model` where the model has no weights to train from, `content` where what is painted can't be
 * used, `cancelled`, and whatever the source throws.
 */
export async function adaptModel(
  runtime: Runtime,
  input: AdaptInput,
  options: AdaptOptions = ADAPT_DEFAULTS,
  context: StageContext = {},
): Promise<Adaptation> {
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  const job = await prepare(runtime, input, options, context);
  const checkStarted = elapsed();
  const before = await check(job, input.model);
  const meanBefore = meanOf(before);
  // as long again for the second check, and for what follows the training
  const reserved = elapsed() - checkStarted;
  const seconds = (): number => options.seconds - elapsed() - reserved;
  const trial = await fineTune(job, 'cross-check', (seconds() - reserved) / 2, job.regions);
  const after = await check(job, trial.model);
  const mean = { before: meanBefore, after: meanOf(after) };
  const helped = isBetter(mean, options);
  const whole = helped ? await fineTune(job, 'adapt', seconds()) : undefined;
  // a training that ran out of time is no match for one that did not
  const final = whole && stepsOf(whole) > FEW * stepsOf(trial) ? whole : trial;
  const links = helped ? await recalibrated(job, final) : undefined;
  return {
    helped,
    model: helped ? withFigures(links?.model ?? final.model, mean) : input.model,
    ...(links ? { links: { kept: links.kept, recalibrated: links.reliability } } : {}),
    ...mean,
    sections: job.sections.map((section, i) => compared(job, section, job.regions[i], before[i], after[i])),
    steps: { check: stepsOf(trial), final: final === trial ? undefined : stepsOf(final) },
    seconds: elapsed(),
    history: final.history,
  };
}

/** The CREMI score decides: one that only one of VOI and ARAND betters by a hair is not better. */
export function isBetter(
  { before, after }: Pick<Adaptation, 'before' | 'after'>,
  { leastGain }: Pick<AdaptOptions, 'leastGain'>,
): boolean {
  return after.cremi < (1 - leastGain) * before.cremi;
}

/** @throws KynError `content` where nothing was scored. */
function meanOf(checks: readonly SectionCheck[]): Scores {
  const scored = checks.flatMap(({ scores }) => scores ?? []);
  if (scored.length > 0) return meanScores(scored);
  throw new KynError('content', 'no painted cell lies in the parts held back to check on', {
    hint: 'paint a larger piece of a section, with whole cells',
  });
}

/** What all parts of the work share. */
interface Job {
  readonly runtime: Runtime;
  readonly input: AdaptInput;
  readonly start: SegmenterStart;
  readonly training: SegmenterOptions;
  readonly view: NetworkView;
  readonly sections: readonly SeenSection[];
  /** What is held back of each section. */
  readonly regions: readonly Region[];
  readonly context: StageContext;
}

async function prepare(
  runtime: Runtime,
  input: AdaptInput,
  options: AdaptOptions,
  context: StageContext,
): Promise<Job> {
  const { model, modelName, source, painted, membranes } = input;
  const { voxelSizeNm, offsets, contextSections, network, cross } = model.description.segmenter;
  if (!model.weights || !network) {
    throw new KynError('model', 'the model holds no weights to train on from', {
      where: modelName,
      hint: 'take base, or a model that kyn train segmenter or kyn adapt wrote',
    });
  }
  const view = await networkView(source, { network: { voxelSizeNm }, membranes }, context);
  const least = model.description.segmenter.tileMultiple;
  if (Math.min(...view.imagePlan.small) < least) {
    throw new KynError(
      'shape',
      `sections of ${view.imagePlan.full.join('×')} pixels are too small to train on`,
      {
        where: source.info.location,
        hint: `they need ${least}×${least} pixels of the network`,
      },
    );
  }
  const sections = await seePainted(view, painted, contextSections);
  const empty = painted.filter(({ z }) => !sections.some((section) => section.painted.z === z));
  if (sections.length === 0) {
    throw new KynError('content', 'the painted sections are empty or constant', {
      where: source.info.location,
    });
  }
  if (empty.length > 0) {
    context.onNote?.(
      `painted, but empty or constant sections are left out: ${empty.map((each) => each.name).join(', ')}`,
    );
  }
  const { steps, rate, warmup, size, batch, seed } = options;
  const schedule = { ...SEGMENTER_DEFAULTS.schedule, steps, rate, warmup: Math.min(warmup, steps) };
  return {
    runtime,
    input,
    start: {
      shape: segmenterShape({ ...network, offsets, contextSections, ...cross }),
      weights: model.weights,
    },
    training: {
      ...SEGMENTER_DEFAULTS,
      ...network,
      ...{ offsets, contextSections, voxelSizeNm, size, batch, seed, schedule },
    },
    view,
    sections,
    regions: sections.map((section, i) => heldBackRegion(section.painted, options.heldBack, i % 2 === 0)),
    context,
  };
}

function check({ runtime, view, sections, regions, context }: Job, model: KynModel): Promise<SectionCheck[]> {
  const painted = sections.map((section) => section.painted);
  return checkSections(runtime, model, view, painted, regions, context.signal);
}

interface FineTuned {
  readonly model: KynModel;
  /** Share of what links are judged on that was carried over; undefined for a model that says nothing of links. */
  readonly kept?: number;
  readonly history: readonly TrainRecord[];
}

/**
 * Trains on from the model's weights, and puts its affinities between sections onto the new features.
 * @param without parts of the sections that are left out
 */
async function fineTune(
  job: Job,
  stage: string,
  seconds: number,
  without?: readonly Region[],
): Promise<FineTuned> {
  const trained = await trainOn(job, stage, seconds, without);
  const { runtime, input, sections } = job;
  if (!input.model.description.segmenter.cross) return trained;
  const seen = sections.map((section) => section.seen);
  return { ...trained, ...(await carryCross(runtime, input.model, trained.model, seen)) };
}

/** The linker calibrated anew, where neighbours are painted. */
async function recalibrated({ runtime, view, sections, context }: Job, { model, kept }: FineTuned) {
  if (kept === undefined) return undefined;
  const painted = sections.map((section) => section.painted);
  const found = await recalibrateLinks(runtime, model, view, painted, context.signal);
  return { model, kept, reliability: undefined, ...found };
}

async function trainOn(
  { runtime, input, start, training, view, sections, context }: Job,
  stage: string,
  seconds: number,
  without?: readonly Region[],
) {
  const volumes = sections.map((section, i) =>
    trainingVolume(section, view.imagePlan, training.voxelSizeNm, without?.[i]),
  );
  const { name, card } = input.model.description;
  const { steps } = training.schedule;
  return trainSegmenter(
    runtime,
    volumes,
    training,
    name,
    {
      description: `${card.description} Adapted to ${sections.length} painted sections.`,
      licence: card.licence,
      data: [...card.data, ...sections.map(({ painted }) => `painted section ${painted.name}`)],
      command: input.command,
    },
    {
      ...(context.signal ? { signal: context.signal } : {}),
      seconds,
      checkpointEvery: steps,
      recordEvery: 10,
      onRecord: ({ step, values }) =>
        context.onProgress?.({
          stage,
          done: step,
          total: steps,
          unit: `steps (loss ${values.loss.toFixed(3)})`,
        }),
    },
    start,
  );
}

function stepsOf({ model }: { readonly model: KynModel }): number {
  return model.description.card.figures.step;
}

/** The model with the check's figures on its card. */
function withFigures(model: KynModel, { before, after }: { before: Scores; after: Scores }): KynModel {
  const { description } = model;
  const figures = {
    step: description.card.figures.step,
    cremi_before: before.cremi,
    cremi_after: after.cremi,
    arand_before: before.arand,
    arand_after: after.arand,
    voi_before: before.voi,
    voi_after: after.voi,
  };
  return { ...model, description: { ...description, card: { ...description.card, figures } } };
}

function compared(
  { view }: Job,
  { painted, seen }: SeenSection,
  region: Region,
  before: SectionCheck,
  after: SectionCheck,
): AdaptedSection {
  const plan = view.imagePlan;
  const small = ({ data }: LabelSection): LabelSection => ndarray(shrinkProfiles(data, plan), plan.small);
  const place = ([y, x]: readonly [number, number]): [number, number] => [
    Math.round((y * plan.small[0]) / plan.full[0]),
    Math.round((x * plan.small[1]) / plan.full[1]),
  ];
  return {
    z: painted.z,
    name: painted.name,
    profiles: painted.count,
    scores: before.scores && after.scores && { before: before.scores, after: after.scores },
    picture: {
      image: seen[seen.length >> 1],
      painted: small(painted.profiles),
      before: small(before.neurons),
      after: small(after.neurons),
      heldBack: { min: place(region.min), max: place(region.max) },
    },
  };
}
