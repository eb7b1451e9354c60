/**
 * Trains the part of the linker that sees pixels: the segmenter is transferred to the question whether pixels of
 * neighbouring sections are one neuron. It gets a head for it on the features that it has learned for single sections, and
 * is trained on, for both questions (`tuned`). For comparison its features can stay as they are (`frozen`), or all
 * begins at nothing (`scratch`).
 */
import { KynError, type Offset2 } from '@kyn/core';
import type { KynModel, ModelCard } from '../model/kyn-model.ts';
import { segmenterLayout, segmenterShape } from '../nets/segmenter.ts';
import { widenChannels, widenContext } from '../nets/transfer-weights.ts';
import type { Runtime } from '../runtime/session.ts';
import { AUGMENT_DEFAULTS, type AugmentOptions } from '../sample/augment-options.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import type { TrainRecord } from './checkpoint.ts';
import { SEGMENTER_DEFAULTS, trainSegmenter } from './segmenter.ts';
import { SCHEDULE_DEFAULTS, type ScheduleOptions } from './trainer.ts';
import type { TrainingRun } from './training-run.ts';

/** What becomes of the segmenter's weights: kept, trained on, or not used. */
export type Transfer = 'frozen' | 'tuned' | 'scratch';

export interface LinkerOptions {
  readonly transfer: Transfer;
  /** How far apart, in pixels of the network, pixels of two sections may lie that are compared, besides in place. */
  readonly displacements: readonly Offset2[];
  /** How much more contested pixels count, see `SegmenterOptions`. */
  readonly contested: number;
  /** How much more moving pixels and small profiles count within a section, see `SegmenterOptions`. */
  readonly moving: number;
  /** Sections on either side that the network is to see; default: as many as the segmenter sees. */
  readonly contextSections?: number;
  /** Channels at every level, finest first; default: as many as the segmenter has. More start as `widenChannels` says. */
  readonly widths?: readonly number[];
  /** Patches to train on, the same again and again; undefined: no limit. */
  readonly patches?: number;
  /** Share of the trained weights in those that are written, see `SegmenterOptions`; without meaning from scratch. */
  readonly blend: number;
  readonly size: number;
  readonly batch: number;
  readonly seed: number;
  readonly schedule: ScheduleOptions;
  readonly augment: AugmentOptions;
}

/** Profiles this far apart may still be linked. */
const REACH = 8;

export const LINKER_DEFAULTS: LinkerOptions = {
  transfer: 'tuned',
  displacements: [
    [-REACH, 0],
    [REACH, 0],
    [0, -REACH],
    [0, REACH],
  ],
  contested: 4,
  moving: 2,
  blend: 1,
  size: 160,
  batch: 5,
  seed: 1,
  schedule: SCHEDULE_DEFAULTS,
  augment: AUGMENT_DEFAULTS,
};

/**
 * @param base the segmenter that is transferred; not changed
 * @param card of the linker; `figures` and `seed` are filled in
 * @returns the model with affinities between sections, without a classifier, and the curves
 * @throws KynError `model` where the base has no weights, or does not see neighbouring sections; `usage`
 * where it sees, or has, more than asked for; as `runTraining`.
 */
export async function trainLinker(
  runtime: Runtime,
  volumes: readonly TrainingVolume[],
  base: KynModel,
  { transfer, ...options }: LinkerOptions,
  card: Omit<ModelCard, 'seed' | 'figures' | 'linker'>,
  run: TrainingRun,
): Promise<{ model: KynModel; history: readonly TrainRecord[] }> {
  const { name, segmenter, card: baseCard } = base.description;
  const { network, offsets, contextSections, voxelSizeNm, cross } = segmenter;
  if (!base.weights || !network || contextSections < 1) {
    throw new KynError('model', 'the model does not carry what a linker is trained on', {
      where: name,
      hint: 'give a segmenter of kyn train segmenter that sees neighbouring sections',
    });
  }
  const seen = options.contextSections ?? contextSections;
  if (seen < contextSections) {
    throw new KynError(
      'usage',
      `the segmenter sees ${contextSections} sections on either side, not ${seen}`,
      { where: name, hint: 'give at least as many as contextSections, or leave it out' },
    );
  }
  const shape = segmenterShape({ ...network, offsets, contextSections, ...cross });
  const narrow = { ...shape, contextSections: seen };
  const widths = options.widths ?? network.widths;
  const wide = { ...narrow, widths };
  const weights = widenContext(shape, base.weights, seen);
  const start = () => ({
    shape: wide,
    weights: widenChannels({ layout: segmenterLayout(narrow), weights }, segmenterLayout(wide), options.seed),
    frozen: transfer === 'frozen',
  });
  return trainSegmenter(
    runtime,
    volumes,
    { ...SEGMENTER_DEFAULTS, ...network, offsets, voxelSizeNm, ...options, widths, contextSections: seen },
    name,
    card,
    run,
    transfer === 'scratch' ? undefined : start(),
    baseCard,
  );
}
