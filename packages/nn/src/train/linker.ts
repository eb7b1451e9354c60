/**
 * Trains the neighbour head: the segmenter's features are transferred to the question whether pixels of two
 * neighbouring sections are one neuron. The backbone stays frozen, so that it is computed once a section for both
 * uses; for comparison it can be trained along (`tuned`), or start from nothing (`scratch`).
 */
import { KynError, type Offset2 } from '@kyn/core';
import type { KynModel, ModelCard, NeighbourSettings } from '../model/kyn-model.ts';
import type { ParameterLayout, Piece, Weights } from '../nets/layers.ts';
import {
  NEIGHBOUR_STRIDE,
  type NeighbourConfig,
  neighbourFlopPerPixel,
  neighbourNetwork,
} from '../nets/neighbour-head.ts';
import { type Network, segmenterLayout, segmenterUnet } from '../nets/segmenter.ts';
import type { UNetConfig } from '../nets/unet.ts';
import type { Runtime } from '../runtime/session.ts';
import { AUGMENT_DEFAULTS, type AugmentOptions } from '../sample/augment-options.ts';
import { PAIR_SECTIONS, type SampleSpec } from '../sample/spec.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import type { TrainRecord, TrainState } from './checkpoint.ts';
import { exportComparison, exportSegmenter } from './export.ts';
import { buildTrainStep } from './train-step.ts';
import { averagedWeights, freshState, SCHEDULE_DEFAULTS, type ScheduleOptions } from './trainer.ts';
import { runTraining, type TrainingRun, type TrainingTask } from './training-run.ts';

/** What becomes of the segmenter's features: kept, trained along, or learned anew. */
export type Transfer = 'frozen' | 'tuned' | 'scratch';

export interface LinkerOptions {
  readonly transfer: Transfer;
  readonly embedding: NeighbourConfig['embedding'];
  readonly widths: NeighbourConfig['widths'];
  /** How far apart, in pixels of the network, the pixels of two sections may lie that are compared. */
  readonly displacements: readonly Offset2[];
  /** How often a sample's two sections have a missing one between them. */
  readonly skip: number;
  /** Patches to train on, the same again and again; undefined: no limit. */
  readonly patches?: number;
  readonly size: number;
  readonly batch: number;
  readonly seed: number;
  readonly schedule: ScheduleOptions;
  readonly augment: AugmentOptions;
}

/** Reach of the displaced channels: profiles this far apart may still be linked. */
const REACH = 8;

export const LINKER_DEFAULTS: LinkerOptions = {
  transfer: 'frozen',
  embedding: [24, 32],
  widths: [24, 32],
  displacements: [
    [0, 0],
    [-REACH, 0],
    [REACH, 0],
    [0, -REACH],
    [0, REACH],
  ],
  skip: 0.15,
  size: 160,
  batch: 4,
  seed: 1,
  schedule: { ...SCHEDULE_DEFAULTS, steps: 2000 },
  augment: AUGMENT_DEFAULTS,
};

interface Linker {
  readonly unet: UNetConfig;
  readonly config: NeighbourConfig;
  readonly network: Network;
  readonly backbone: { readonly layout: ParameterLayout; readonly weights: Weights };
}

/** @throws KynError `model` where the model has no weights to start from. */
function defineLinker(base: KynModel, options: LinkerOptions): Linker {
  const { network: shape, offsets, contextSections } = base.description.segmenter;
  if (!base.weights || !shape || contextSections !== 1) {
    throw new KynError('model', 'the model does not carry what a linker is trained on', {
      where: base.description.name,
      hint: 'give a segmenter of kyn train segmenter that sees neighbouring sections',
    });
  }
  const unet = segmenterUnet({ ...shape, offsets, contextSections });
  const { embedding, widths, displacements, transfer } = options;
  const config = { embedding, widths, outputs: displacements.length };
  const layout = segmenterLayout(unet);
  const { weights } = base;
  const network: Network = (layers, input) => {
    const backbone = transfer === 'frozen' ? layers.frozen(layout, weights) : layers;
    return neighbourNetwork(layers, backbone, unet, config, input);
  };
  return { unet, config, network, backbone: { layout, weights } };
}

