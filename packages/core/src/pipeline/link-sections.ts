/** Links a section to the one below it: with what the network says of both, or by plain overlap. */
import type { EdgeColumns, EdgeList } from '../graph/edge-list.ts';
import { classify } from '../link/classifier.ts';
import { judgePlane } from '../link/in-plane.ts';
import { describePairs, edgesOfPairs, type JudgedPairs } from '../link/learned.ts';
import { linkByOverlap, type SectionFragments } from '../link/overlap.ts';
import { type LinkSection, poolEmbedding, profileTable } from '../link/section-view.ts';
import type { EmbeddedTile } from '../predict/embedded-tile.ts';
import type { ResamplePlan } from '../predict/resample.ts';
import type { NdArray } from '../volume/array.ts';
import type { NeighbourPredictor } from '../volume/contracts.ts';
import type { FullFragments } from './section-fragments.ts';
import type { PipelineInput, PipelineOptions } from './start.ts';

/** Two sections that are linked, and what is known of their pairs. */
export interface SectionPairs {
  /** Index of either section in the stack. */
  readonly lowerZ: number;
  readonly upperZ: number;
  readonly lower: LinkSection;
  readonly upper: LinkSection;
  readonly pairs: JudgedPairs;
  /** In-plane edges of the upper section, with its ids; probability is the mean affinity. */
  readonly upperEdges: EdgeColumns;
}

/** A section with all that links need of it. */
export interface LinkedSection {
  readonly z: number;
  readonly fragments: SectionFragments;
  /** Where the network has a neighbour head. */
  readonly view: LinkSection | undefined;
  /** In-plane edges as the segmentation left them, with ids of the section. */
  readonly edges: EdgeColumns;
}

/**
 * A section as the learned linker sees it.
 * @param full its fragments; given ones are brought to the network's pixels
 * @param tiles the network's coarsest embedding of it
 */
export function viewSection(
  full: Pick<FullFragments, 'labels' | 'small'>,
  count: number,
  idOffset: number,
  { full: [fullHeight, fullWidth], small: [height, width], identity, factor }: ResamplePlan,
  tiles: readonly EmbeddedTile[],
  { embeddingStrides }: NeighbourPredictor,
): LinkSection {
  let labels = full.small;
  if (!identity && full.labels === full.small) {
    labels = new Uint32Array(height * width);
    for (let y = 0; y < height; y++) {
      const row = Math.min(fullHeight - 1, Math.floor((y + 0.5) * factor[0])) * fullWidth;
      for (let x = 0; x < width; x++) {
        labels[y * width + x] = full.labels[row + Math.min(fullWidth - 1, Math.floor((x + 0.5) * factor[1]))];
      }
    }
  }
  const stride = embeddingStrides[embeddingStrides.length - 1];
  const profiles = profileTable(labels, height, width, count);
  return {
    labels,
    height,
    width,
    idOffset,
    profiles,
    ...poolEmbedding(tiles, labels, height, width, count, stride),
  };
}

export interface LinkContext {
  readonly input: PipelineInput;
  readonly options: PipelineOptions;
  readonly imagePlan: ResamplePlan;
  /** Between the two sections. */
  readonly distanceNm: number;
  readonly kind: 'cross' | 'skip';
}

/** In-plane edges with what the linker makes of them, where there is one that judges them. */
export function judgeInPlane({ edges, view }: LinkedSection, { linker }: PipelineInput): EdgeColumns {
  return linker?.plane && view ? judgePlane(edges, view.profiles, linker.plane) : edges;
}

/** @param cross what the neighbour head says of the two, where it was asked */
export function linkSections(
  lower: LinkedSection,
  upper: LinkedSection,
  cross: NdArray<Float32Array> | undefined,
  { input, options, imagePlan, distanceNm, kind }: LinkContext,
): EdgeList {
  const { linker, onPairs, predictor } = input;
  const head = predictor?.neighbours;
  if (!cross || !head || !lower.view || !upper.view || !(linker || onPairs)) {
    return linkByOverlap(lower.fragments, upper.fragments, { ...options.link, kind });
  }
  const { displacements, stride } = head;
  const pairs = describePairs(lower.view, upper.view, { values: cross, displacements, stride }, distanceNm);
  onPairs?.({
    lowerZ: lower.z,
    upperZ: upper.z,
    lower: lower.view,
    upper: upper.view,
    pairs,
    upperEdges: upper.edges,
  });
  if (!linker) return linkByOverlap(lower.fragments, upper.fragments, { ...options.link, kind });
  const probability = classify(linker.cross, pairs.features);
  const scale = imagePlan.factor[0] * imagePlan.factor[1];
  return edgesOfPairs(pairs, probability, lower.view, upper.view, kind, scale);
}
