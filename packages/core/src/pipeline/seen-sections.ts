/** Sections as a network sees them, ahead of the pipeline: by a 2D network one by one, by a 3D one in slabs. */
import type { CrossAffinity } from '../link/pair-evidence.ts';
import type { NormalisedSection } from '../predict/normalise.ts';
import { isBlockPredictor, type SlabPredictor, slabPredictor } from '../predict/predict-blocks.ts';
import { type SectionPrediction, sectionPredictor } from '../predict/predict-section.ts';
import { type NdArray, ndarray, toDense, type Vec3 } from '../volume/array.ts';
import type { BlockPredictor, CrossInfo, LabelSection, Predictor } from '../volume/contracts.ts';
import { mapAhead } from './ahead.ts';
import { type Holed, holeBetween, type ThroughHole } from './holes.ts';
import { type AcrossAffinities, type ViewOf, viewSection } from './link-sections.ts';
import { inPixels, moreAlike, moveTo, type Places } from './move.ts';
import { withNeighbours } from './neighbourhood.ts';
import { networkPixelNm, seeSection } from './network-view.ts';
import { type Shifted, withShifts } from './section-shift.ts';
import { mixAcross, mixInPlane, type SideAnswer, sidePredictor } from './side-views.ts';
import { sectionsInSight, withinSight } from './sight.ts';
import { keepsGiven, linksThroughHoles, type Run } from './start.ts';

/** A section in the network's pixels, and how it is shifted. */
export interface PreparedSection extends NormalisedSection, Shifted {
  readonly z: number;
  /** What is seen of it from the side, where that is looked at. */
  readonly side?: SideAnswer;
  /** It is not looked at from the side, as others are: a section near is visibly shifted. */
  readonly frontAlone?: boolean;
  /** What is given of its fragments, where such are. */
  readonly given?: LabelSection | undefined;
}

/** What the network makes of a section. */
export interface SeenSection {
  readonly section: PreparedSection;
  readonly affinities: NdArray<Float32Array> | undefined;
  readonly view: ViewOf;
  /**
   * Where its pixels, of the network, lie in the section with tissue below, where the two do not lie in line: so that one is
   * compared, and so the network saw it.
   */
  readonly places?: Places | undefined;
  /** What a 2D network says of it and the section with tissue below, where it saw them together; in the place of this one. */
  readonly cross?: CrossAffinity;
  /** The same of it and the section with tissue under that one, in what that one does not show. */
  readonly throughHole?: ThroughHole;
  /** What a 3D network says of it and the sections before. */
  readonly across?: AcrossAffinities;
}

const noView = () => undefined;

/** Shows the sections from `first` on to the network, if there is one. */
export function seeSections(
  run: Run,
  predictor: Predictor | BlockPredictor | undefined,
  first: number,
): AsyncIterable<SeenSection> {
  if (!predictor) return mapAhead(prepareFrom(run, first), async (section) => unseen(section));
  return isBlockPredictor(predictor) ? seeInSlabs(run, predictor, first) : seeOneByOne(run, predictor, first);
}

function unseen(section: PreparedSection): SeenSection {
  return { section, affinities: undefined, view: noView, places: section.places };
}

function prepareFrom(run: Run, first: number): AsyncIterable<PreparedSection> {
  const [depth] = run.input.source.info.shape;
  const zs = Array.from({ length: depth - first }, (_, i) => first + i);
  const sections = mapAhead(zs, async (z) => ({ ...(await withGiven(run, await seeSection(run, z), z)), z }));
  return withShifts(sections, networkPixelNm(run), (z) => positionOf(run, z), run.timer);
}

/**
 * A section with what is given of its fragments. Where that is nothing it is passed over, as one without tissue is: the network is to
 * compare those on either side of it.
 */
async function withGiven(
  { input: { fragments }, context, timer }: Run,
  section: NormalisedSection,
  z: number,
): Promise<NormalisedSection & Pick<PreparedSection, 'given'>> {
  if (!fragments) return section;
  const given = await timer.wait('read', fragments.read(z, context.signal));
  const nothing = section.state === 'tissue' && toDense(given).data.every((id) => id === 0);
  return { ...section, given, ...(nothing ? { state: 'unlabelled' } : {}) };
}

