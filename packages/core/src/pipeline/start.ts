/** What a run starts from: input and options, how sections are brought to the network, a first look at them. */
import { KynError } from '../errors.ts';
import type { LinkModel, SectionPairs } from '../link/learned.ts';
import { LINK_DEFAULTS, type OverlapLinkOptions } from '../link/overlap.ts';
import { PARTITION_DEFAULTS, type PartitionOptions } from '../partition/partition.ts';
import type { Membranes } from '../predict/polarity.ts';
import { isBlockPredictor } from '../predict/predict-blocks.ts';
import { middleTile, PREDICT_DEFAULTS, type PredictOptions } from '../predict/predict-section.ts';
import { type PixelSpans, pixelSpans, planResample, type ResamplePlan } from '../predict/resample.ts';
import type { RepairOptions } from '../repair/partners.ts';
import { REPAIR_DEFAULTS } from '../repair/repair.ts';
import { SEGMENT_DEFAULTS, type SegmentOptions } from '../segment/segment.ts';
import type { NdArray } from '../volume/array.ts';
import type {
  BlockPredictor,
  LabelSource,
  Predictor,
  SectionSource,
  StageContext,
} from '../volume/contracts.ts';
import { type NetworkView, networkPixelNm, networkView, seeSection, tell } from './network-view.ts';
import type { StageTimer } from './report.ts';
import { seesFromTheSide } from './side-views.ts';
import type { SegmentationStore } from './store.ts';
import { spreadOver } from './survey.ts';

export interface PipelineInput {
  readonly source: SectionSource;
  /** Needed unless fragments are given. */
  readonly predictor?: Predictor | BlockPredictor;
  /** Judges links on what the predictor says of neighbouring sections; without it, or if that is nothing, overlap does. */
  readonly linker?: LinkModel;
  /** 2D fragments of the same volume, instead of segmenting. */
  readonly fragments?: LabelSource;
  /**
   * Given fragments are where the network's own segmentation starts from: they are cut and put together as its own are, in
   * its pixels. Without a network and a linker that can repair it changes nothing.
   */
  readonly mendFragments?: boolean;
  /** Told of every pair of sections that is linked on what the predictor says, for whoever trains a linker. */
  readonly onPairs?: (pairs: SectionPairs) => void;
  /** Told when the network has seen the last section: what follows needs memory, not the network. */
  readonly onPredicted?: () => Promise<void>;
}

/** How the affinities of a 3D network link sections. */
export interface AcrossOptions {
  /** Mean affinity at which a pair is as likely one neuron as not. 0..1 exclusive. */
  readonly evenAffinity: number;
}

export interface PipelineOptions {
  readonly predict: PredictOptions;
  readonly segment: Omit<SegmentOptions, 'offsets' | 'mask'>;
  readonly link: Omit<OverlapLinkOptions, 'kind'>;
  /** Without it fragments stay as they were cut. Needs a linker, and a network that says how sections go on. */
  readonly repair?: RepairOptions;
  /** Without it a 3D network's sections are linked by plain overlap. */
  readonly across?: AcrossOptions;
  readonly partition: PartitionOptions;
  /** What membranes look like; without it, it is told from a few sections. Where they are bright the contrast is turned. */
  readonly membranes?: Membranes | undefined;
}

/** What the command line, the browser and workers share. */
export const PIPELINE_DEFAULTS: PipelineOptions = {
  predict: PREDICT_DEFAULTS,
  segment: SEGMENT_DEFAULTS,
  link: LINK_DEFAULTS,
  repair: REPAIR_DEFAULTS,
  partition: PARTITION_DEFAULTS,
};

/**
 * The same for a 3D network. What differs is tuned with `bench/baseline3d.ts` on `flyem-medulla/val.h5`, every section and every
 * 4th, EM over `pinky40-labels` and phantoms (docs/experiments.md).
 */
