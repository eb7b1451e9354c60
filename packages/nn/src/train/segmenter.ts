/**
 * Trains the 2D segmenter: in-plane affinities at several distances, with local shape descriptors (Sheridan 2022)
 * as a second target that serves training only; and, where asked for, affinities with the neighbouring sections, which
 * are what sections are linked by (`linker.ts`).
 */
import { KynError, type Offset2, type Vec3 } from '@kyn/core';
import type { KynModel, ModelCard } from '../model/kyn-model.ts';
import { MODEL_FORMAT } from '../model/kyn-model.ts';
import { type Weights, weightsFit } from '../nets/layers.ts';
import {
  type SegmenterShape,
  segmenterHeads,
  segmenterLayout,
  segmenterNetwork,
  segmenterShape,
  segmenterUnet,
} from '../nets/segmenter.ts';
import { emptyWeights, transferWeights } from '../nets/transfer-weights.ts';
import { unetFlopPerPixel, unetMultiple } from '../nets/unet.ts';
import type { Runtime } from '../runtime/session.ts';
import { AUGMENT_DEFAULTS, type AugmentOptions } from '../sample/augment-options.ts';
import type { SampleSpec } from '../sample/spec.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import type { TrainRecord, TrainState } from './checkpoint.ts';
import { checksum } from './checksum.ts';
import { exportSegmenter } from './export.ts';
import { buildTrainStep, type TrainStep } from './train-step.ts';
import {
  averagedWeights,
  checkBlend,
  checkSize,
  freshState,
  SCHEDULE_DEFAULTS,
  type ScheduleOptions,
} from './trainer.ts';
import { runTraining, type TrainingRun, type TrainingTask } from './training-run.ts';