/** To a 2D network, each with its neighbours, as far ahead as keeps the network busy. */
function seeOneByOne(run: Run, predictor: Predictor, first: number): AsyncIterable<SeenSection> {
  const { options, context, timer, imagePlan } = run;
  const { contextSections, cross: info } = predictor.info;
  const network = sectionPredictor(predictor, imagePlan.small[0], imagePlan.small[1], options.predict);
  const begin = Math.max(0, first - sectionsInSight(contextSections));
  const prepared = run.sideViews ? fromTheSide(run, predictor, begin) : prepareFrom(run, begin);
  const surrounded = withNeighbours(prepared, contextSections, (z) => positionOf(run, z));
  const predicted = mapAhead(
    from(surrounded, first),
    async ({ section, seen }) => {
      if (section.state !== 'tissue') return { section };
      const prediction = await timer.wait('predict', network.predict(seen, context));
      const { side } = section;
      if (side) timer.run('predict', () => mixInPlane(prediction.affinities, side));
      return { section, ...prediction };
    },
    network.ahead,
  );
  return joined(run, predicted, info);
}

/** The sections from `first` on, and a few before, with what is seen of them from the side, unless some there are shifted. */
async function* fromTheSide(
  run: Run,
  predictor: Predictor,
  first: number,
): AsyncGenerator<PreparedSection, void, undefined> {
  const { context, timer, imagePlan, input, options } = run;
  const [height, width] = imagePlan.small;
  const [depth] = input.source.info.shape;
  const network = sidePredictor(predictor, [depth, height, width], options.predict);
  for await (const { i, slab } of slabsFrom(run, network.slabOf(first), network)) {
    const kept = slab.filter(({ z }) => network.slabOf(z) === i);
    // the first with tissue may be shifted against one that is not in the slab
    const tissue = slab.filter(({ state }) => state === 'tissue');
    const shifted = tissue.slice(1).some(({ shift, parts }) => shift || parts);
    const seen = tissue.length > 0 && !shifted;
    const answers: (SideAnswer | undefined)[] = seen
      ? await timer.wait('predict', network.predict(i, imagesOf(slab), context))
      : [];
    for (const [k, section] of kept.entries()) {
      const side = answers[k];
      answers[k] = undefined; // as large as the section, many times over
      yield shifted ? { ...section, frontAlone: true } : side ? { ...section, side } : section;
    }
  }
}

interface Predicted extends Partial<SectionPrediction> {
  readonly section: PreparedSection;
}

interface Answered extends Pick<PreparedSection, 'z' | 'image' | 'places'>, Holed {
  readonly cross: NdArray<Float32Array>;
}

/** Joins what the network says of a section with what it says of the one below, and through that one's holes. */
async function* joined(
  run: Run,
  predicted: AsyncIterable<Predicted>,
  info: CrossInfo | undefined,
): AsyncGenerator<SeenSection, void, undefined> {
  const { input, imagePlan } = run;
  const inSight = (lower: { readonly z: number }, upper: { readonly z: number }): boolean =>
    withinSight(positionOf(run, lower.z), positionOf(run, upper.z));
  const throughHole = (lower: Answered | undefined, between: Answered | undefined, upper: Answered) => {
    if (!info || !lower || !between || !inSight(lower, upper)) return {};
    const hole = holeBetween(lower, between, upper, imagePlan.small[1]);
    // of two ways one may have been told and the next not: then the network was shown the lower one where it lies
    if (!hole || (hole.places && !moreAlike(lower.image, upper.image, hole.places))) return {};
    const cross = joinCross(lower.cross, upper.cross, info, hole.places);
    return { throughHole: { z: lower.z, ...hole, cross } };
  };
  /** Sections with tissue that have been seen, and what was said of them: the last, and the one under it if that has holes. */
  let [below, beneath]: (Answered | undefined)[] = [];
  for await (const { section, affinities, cross } of predicted) {
    const { places } = section;
    if (!affinities) yield unseen(section);
    else if (!info || !cross) yield { section, affinities, view: noView, places };
    else {
      const together = below && inSight(below, section);
      const both = below && together ? { cross: joinCross(below.cross, cross, info, places) } : {};
      if (both.cross && section.side && !places) mixAcross(both.cross, section.side, imagePlan.small);
      const through = throughHole(beneath, below, { ...section, cross });
      beneath = section.tissue && linksThroughHoles(input) ? below : undefined;
      below = { z: section.z, image: section.image, places, tissue: section.tissue, cross };
      const view: ViewOf = (cut, idOffset) => viewSection(cut, keepsGiven(input), idOffset, imagePlan);
      yield { section, affinities, view, places, ...both, ...through };
    }
  }
}