/** Copies the pieces that both networks have under one name. */
function transferWeights(from: Linker['backbone'], to: ParameterLayout, weights: Weights): void {
  const copy = (
    source: readonly Piece[],
    data: Float32Array,
    target: readonly Piece[],
    out: Float32Array,
  ): void => {
    const offsets = new Map(source.map(({ name, offset }) => [name, offset]));
    for (const { name, offset, shape } of target) {
      const at = offsets.get(name);
      const size = shape.reduce((a, b) => a * b, 1);
      if (at !== undefined) out.set(data.subarray(at, at + size), offset);
    }
  };
  copy(from.layout.parameters, from.weights.parameters, to.parameters, weights.parameters);
  copy(from.layout.statistics, from.weights.statistics, to.statistics, weights.statistics);
}

function startState(linker: Linker, layout: ParameterLayout, { transfer, seed }: LinkerOptions): TrainState {
  const state = freshState(layout, seed);
  if (transfer === 'tuned') {
    transferWeights(linker.backbone, layout, state);
    state.average = state.parameters.slice();
  }
  return state;
}

/**
 * The base model with the trained head. Where the backbone was trained along, its weights are the head's, and the
 * affinities are no longer those of the base model: such a model serves comparisons only.
 */
function withHead(
  base: KynModel,
  linker: Linker,
  layout: ParameterLayout,
  state: TrainState,
  options: LinkerOptions,
): KynModel {
  const { unet, config, backbone } = linker;
  const weights = averagedWeights(state);
  const features = {
    parameters: backbone.weights.parameters.slice(),
    statistics: backbone.weights.statistics.slice(),
  };
  if (options.transfer !== 'frozen') transferWeights({ layout, weights }, backbone.layout, features);
  const head = { config, layout, weights };
  const { segmenter } = base.description;
  const neighbour: NeighbourSettings = {
    displacements: options.displacements,
    stride: NEIGHBOUR_STRIDE,
    flopPerPixel: Math.round(neighbourFlopPerPixel(unet, config)),
  };
  return {
    ...base,
    segmenter: exportSegmenter(unet, backbone.layout, features, segmenter.offsets.length, head),
    neighbour: exportComparison(head),
    description: { ...base.description, neighbour },
  };
}

/**
 * @param base the segmenter whose features are used; not changed
 * @param card of the linker; `figures` and `seed` are filled in
 * @returns the base model with the trained head, and the curves
 * @throws KynError `model` where the base has no weights; as `runTraining`.
 */
export async function trainNeighbourHead(
  runtime: Runtime,
  volumes: readonly TrainingVolume[],
  base: KynModel,
  options: LinkerOptions,
  card: Omit<ModelCard, 'seed' | 'figures' | 'linker'>,
  run: TrainingRun,
): Promise<{ model: KynModel; history: readonly TrainRecord[] }> {
  const linker = defineLinker(base, options);
  const { size, batch, seed, schedule, augment, displacements, skip, patches } = options;
  const step = buildTrainStep(linker.network, {
    input: [batch, 2 * linker.unet.inputs, size, size],
    affinities: displacements.length,
    descriptors: 0,
    descriptorWeight: 0,
    extents: [size / NEIGHBOUR_STRIDE, size / NEIGHBOUR_STRIDE],
  });
  const spec: SampleSpec = {
    size,
    batch,
    sections: PAIR_SECTIONS,
    offsets: [],
    lsdSigma: 0,
    pixelNm: base.description.segmenter.voxelSizeNm[1],
    augment,
    pair: { displacements, stride: NEIGHBOUR_STRIDE, skip, ...(patches === undefined ? {} : { patches }) },
  };
  const task: TrainingTask = {
    step,
    spec,
    seed,
    schedule,
    settings: { ...options, segmenter: base.description.segmenter, base: base.description.card.figures },
    start: () => startState(linker, step.layout, options),
    model: (state, figures) => {
      const model = withHead(base, linker, step.layout, state, options);
      const own = { ...base.description.card, linker: { ...card, seed, figures } };
      return { ...model, description: { ...model.description, card: own } };
    },
  };
  return runTraining(runtime, volumes, task, run);
}
