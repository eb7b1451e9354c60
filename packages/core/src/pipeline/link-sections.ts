/** Links a section to the one below it: with what the network says of both, or by plain overlap. */
import type { EdgeColumns, EdgeList } from '../graph/edge-list.ts';
import { classify } from '../link/classifier.ts';
import { judgePlane } from '../link/in-plane.ts';
import { describePairs, edgesOfPairs } from '../link/learned.ts';
import { linkByAffinity } from '../link/mean-affinity.ts';
import { linkByOverlap, type SectionFragments } from '../link/overlap.ts';
import type { CrossAffinity } from '../link/pair-evidence.ts';
import { givenFeatures } from '../link/pair-features.ts';
import { type LinkSection, profileTable } from '../link/section-view.ts';
import type { PixelSpans, ResamplePlan } from '../predict/resample.ts';
import { type NdArray, ndarray } from '../volume/array.ts';
import { type ThroughHole, viewWithin } from './holes.ts';
import { inPixels, moveLabels, moveView, type Places } from './move.ts';
import { type Cut, shrinkGiven, touchingPairs } from './section-fragments.ts';
import { keepsGiven, type PipelineInput, type PipelineOptions } from './start.ts';

/** A section with all that links need of it. */
export interface LinkedSection {
  readonly z: number;
  /** Labels in the pixels that they were cut in, areas in the volume's. */
  readonly fragments: SectionFragments;
  /** Where the network says something of neighbouring sections. */
  readonly view: LinkSection | undefined;
  /** In-plane edges as the segmentation left them, with ids of the section. */
  readonly edges: EdgeColumns;
}

/**
 * A section as the learned linker sees it.
 * @param given the labels are in the volume's pixels, and are brought to the network's
 */
export function viewSection(
  { labels: cut, stats: { count }, edges }: Pick<Cut, 'labels' | 'stats' | 'edges'>,
  given: boolean,
  idOffset: number,
  plan: ResamplePlan,
): LinkSection {
  const [height, width] = plan.small;
  const labels = given && !plan.identity ? shrinkGiven(ndarray(cut, plan.full), plan).data : cut;
  const profiles = profileTable(labels, height, width, count);
  const touching = touchingPairs(edges, given);
  const pixelSide = Math.sqrt(plan.factor[0] * plan.factor[1]);
  return { labels, height, width, idOffset, profiles, touching, pixelSide };
}

export interface LinkContext {
  readonly input: PipelineInput;
  readonly options: PipelineOptions;
  readonly imagePlan: ResamplePlan;
  /** Of the pixels that the labels were cut in. */
  readonly plan: ResamplePlan;
  /** Volume pixels that each pixel of the fragments stands for. */
  readonly spans: PixelSpans;
  /** Between the two sections. */
  readonly distanceNm: number;
  readonly kind: 'cross' | 'skip';
}

/** How the linker sees the fragments of a section; undefined where the network says nothing of links. */
export type ViewOf = (
  cut: Pick<Cut, 'labels' | 'stats' | 'edges'>,
  idOffset: number,
) => LinkSection | undefined;

/** A section that has been cut, with what the linker makes of it alone; ids of the section. */
export interface DescribedCut {
  readonly view: LinkSection | undefined;
  /** Its in-plane edges with what the linker makes of them, where there is one that judges them. */
  readonly judged: EdgeColumns;
}

/** Repair asks for what the link asks again, of the same cut unless it was mended; a cut is of one section of one run. */
const DESCRIBED = new WeakMap<Cut, DescribedCut>();

/** @param viewOf how the linker sees the section */
export function describeCut(cut: Cut, viewOf: ViewOf, input: PipelineInput): DescribedCut {
  const known = DESCRIBED.get(cut);
  if (known) return known;
  const { linker } = input;
  const view = viewOf(cut, 0);
  const judging = linker?.plane && view && !keepsGiven(input);
  const judged = judging ? judgePlane(cut.edges, view, linker.plane) : cut.edges;
  const described = { view, judged };
  DESCRIBED.set(cut, described);
  return described;
}

