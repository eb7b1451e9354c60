/**
 * Trains the 2D segmenter: in-plane affinities at several distances, with local shape descriptors (Sheridan 2022)
 * as a second target that serves training only.
 */
import { KynError, type Offset2, type Vec3 } from '@kyn/core';
import type { KynModel, ModelCard } from '../model/kyn-model.ts';
import { MODEL_FORMAT } from '../model/kyn-model.ts';
import type { Weights } from '../nets/layers.ts';
import { segmenterNetwork, segmenterUnet } from '../nets/segmenter.ts';
import { type UNetConfig, unetFlopPerPixel, unetMultiple } from '../nets/unet.ts';
import type { Runtime } from '../runtime/session.ts';
import { AUGMENT_DEFAULTS, type AugmentOptions } from '../sample/augment-options.ts';
import type { SampleSpec } from '../sample/spec.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import type { TrainRecord, TrainState } from './checkpoint.ts';
import { exportSegmenter } from './export.ts';
import { buildTrainStep, type TrainStep } from './train-step.ts';
import { averagedWeights, freshState, SCHEDULE_DEFAULTS, type ScheduleOptions } from './trainer.ts';
import { runTraining, type TrainingRun, type TrainingTask } from './training-run.ts';

export interface SegmenterOptions {
  /** Channels at every level of the U-Net, finest first. */
  readonly widths: readonly number[];
  readonly offsets: readonly Offset2[];
  /** Sections on either side that the network sees beside the one it is asked about: 0 or 1. */
  readonly contextSections: number;
  /** Window of the shape descriptors, px; 0 trains without them. */
  readonly lsdSigma: number;
  readonly lsdWeight: number;
  /** nm, zyx: the pixel size the network works at, and a typical section thickness. */
  readonly voxelSizeNm: Vec3;
  /** Side of a patch, px. */
  readonly size: number;
  readonly batch: number;
  readonly seed: number;
  readonly schedule: ScheduleOptions;
  readonly augment: AugmentOptions;
  /** Pixels of a label border that count as membrane at short distances. */
  readonly shrinkBorder: number;
}

const reach = [1, 3, 9, 27];

export const SEGMENTER_DEFAULTS: SegmenterOptions = {
  widths: [16, 32, 64, 96, 128],
  offsets: reach.flatMap((d): Offset2[] => [
    [-d, 0],
    [0, -d],
  ]),
  contextSections: 1,
  lsdSigma: 8,
  lsdWeight: 1,
  voxelSizeNm: [40, 10, 10],
  size: 256,
  batch: 2,
  seed: 1,
  schedule: SCHEDULE_DEFAULTS,
  augment: AUGMENT_DEFAULTS,
  shrinkBorder: 0,
};

/** Tiles for inference: large, since every edge costs a halo. */
const TILE = { tileSize: 1024, halo: 24 } as const;

interface Segmenter {
  readonly unet: UNetConfig;
  readonly step: TrainStep;
  readonly spec: SampleSpec;
}

function defineSegmenter(options: SegmenterOptions): Segmenter {
  const unet = segmenterUnet(options);
  const step = buildTrainStep(segmenterNetwork(unet), {
    input: [options.batch, unet.inputs, options.size, options.size],
    affinities: options.offsets.length,
    descriptors: unet.outputs - options.offsets.length,
    descriptorWeight: options.lsdWeight,
  });
  const { size, batch, offsets, lsdSigma, augment, shrinkBorder } = options;
  const pixelNm = options.voxelSizeNm[1];
  const sections = unet.inputs;
  const spec = { size, batch, sections, cross: false, offsets, lsdSigma, pixelNm, augment, shrinkBorder };
  return { unet, step, spec };
}

function toModel(
  { unet, step }: Segmenter,
  options: SegmenterOptions,
  state: TrainState,
  name: string,
  card: ModelCard,
): KynModel {
  const { widths, lsdSigma, contextSections, offsets, voxelSizeNm } = options;
  const { parameters, statistics } = averagedWeights(state);
  const weights = { parameters: parameters.slice(), statistics: statistics.slice() };
  return {
    segmenter: exportSegmenter(unet, step.layout, weights, offsets.length),
    weights,
    description: {
      format: MODEL_FORMAT,
      name,
      segmenter: {
        voxelSizeNm,
        offsets,
        contextSections,
        network: { widths, lsdSigma },
        tileMultiple: Math.max(...unetMultiple(unet)),
        ...TILE,
        flopPerPixel: Math.round(unetFlopPerPixel({ ...unet, outputs: offsets.length })),
      },
      card,
    },
  };
}

function startState({ layout }: TrainStep, seed: number, start?: Weights): TrainState {
  const { parameterCount, statisticCount } = layout;
  if (start && (start.parameters.length !== parameterCount || start.statistics.length !== statisticCount)) {
    const found = `${start.parameters.length} and ${start.statistics.length}`;
    throw new KynError(
      'model',
      `the weights to start from are of another network: ${found}, not ${parameterCount} and ${statisticCount}`,
    );
  }
  return freshState(layout, start ?? seed);
}

/**
 * @param start weights to start from; default: random ones
 * @param card the model card; `figures` and `seed` are filled in.
 * @returns the trained model and its curves.
 * @throws KynError `model` if the weights to start from are of another network; as `runTraining`.
 */
export async function trainSegmenter(
  runtime: Runtime,
  volumes: readonly TrainingVolume[],
  options: SegmenterOptions,
  name: string,
  card: Omit<ModelCard, 'seed' | 'figures'>,
  run: TrainingRun,
  start?: Weights,
): Promise<{ model: KynModel; history: readonly TrainRecord[] }> {
  const segmenter = defineSegmenter(options);
  const { step, spec } = segmenter;
  const { seed, schedule } = options;
  const task: TrainingTask = {
    step,
    spec,
    seed,
    schedule,
    settings: options,
    start: () => startState(step, seed, start),
    model: (state, figures) => toModel(segmenter, options, state, name, { ...card, seed, figures }),
  };
  return runTraining(runtime, volumes, task, run);
}