export const BLOCK_DEFAULTS: PipelineOptions = {
  ...PIPELINE_DEFAULTS,
  segment: { ...SEGMENT_DEFAULTS, bias: 0.6 },
  across: { evenAffinity: 0.3 },
  partition: {
    ...PARTITION_DEFAULTS,
    threshold: 0.5,
    areaPower: 0.75,
    inPlaneWeight: 1,
    demand: { most: 2, half: 5000 },
  },
};

/**
 * Where plain overlap links, which can put together less of what is cut finely, and tells less. Chosen on the volumes that the learned
 * links are tuned on (docs/experiments.md).
 */
export const OVERLAP_DEFAULTS: PipelineOptions = {
  ...PIPELINE_DEFAULTS,
  segment: { ...SEGMENT_DEFAULTS, bias: 0.6 },
  partition: { ...PARTITION_DEFAULTS, inPlaneWeight: 1, demand: { most: 80, half: 40_000 } },
};

/**
 * Where fragments are given and stay as they are. Those that touch were told apart by somebody who knew, which hardly any link
 * outweighs, and a third of them are specks, which join more readily. By link F1 and VOI on EM over `pinky40-labels`, every section and every 2nd.
 */
export const GIVEN_DEFAULTS: PipelineOptions = {
  ...PIPELINE_DEFAULTS,
  partition: { ...PARTITION_DEFAULTS, threshold: 0.15, inPlaneWeight: 4, areaPower: 0.25 },
};

/** Where such are linked by plain overlap, whose probabilities say less: chosen on the same, on phantoms, and on every 4th section of one of cubes. */
const GIVEN_OVERLAP_DEFAULTS: PipelineOptions = {
  ...OVERLAP_DEFAULTS,
  partition: { ...GIVEN_DEFAULTS.partition, threshold: 0.5, demand: { most: 5, half: 15_000 } },
};

/** What suits a network, and how its sections are linked. */
export function pipelineDefaults(input: Omit<PipelineInput, 'source'>): PipelineOptions {
  if (isBlockPredictor(input.predictor)) return BLOCK_DEFAULTS;
  if (!linksByNetwork(input)) return input.fragments ? GIVEN_OVERLAP_DEFAULTS : OVERLAP_DEFAULTS;
  return keepsGiven(input) ? GIVEN_DEFAULTS : PIPELINE_DEFAULTS;
}

/** What all steps of a run share. */
export interface Run extends NetworkView {
  readonly input: PipelineInput;
  readonly store: SegmentationStore;
  readonly options: PipelineOptions;
  /** Between the volume's pixels and those that are segmented; given fragments that stay as they are are in the volume's. */
  readonly plan: ResamplePlan;
  /** Volume pixels that each of those stands for. */
  readonly spans: PixelSpans;
  /** The network is shown planes across the sections as well. */
  readonly sideViews: boolean;
}

/** Side of the pixels that the options of a partition are for where there is no network, nm. */
const PIXEL_NM = 10;

/** Volume pixels to one of those that the options are for: the network's, else of {@link PIXEL_NM}, if sizes are known. */
export function pixelArea({ input, imagePlan }: Pick<Run, 'input' | 'imagePlan'>): number {
  const { source, fragments, predictor } = input;
  if (predictor) return imagePlan.factor[0] * imagePlan.factor[1];
  const known = source.info.voxelSizeNm ?? fragments?.info.voxelSizeNm;
  return known ? PIXEL_NM ** 2 / (known[1] * known[2]) : 1;
}

/** True where given fragments stay as they are. */
export function keepsGiven(input: Omit<PipelineInput, 'source'>): boolean {
  return input.fragments !== undefined && !(input.mendFragments && linksByNetwork(input));
}

/** True where links are judged on what the network says of neighbouring sections. */
export function linksByNetwork({ predictor, linker }: Omit<PipelineInput, 'source'>): boolean {
  return linker !== undefined && !!predictor && !isBlockPredictor(predictor) && !!predictor.info.cross;
}

