/**
 * One training batch from labelled volumes: draw a volume, a cut, a place and a warp; resample sections and
 * labels; change their looks; write the targets. A pure function of (volumes, spec, seed, step): every
 * sample has its own random stream, so it does not matter which thread makes it, or when.
 */
import { elementCount, type Offset2, Random } from '@kyn/core';
import {
  neighboursOf,
  renderBlockTargets,
  renderCrossAffinity,
  renderPlaneAffinities,
  type TargetPlace,
} from './block.ts';
import { type Components, connectedComponents } from './components.ts';
import { drawLoss, loseInPlace } from './defects.ts';
import { drawPlace, originOf, type Place, type SampleOrigin } from './place.ts';
import { renderLabels, renderTiles } from './render.ts';
import type { LabelPatch } from './resample.ts';
import { shapeDescriptors } from './shape-descriptors.ts';
import {
  CLASS_WEIGHT_RANGE,
  checkSpec,
  LSD_CHANNELS,
  type SampleSpec,
  type TargetLayout,
  targetLayout,
  targetPairs,
  targetSection,
} from './spec.ts';
import { balanceInPlace, type ClassCount, classWeights } from './targets.ts';
import { checkVolumes, type TrainingVolume } from './volume.ts';

export interface Batch {
  readonly step: number;
  /** `[N, sections, S, S]`, normalised grey values. */
  readonly input: Float32Array;
  readonly inputShape: readonly [number, number, number, number];
  /** `[N, C, S, S]`, of blocks `[N, C, sections, S, S]`; the channels are as `layout` says. */
  readonly target: Float32Array;
  /** As `target`: 0 = masked, else the class-balancing weight, times what hangs on the pixel (`contested.ts`). */
  readonly weight: Float32Array;
  readonly targetShape: readonly number[];
  readonly layout: TargetLayout;
  readonly origins: readonly SampleOrigin[];
}

/**
 * The batch of step `step`.
 * @throws KynError `usage` or `shape` where volumes or spec cannot be sampled.
 */
export function makeBatch(
  volumes: readonly TrainingVolume[],
  spec: SampleSpec,
  seed: number,
  step: number,
): Batch {
  checkSpec(spec);
  checkVolumes(volumes, spec.sections);
  const { batch, sections, size } = spec;
  const layout = targetLayout(spec);
  const extent = targetExtent(spec);
  const pixels = elementCount(extent);
  const sample = sections * size * size;
  const input = new Float32Array(batch * sample);
  const target = new Float32Array(batch * layout.channels * pixels);
  const weight = new Float32Array(target.length);
  const origins: SampleOrigin[] = [];
  const counts = Array.from({ length: layout.cross[1] }, (): ClassCount => ({ known: 0, positive: 0 }));
  for (let n = 0; n < batch; n++) {
    const random = new Random(seed, step, n);
    const place = drawPlace(volumes, spec, random, placesOf(spec, seed, step, n));
    origins.push(originOf(place));
    const targets = { target, weight, start: n * layout.channels * pixels };
    const lost = renderInput(input, n * sample, place, spec, random.fork(1));
    renderTargets(targets, place, lost, spec, layout, counts);
  }
  const range = spec.classWeightRange ?? CLASS_WEIGHT_RANGE;
  counts.forEach((count, channel) => {
    const weights = classWeights(count, range);
    for (let n = 0; n < batch; n++) {
      balanceInPlace(target, weight, (n * layout.channels + channel) * pixels, pixels, weights);
    }
  });
  return {
    step,
    input,
    inputShape: [batch, sections, size, size],
    target,
    weight,
    targetShape: [batch, layout.channels, ...extent],
    layout,
    origins,
  };
}

function targetExtent({ size, sections, zReach }: SampleSpec): number[] {
  return zReach ? [sections, size, size] : [size, size];
}