/** What a 3D network says of a section and those before it. */
export interface AcrossAffinities {
  /** How many sections before. */
  readonly zReach: readonly number[];
  /** Dense `[zReach, height, width]`. */
  readonly values: NdArray<Float32Array>;
}

/** What the networks say of two sections. */
export interface SeenPair {
  /** By a 2D network that saw them together. */
  readonly cross?: CrossAffinity | undefined;
  /** Of the upper one, by a 3D network. */
  readonly across?: AcrossAffinities | undefined;
  /** Where the upper one's pixels, of the network, lie in the lower, where that is elsewhere. */
  readonly places?: Places | undefined;
}

export function linkSections(
  lower: LinkedSection,
  upper: LinkedSection,
  { cross, across, places }: SeenPair,
  context: LinkContext,
): EdgeList {
  const { input, options, imagePlan, spans, distanceNm, kind } = context;
  if (across) return linkAcross(lower, upper, across, context);
  const { linker, onPairs } = input;
  const byOverlap = () => {
    const below = places ? movedFragments(lower.fragments, places, context) : lower.fragments;
    return linkByOverlap(below, upper.fragments, { ...options.link, kind, spans });
  };
  if (!cross || !lower.view || !upper.view || !(linker || onPairs)) return byOverlap();
  const below = places ? moveView(lower.view, places) : lower.view;
  const pairs = describePairs(below, upper.view, cross, distanceNm);
  onPairs?.({
    lowerZ: lower.z,
    upperZ: upper.z,
    lower: lower.view,
    upper: upper.view,
    pairs,
    upperEdges: upper.edges,
  });
  if (!linker) return byOverlap();
  const probability =
    keepsGiven(input) && linker.given
      ? classify(linker.given, givenFeatures(pairs.features))
      : classify(linker.cross, pairs.features);
  const scale = imagePlan.factor[0] * imagePlan.factor[1];
  return edgesOfPairs(pairs, probability, lower.view, upper.view, kind, scale);
}

/** Links two sections within the part that the one between does not show. */
export function linkThroughHole(
  lower: LinkedSection,
  upper: LinkedSection,
  { part, places, cross }: Pick<ThroughHole, 'part' | 'places' | 'cross'>,
  context: LinkContext,
): EdgeList {
  const within = ({ z, fragments, edges }: LinkedSection, view: LinkSection | undefined): LinkedSection => ({
    z,
    fragments,
    view: view && viewWithin(view, part),
    edges,
  });
  const below = lower.view && places ? moveView(lower.view, places) : lower.view;
  return linkSections(within(lower, below), within(upper, upper.view), { cross }, context);
}

/** Fragments as they would lie. @param places of the other section's pixels, of the network */
function movedFragments(
  { labels, ...rest }: SectionFragments,
  places: Places,
  { imagePlan, plan }: LinkContext,
): SectionFragments {
  const size = [0, 1].map((axis) => plan.factor[axis] / imagePlan.factor[axis]);
  const at = inPixels(places, labels.shape, [size[0], size[1]]);
  return { ...rest, labels: ndarray(moveLabels(labels.data, at), labels.shape) };
}

/** By the affinities of a 3D network; what lies beyond its reach, by overlap. */
function linkAcross(
  lower: LinkedSection,
  upper: LinkedSection,
  { zReach, values }: AcrossAffinities,
  { options, imagePlan, spans, kind }: LinkContext,
): EdgeList {
  const channel = zReach.indexOf(upper.z - lower.z);
  if (!options.across || channel < 0 || !lower.view || !upper.view) {
    return linkByOverlap(lower.fragments, upper.fragments, { ...options.link, kind, spans });
  }
  const { evenAffinity } = options.across;
  const plane = values.shape[1] * values.shape[2];
  const affinity = values.data.subarray(channel * plane, (channel + 1) * plane);
  const pixelArea = imagePlan.factor[0] * imagePlan.factor[1];
  return linkByAffinity(lower.view, upper.view, affinity, { kind, evenAffinity, pixelArea });
}
