/**
 * Trains the 3D baseline that the 2D way is compared with: a residual symmetric U-Net (Lee 2017) over blocks of
 * sections, for affinities in the plane at several distances and with the sections before. It learns from the same
 * volumes, with the same augmentation and loss, as the segmenter does.
 */
import { KynError, type Offset2, type Vec3 } from '@kyn/core';
import type { Baseline3dModel } from '../model/baseline3d-model.ts';
import { MODEL_FORMAT, type ModelCard } from '../model/kyn-model.ts';
import { baseline3dLayout } from '../nets/baseline3d.ts';
import { type Weights, weightsFit } from '../nets/layers.ts';
import { emptyWeights, transferWeights, widenChannels } from '../nets/transfer-weights.ts';
import {
  residualUnet3d,
  type UNetConfig,
  unetFlopPerPixel,
  unetMultiple,
  unetNetwork,
} from '../nets/unet.ts';
import type { Runtime } from '../runtime/session.ts';
import { AUGMENT_DEFAULTS, type AugmentOptions } from '../sample/augment-options.ts';
import type { SampleSpec } from '../sample/spec.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import type { TrainRecord, TrainState } from './checkpoint.ts';
import { checksum } from './checksum.ts';
import { exportNetwork } from './export.ts';
import { SEGMENTER_DEFAULTS } from './segmenter.ts';
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

export interface Baseline3dOptions {
  /** Channels at every level of the U-Net, finest first. */
  readonly widths: readonly number[];
  readonly offsets: readonly Offset2[];
  /** How many sections before it a section has affinities with. */
  readonly zReach: readonly number[];
  /** nm, zyx: the pixel size the network works at, and a typical section thickness. */
  readonly voxelSizeNm: Vec3;
  /** Sections of a block, and its side, px. */
  readonly depth: number;
  readonly size: number;
  readonly batch: number;
  readonly seed: number;
  readonly schedule: ScheduleOptions;
  readonly augment: AugmentOptions;
  /** How much more contested pixels count in affinities between sections, see `contestInPlace`; 0: all alike. */
  readonly contested: number;
  /** How much more moving pixels and small profiles count within a section, see `planeFactors`; 0: all alike. */
  readonly moving: number;
  /** Share of the trained weights in those that are written, the rest are those that it started from (WiSE-FT, Wortsman 2022). */
  readonly blend: number;
  /** Pixels of a label border that count as membrane at short distances. */
  readonly shrinkBorder: number;
}

/** Two blocks a batch, so that batch normalisation has more than one look to go by. */
export const BASELINE3D_DEFAULTS: Baseline3dOptions = {
  widths: [16, 24, 32, 48, 64],
  offsets: SEGMENTER_DEFAULTS.offsets,
  zReach: [1, 2, 3],
  voxelSizeNm: [40, 10, 10],
  depth: 10,
  size: 112,
  batch: 2,
  seed: 1,
  schedule: { ...SCHEDULE_DEFAULTS, steps: 4500, decay: 3000 },
  augment: AUGMENT_DEFAULTS,
  contested: 0,
  moving: 0,
  blend: 1,
  shrinkBorder: 0,
};

/** Blocks for inference: large, since every face costs a halo; one takes about 0.8 GB. */
const BLOCK = { tileSize: 320, halo: 24, blockDepth: 32, haloDepth: 3 } as const;

interface Baseline3d {
  readonly unet: UNetConfig;
  readonly step: TrainStep;
  readonly spec: SampleSpec;
}

function defineBaseline(options: Baseline3dOptions): Baseline3d {
  const { widths, offsets, zReach, depth, size, batch, augment, contested, moving, shrinkBorder } = options;
  const affinities = offsets.length + zReach.length;
  const unet = residualUnet3d(widths, affinities);
  checkSize(size, unetMultiple(unet));
  const step = buildTrainStep(unetNetwork(unet), {
    input: [batch, 1, depth, size, size],
    affinities,
    descriptors: 0,
    descriptorWeight: 0,
  });
  const pixelNm = options.voxelSizeNm[1];
  const spec = {
    size,
    batch,
    sections: depth,
    zReach,
    contested,
    moving,
    offsets,
    lsdSigma: 0,
    pixelNm,
    augment,
    shrinkBorder,
  };
  return { unet, step, spec };
}

/**
 * The weights to start from, widened where the network is to have more channels.
 * @throws KynError `model` where the model has no weights, or those of another network.
 */
function startWeights(
  { layout }: TrainStep,
  { seed, offsets, zReach }: Baseline3dOptions,
  start: Baseline3dModel,
): Weights {
  const { weights, description } = start;
  const wrong = (what: string): KynError =>
    new KynError('model', what, {
      where: description.name,
      hint: 'give a model of kyn train baseline3d with no more channels, and the zReach of the options',
    });
  if (!weights) throw wrong('it carries no weights to start from');
  const narrow = baseline3dLayout(description.baseline3d.network.widths, offsets.length + zReach.length);
  if (!weightsFit(narrow, weights)) throw wrong('its network has another shape');
  return widenChannels({ layout: narrow, weights }, layout, seed);
}

function toModel(
  { unet, step }: Baseline3d,
  { voxelSizeNm, offsets, zReach, widths, blend }: Baseline3dOptions,
  state: TrainState,
  start: Weights | undefined,
  name: string,
  card: ModelCard,
): Baseline3dModel {
  const multiples = unetMultiple(unet);
  const { layout } = step;
  const weights = emptyWeights(layout);
  transferWeights({ layout, weights: averagedWeights(state) }, layout, weights);
  if (start) transferWeights({ layout, weights: start }, layout, weights, blend);
  return {
    graph: exportNetwork(unetNetwork(unet), layout, weights, [1, ...multiples]),
    weights,
    description: {
      format: MODEL_FORMAT,
      name,
      baseline3d: {
        voxelSizeNm,
        offsets,
        zReach,
        network: { widths },
        tileMultiple: Math.max(...multiples),
        ...BLOCK,
        flopPerPixel: Math.round(unetFlopPerPixel(unet)),
      },
      card,
    },
  };
}

/**
 * @param card the model card; `figures` and `seed` are filled in.
 * @param start where to start from; default: random weights
 * @returns the trained model and its curves.
 * @throws KynError `model` if what to start from has no weights of this shape, `usage` for a `blend` beyond 0..1; as `runTraining`.
 */
export async function trainBaseline3d(
  runtime: Runtime,
  volumes: readonly TrainingVolume[],
  options: Baseline3dOptions,
  name: string,
  card: Omit<ModelCard, 'seed' | 'figures'>,
  run: TrainingRun<Baseline3dModel>,
  start?: Baseline3dModel,
): Promise<{ model: Baseline3dModel; history: readonly TrainRecord[] }> {
  checkBlend(options.blend);
  const baseline = defineBaseline(options);
  const { step, spec } = baseline;
  const { seed, schedule } = options;
  const from = start && startWeights(step, options, start);
  const { blend: _, ...trained } = options; // of the outcome, not of the training
  const task: TrainingTask<Baseline3dModel> = {
    step,
    spec,
    seed,
    schedule,
    settings: { ...trained, ...(from ? { start: checksum(from.parameters) } : {}) },
    start: () => freshState(step.layout, from ?? seed),
    model: (state, figures) => toModel(baseline, options, state, from, name, { ...card, seed, figures }),
  };
  return runTraining(runtime, volumes, task, run);
}