/** The stream that draws places, where they are few and met again. */
function placesOf({ batch, patches }: SampleSpec, seed: number, step: number, n: number): Random | undefined {
  return patches ? new Random(seed, 0, (step * batch + n) % patches, 1) : undefined;
}

/** Writes the sections as the network sees them; tells which of them were lost. */
function renderInput(
  input: Float32Array,
  start: number,
  place: Place,
  spec: SampleSpec,
  random: Random,
): boolean[] {
  const { size, sections, augment } = spec;
  const tiles = renderTiles(place, spec, random);
  const asked = targetSection(sections);
  const lost = new Array<boolean>(sections).fill(false);
  // from the middle outwards: what stands in for a section may stand in for the one before it already
  const order = tiles.map((_, k) => k).sort((a, b) => Math.abs(a - asked) - Math.abs(b - asked) || a - b);
  for (const k of order) {
    const losses = random.fork(sections + k);
    const loss = k === asked ? undefined : drawLoss(losses, augment);
    if (loss) loseInPlace(tiles[k], losses, loss, tiles[k + Math.sign(asked - k)]);
    lost[k] = loss !== undefined;
    input.set(tiles[k], start + k * size * size);
  }
  return lost;
}

function renderTargets(
  targets: TargetPlace,
  place: Place,
  lost: readonly boolean[],
  spec: SampleSpec,
  layout: TargetLayout,
  counts: readonly ClassCount[],
): void {
  const { size, sections, lsdSigma } = spec;
  const { margin } = place;
  const { target, weight, start } = targets;
  const plane = size * size;
  if (spec.zReach) {
    const patches = Array.from({ length: sections }, (_, k) => renderLabels(place, k));
    renderBlockTargets(targets, patches, lost, margin, spec, layout, counts);
    return;
  }
  const asked = targetSection(sections);
  // of the sections farther away nothing is asked
  const patches: LabelPatch[] = [];
  for (let k = Math.max(0, asked - 1); k <= Math.min(sections - 1, asked + 1); k++) {
    patches[k] = renderLabels(place, k);
  }
  const patch = patches[asked];
  const profiles: Components[] = [];
  const profilesOf = (k: number): Components => (profiles[k] ??= connectedComponents(patches[k]));
  const components = profilesOf(asked);
  renderPlaneAffinities(
    targets,
    plane,
    patch,
    components,
    neighboursOf(patches, asked),
    margin,
    spec,
    counts,
  );
  const pairs: readonly { lower: number; displacement?: Offset2 }[] = [
    ...targetPairs(sections).map((lower) => ({ lower })),
    ...(spec.displaced ?? []).map((displacement) => ({ lower: asked, displacement })),
  ];
  pairs.slice(0, layout.cross[1] - layout.cross[0]).forEach(({ lower, ...displaced }, i) => {
    if (lost[lower] || lost[lower + 1]) return;
    const channel = layout.cross[0] + i;
    const here = { target, weight, start: start + channel * plane };
    const pair = [patches[lower], patches[lower + 1]] as const;
    const profilesOfPair = () => [profilesOf(lower), profilesOf(lower + 1)] as const;
    renderCrossAffinity(here, pair, profilesOfPair, { margin, ...displaced }, spec, counts[channel]);
  });
  if (lsdSigma <= 0) return;
  const lsdStart = start + layout.lsd[0] * plane;
  const options = { side: patch.side, margin, sigma: lsdSigma };
  target.set(shapeDescriptors(components.ids, components.count, options), lsdStart);
  const known = weight.subarray(lsdStart, lsdStart + plane);
  for (let y = 0, i = 0; y < size; y++) {
    let p = (y + margin) * patch.side + margin;
    for (let x = 0; x < size; x++, i++, p++) known[i] = patch.known[p] !== 0 && patch.ids[p] !== 0 ? 1 : 0;
  }
  for (let c = 1; c < LSD_CHANNELS; c++) weight.set(known, lsdStart + c * plane);
}