/**
 * True where sections are linked through holes of the one between: the network must be shown the one behind. Given fragments are not:
 * they may go on in a hole, and their course is learned from whole profiles.
 */
export function linksThroughHoles(input: Omit<PipelineInput, 'source'>): boolean {
  const { predictor, fragments } = input;
  if (!predictor || isBlockPredictor(predictor) || fragments) return false;
  return linksByNetwork(input) && predictor.info.contextSections >= 2;
}

/** What sections are repaired with; undefined where they are not. */
export function repairOptions({ input, options }: Run): RepairOptions | undefined {
  if (!linksByNetwork(input) || keepsGiven(input)) return undefined;
  return input.fragments ? (options.repair ?? REPAIR_DEFAULTS) : options.repair;
}

/** @throws KynError `shape` where given fragments are not of the volume. */
export function checkPipelineInput({ source, predictor, fragments }: PipelineInput): void {
  if (!predictor && !fragments) throw new TypeError('a predictor or fragments are needed');
  const { shape } = source.info;
  if (!fragments?.info.shape.some((extent, axis) => extent !== shape[axis])) return;
  const shapes = `${fragments.info.shape.join('×')} against ${shape.join('×')} voxels`;
  throw new KynError('shape', `the fragments do not fit the volume: ${shapes}`, {
    where: fragments.info.location,
    hint: 'give fragments of the same volume',
  });
}

/** Looks at the input and decides how its sections are treated. */
export async function startRun(
  input: PipelineInput,
  store: SegmentationStore,
  options: PipelineOptions,
  context: StageContext,
  timer: StageTimer,
): Promise<Run> {
  const { source, predictor, fragments } = input;
  const { membranes } = options;
  const target = { network: predictor?.info, fragmentsNm: fragments?.info.voxelSizeNm, membranes };
  const view = await networkView(source, target, context, timer);
  await showSamples(view, predictor);
  const [, height, width] = source.info.shape;
  const plan = keepsGiven(input) ? planResample([height, width], [1, 1], [1, 1]) : view.imagePlan;
  const sideViews = looksFromTheSide(view, input, options);
  return { ...view, input, store, options, plan, spans: pixelSpans(plan), sideViews };
}

/** Whether the network is shown planes across the sections as well; says so where voxels are cubes. */
function looksFromTheSide(
  view: NetworkView,
  { predictor, source }: PipelineInput,
  { predict }: PipelineOptions,
): boolean {
  const { shape, sectionPositions, voxelSizeNm } = source.info;
  if (!predict.sideViews || !predictor || isBlockPredictor(predictor)) return false;
  if (sectionPositions || !voxelSizeNm) return false;
  const [height, width] = view.imagePlan.small;
  const size = [voxelSizeNm[0], ...networkPixelNm(view)];
  const sees = seesFromTheSide(predictor.info, [shape[0], height, width], size);
  if (sees === true) {
    tell(view, 'voxels are cubes: planes across the sections are seen as well (--fast: sections alone)');
  } else if (sees) {
    tell(view, 'voxels are cubes, but sections are too large to be seen from the side (--bbox takes a part)');
  }
  return sees === true;
}

/** Sections of which a network that asks for it is shown the middle. */
const SAMPLES = 3;

async function showSamples(view: NetworkView, predictor: PipelineInput['predictor']): Promise<void> {
  if (!predictor || isBlockPredictor(predictor) || !predictor.prepare) return;
  const [depth] = view.source.info.shape;
  const tiles: NdArray<Float32Array>[] = [];
  for (const z of spreadOver(depth, Math.min(SAMPLES, depth))) {
    const { state, image } = await seeSection(view, z);
    if (state === 'tissue') tiles.push(middleTile(image, predictor.info));
  }
  const { timer, context } = view;
  if (tiles.length > 0) await timer.wait('predict', predictor.prepare(tiles, context.signal));
}