export interface SegmenterOptions {
  /** Channels at every level of the U-Net, finest first. */
  readonly widths: readonly number[];
  readonly offsets: readonly Offset2[];
  /** Sections on either side that the network sees beside the one it is asked about. */
  readonly contextSections: number;
  /** Pixels along each axis that a pixel of the finest level stands for. */
  readonly stem: number;
  /**
   * Asks for affinities with the neighbouring sections as well: in place, and with pixels of the next section this far
   * away. Undefined: not asked.
   */
  readonly displacements?: readonly Offset2[];
  /** How much more contested pixels count in affinities with the neighbouring sections: see `contestInPlace`; 0: all alike. */
  readonly contested: number;
  /** How much more moving pixels count within a section, and above 0 also small profiles: see `planeFactors`; 0: all alike. */
  readonly moving: number;
  /** Patches to train on, the same again and again; undefined: no limit. */
  readonly patches?: number;
  /**
   * Share (0..1) of the trained weights in those that are written; the rest of each is what the training started from, if it
   * had it: bears more than either alone (WiSE-FT, Wortsman et al. 2022).
   */
  readonly blend: number;
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
  widths: [32, 48, 64, 96, 128],
  offsets: reach.flatMap((d): Offset2[] => [
    [-d, 0],
    [0, -d],
  ]),
  contextSections: 1,
  stem: 2,
  contested: 0,
  moving: 0,
  blend: 1,
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

/** Weights of a segmenter that another one starts from, layer by layer of the same name. */
export interface SegmenterStart {
  readonly shape: SegmenterShape;
  readonly weights: Weights;
  /** They stay as they are: only heads that they do not have are trained. */
  readonly frozen?: boolean;
}

/** @throws KynError `model` where the weights are not of the shape. */
function checkStart({ shape, weights }: SegmenterStart): void {
  const layout = segmenterLayout(shape);
  if (weightsFit(layout, weights)) return;
  const { parameterCount, statisticCount } = layout;
  const [parameters, statistics] = [weights.parameters.length, weights.statistics.length];
  throw new KynError(
    'model',
    `the weights to start from are of another network: ${parameters} and ${statistics}, not ${parameterCount} and ${statisticCount}`,
  );
}

interface Segmenter {
  readonly shape: SegmenterShape;
  readonly step: TrainStep;
  readonly spec: SampleSpec;
  readonly start: SegmenterStart | undefined;
}

function defineSegmenter(options: SegmenterOptions, start?: SegmenterStart): Segmenter {
  const {
    size,
    batch,
    offsets,
    lsdSigma,
    augment,
    shrinkBorder,
    stem,
    displacements,
    contested,
    moving,
    patches,
  } = options;
  const shape = segmenterShape(options);
  checkSize(size, unetMultiple(segmenterUnet(shape)));
  const heads = segmenterHeads(shape);
  const sections = 1 + 2 * options.contextSections;
  const frozen = start?.frozen ? { layout: segmenterLayout(start.shape), weights: start.weights } : undefined;
  const step = buildTrainStep(segmenterNetwork(shape, frozen), {
    input: [batch, sections, size, size],
    affinities: heads.affinities + heads.cross,
    descriptors: heads.descriptors,
    descriptorWeight: options.lsdWeight,
    extents: [size / stem, size / stem],
  });
  const spec: SampleSpec = {
    size,
    batch,
    sections,
    cross: displacements !== undefined,
    ...(displacements ? { displaced: displacements, contested } : {}),
    moving,
    ...(patches === undefined ? {} : { patches }),
    offsets,
    lsdSigma,
    pixelNm: options.voxelSizeNm[1],
    augment,
    shrinkBorder,
  };
  return { shape, step, spec, start };
}

function toModel(
  { shape, step, start }: Segmenter,
  options: SegmenterOptions,
  state: TrainState,
  name: string,
  card: ModelCard,
): KynModel {
  const { widths, lsdSigma, stem, contextSections, offsets, voxelSizeNm, displacements } = options;
  const unet = segmenterUnet(shape);
  const layout = segmenterLayout(shape);
  const weights = emptyWeights(layout);
  if (start?.frozen) transferWeights({ layout: segmenterLayout(start.shape), ...start }, layout, weights);
  transferWeights({ layout: step.layout, weights: averagedWeights(state) }, layout, weights);
  if (start)
    transferWeights({ layout: segmenterLayout(start.shape), ...start }, layout, weights, options.blend);
  return {
    segmenter: exportSegmenter(shape, layout, weights),
    weights,
    description: {
      format: MODEL_FORMAT,
      name,
      segmenter: {
        voxelSizeNm,
        offsets,
        contextSections,
        ...(displacements ? { cross: { displacements, stride: stem } } : {}),
        network: { widths, stem, lsdSigma },
        tileMultiple: Math.max(...unetMultiple(unet)),
        ...TILE,
        flopPerPixel: Math.round(unetFlopPerPixel(unet)),
      },
      card,
    },
  };
}

function startState({ layout }: TrainStep, seed: number, start?: SegmenterStart): TrainState {
  const state = freshState(layout, seed);
  if (start && !start.frozen) {
    transferWeights({ layout: segmenterLayout(start.shape), weights: start.weights }, layout, state);
    state.average = state.parameters.slice();
  }
  return state;
}

/**
 * @param start where to start from; default: random weights
 * @param base card of the model that this one makes into one that links: it stays the model's, with the new one as its
 * linker's
 * @param card the model card; `figures` and `seed` are filled in.
 * @returns the trained model and its curves.
 * @throws KynError `model` if the weights to start from are of another network, `usage` for a `blend` beyond 0..1; as `runTraining`.
 */
export async function trainSegmenter(
  runtime: Runtime,
  volumes: readonly TrainingVolume[],
  options: SegmenterOptions,
  name: string,
  card: Omit<ModelCard, 'seed' | 'figures'>,
  run: TrainingRun,
  start?: SegmenterStart,
  base?: ModelCard,
): Promise<{ model: KynModel; history: readonly TrainRecord[] }> {
  checkBlend(options.blend);
  if (start) checkStart(start);
  const segmenter = defineSegmenter(options, start);
  const { step, spec } = segmenter;
  const { seed, schedule } = options;
  const { blend: _, ...trained } = options; // of the outcome, not of the training
  const task: TrainingTask = {
    step,
    spec,
    seed,
    schedule,
    stem: options.stem,
    settings: {
      ...trained,
      ...(start ? { start: checksum(start.weights.parameters), frozen: start.frozen === true } : {}),
    },
    start: () => startState(step, seed, start),
    model(state, figures) {
      const own = { ...card, seed, figures };
      return toModel(
        segmenter,
        options,
        state,
        name,
        base ? { ...base, linker: goingOn(base.linker, own) } : own,
      );
    },
  };
  return runTraining(runtime, volumes, task, run);
}

/** The card of a linker that was trained on from another: what that one was made of is a part of it. */
function goingOn(before: ModelCard['linker'], own: NonNullable<ModelCard['linker']>): ModelCard['linker'] {
  if (!before) return own;
  const data = [...new Set([...before.data, ...own.data])];
  return { ...own, data, command: `${before.command}; then ${own.command}` };
}