/**
 * What the network says of two sections, asked about each: the same pixel is asked about from either side and the answers
 * are averaged, the displaced ones are the lower section's. That one is moved to lie as the upper does; where it has
 * nothing then, the upper one's answers stay.
 * @param places of the upper section's pixels in the lower one
 */
export function joinCross(
  lower: NdArray<Float32Array>,
  upper: NdArray<Float32Array>,
  { displacements, stride }: CrossInfo,
  places?: Places,
): CrossAffinity {
  const [channels, ...size] = lower.shape;
  const plane = size[0] * size[1];
  const at = places && inPixels(places, size, [stride, stride]);
  const values = at ? upper.data.slice(0, (channels - 1) * plane) : lower.data.slice(plane);
  for (let c = 0; at && c < channels - 1; c++) {
    const own = lower.data.subarray((c + 1) * plane, (c + 2) * plane);
    moveTo(own, at, values.subarray(c * plane, (c + 1) * plane));
  }
  for (let i = 0; i < plane; i++) values[i] = (values[i] + upper.data[i]) / 2;
  return {
    values: ndarray(values, [channels - 1, ...size]),
    displacements: [[0, 0], ...displacements],
    stride,
  };
}

/** Those from section `first` on; the ones before were needed as neighbours only. */
async function* from<S extends { readonly section: PreparedSection }>(
  sections: AsyncIterable<S>,
  first: number,
): AsyncGenerator<S, void, undefined> {
  for await (const each of sections) if (each.section.z >= first) yield each;
}

/**
 * To a 3D network, slab by slab. A section without tissue looks like the one before it in the slab (failing that, the
 * one after), as in training.
 */
async function* seeInSlabs(
  run: Run,
  predictor: BlockPredictor,
  first: number,
): AsyncGenerator<SeenSection, void, undefined> {
  const { input, context, timer, imagePlan } = run;
  const { zReach } = predictor.info;
  const [height, width] = imagePlan.small;
  const shape: Vec3 = [input.source.info.shape[0], height, width];
  const network = slabPredictor(predictor, shape);
  const { start } = network;
  const predicted = mapAhead(
    slabsFrom(run, network.firstSlabOf(first), network),
    async ({ i, slab }) => {
      await timer.wait('predict', network.predict(i, imagesOf(slab), context));
      return { i, slab };
    },
    network.ahead,
  );
  for await (const { i, slab } of predicted) {
    const end = i + 1 < start.length ? start[i + 1] : shape[0];
    for (const section of slab.slice(0, end - start[i])) {
      if (section.z < first) continue;
      if (section.state !== 'tissue') {
        yield unseen(section);
        continue;
      }
      const { affinities, across: values } = network.section(section.z);
      const view: ViewOf = (cut, idOffset) => viewSection(cut, keepsGiven(input), idOffset, imagePlan);
      yield { section, affinities, view, across: { zReach, values } };
    }
  }
}

/** The sections of slab `begin`, and of every one after it. */
async function* slabsFrom(
  run: Run,
  begin: number,
  { start, side }: Pick<SlabPredictor, 'start' | 'side'>,
): AsyncGenerator<{ i: number; slab: PreparedSection[] }, void, undefined> {
  let slab: PreparedSection[] = [];
  let i = begin;
  for await (const section of prepareFrom(run, start[begin])) {
    slab.push(section);
    if (slab.length < side) continue;
    yield { i, slab };
    i++;
    slab = slab.filter(({ z }) => z >= start[i]);
  }
}

function imagesOf(slab: readonly PreparedSection[]): NdArray<Float32Array>[] {
  const known = slab.findIndex(({ state }) => state === 'tissue');
  let last = slab[Math.max(0, known)];
  return slab.map((section) => {
    if (section.state === 'tissue') last = section;
    return last.image;
  });
}

/** Position of section z, in section thicknesses. */
export function positionOf({ input }: Run, z: number): number {
  return input.source.info.sectionPositions?.[z] ?? z;
}
