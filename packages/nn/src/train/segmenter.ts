/**
 * Trains the 2D segmenter: in-plane affinities at several distances, with local shape descriptors (Sheridan 2022)
 * as a second target that serves training only.
 */
import { type NdArray, ndarray, type Offset2, type Signal, type Vec3 } from '@kyn/core';
import type { KynModel, ModelCard } from '../model/kyn-model.ts';
import { MODEL_FORMAT } from '../model/kyn-model.ts';
import { type UNetConfig, unet2d, unetFeatures, unetFlopPerPixel, unetMultiple } from '../nets/unet.ts';
import type { Runtime } from '../runtime/session.ts';
import { AUGMENT_DEFAULTS, type AugmentOptions } from '../sample/augment-options.ts';
import type { Batch } from '../sample/batch.ts';
import { BatchQueue, type BatchQueueOptions } from '../sample/queue.ts';
import { LSD_CHANNELS, type SampleSpec } from '../sample/spec.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import { decodeCheckpoint, encodeCheckpoint, type TrainRecord, type TrainState } from './checkpoint.ts';
import { exportNetwork } from './export.ts';
import { buildTrainStep, type Network, type TrainStep } from './train-step.ts';
import { averagedWeights, freshState, SCHEDULE_DEFAULTS, type ScheduleOptions, train } from './trainer.ts';

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

export interface SegmenterRun {
  readonly signal?: Signal;
  readonly queue?: BatchQueueOptions;
  /** A checkpoint to go on from. */
  readonly resume?: { readonly bytes: Uint8Array; readonly where: string };
  /** Steps between calls of `onCheckpoint`. */
  readonly checkpointEvery: number;
  /** Steps between entries of the history. */
  readonly recordEvery: number;
  /** Told of every entry of the history, also of those before a resume. */
  onRecord?(record: TrainRecord): void;
  /** The first batch, for a picture of what the network sees. */
  onFirstBatch?(batch: Batch): void;
  /** State and model so far; figures that come back (a validation's) join the history. */
  onCheckpoint?(
    bytes: Uint8Array,
    model: () => KynModel,
  ): Promise<Readonly<Record<string, number>> | undefined>;
}

interface Segmenter {
  readonly config: UNetConfig;
  readonly network: Network;
  readonly step: TrainStep;
  readonly spec: SampleSpec;
  readonly channels: number;
}

function defineSegmenter(options: SegmenterOptions): Segmenter {
  const descriptors = options.lsdSigma > 0 ? LSD_CHANNELS : 0;
  const channels = options.offsets.length + descriptors;
  const sections = 1 + 2 * options.contextSections;
  const config = unet2d(options.widths, channels, sections);
  const network: Network = (layers, input) =>
    layers.head('head', unetFeatures(layers, config, input), config.outputs);
  const step = buildTrainStep(network, {
    input: [options.batch, sections, options.size, options.size],
    affinities: options.offsets.length,
    descriptors,
    descriptorWeight: options.lsdWeight,
  });
  const { size, batch, offsets, lsdSigma, augment, shrinkBorder } = options;
  const pixelNm = options.voxelSizeNm[1];
  const spec = { size, batch, sections, cross: false, offsets, lsdSigma, pixelNm, augment, shrinkBorder };
  return { config, network, step, spec, channels };
}

function toModel(
  segmenter: Segmenter,
  options: SegmenterOptions,
  state: TrainState,
  name: string,
  card: ModelCard,
): KynModel {
  const { config, network, step } = segmenter;
  const { widths, lsdSigma, contextSections } = options;
  const { parameters, statistics } = averagedWeights(state);
  const weights = { parameters: parameters.slice(), statistics: statistics.slice() };
  const graph = exportNetwork(network, step.layout, weights, {
    input: [config.inputs, TILE.tileSize, TILE.tileSize],
    keep: options.offsets.length,
  });
  return {
    segmenter: graph,
    weights,
    description: {
      format: MODEL_FORMAT,
      name,
      segmenter: {
        voxelSizeNm: options.voxelSizeNm,
        offsets: options.offsets,
        contextSections,
        network: { widths, lsdSigma },
        tileMultiple: Math.max(...unetMultiple(config)),
        ...TILE,
        flopPerPixel: Math.round(unetFlopPerPixel({ ...config, outputs: options.offsets.length })),
      },
      card,
    },
  };
}

/**
 * @param card the model card; `figures` and `seed` are filled in.
 * @returns the trained model and its curves.
 * @throws KynError as `train`, and `usage` if a checkpoint belongs to other settings.
 */
export async function trainSegmenter(
  runtime: Runtime,
  volumes: readonly TrainingVolume[],
  options: SegmenterOptions,
  name: string,
  card: Omit<ModelCard, 'seed' | 'figures'>,
  run: SegmenterRun,
): Promise<{ model: KynModel; history: readonly TrainRecord[] }> {
  const segmenter = defineSegmenter(options);
  const { config, step, spec, channels } = segmenter;
  const settings = {
    options,
    volumes: volumes.map((volume) => [volume.name, volume.weight, volume.raw.shape]),
  };
  const state = run.resume
    ? decodeCheckpoint(run.resume.bytes, settings, run.resume.where)
    : freshState(step.layout, options.seed);
  for (const record of state.history) run.onRecord?.(record);
  const modelNow = (): KynModel => {
    const last =
      [...state.history].reverse().find((record) => 'validation' in record.values) ?? state.history.at(-1);
    const figures = { step: state.step, ...last?.values };
    return toModel(segmenter, options, state, name, { ...card, seed: options.seed, figures });
  };
  const queue = new BatchQueue(volumes, spec, options.seed, run.queue);
  const { batch: n, size } = options;
  const shaped = (data: Float32Array, c: number): NdArray<Float32Array> => ndarray(data, [n, c, size, size]);
  try {
    await train(runtime, step, state, {
      schedule: options.schedule,
      recordEvery: run.recordEvery,
      ...(run.signal ? { signal: run.signal } : {}),
      ...(run.onRecord ? { onRecord: run.onRecord } : {}),
      async batch(t) {
        const made = await queue.next(t);
        if (t === 1) run.onFirstBatch?.(made);
        return {
          input: shaped(made.input, config.inputs),
          target: shaped(made.target, channels),
          weight: shaped(made.weight, channels),
        };
      },
      async afterStep({ step: t }) {
        if (t % run.checkpointEvery !== 0 && t !== options.schedule.steps) return undefined;
        return run.onCheckpoint?.(encodeCheckpoint(state, settings), modelNow);
      },
    });
  } finally {
    await queue.close();
  }
  return { model: modelNow(), history: state.history };
}
