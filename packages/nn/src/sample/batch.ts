/**
 * One training batch from labelled volumes: draw a volume, a cut, a place and a warp; resample sections and
 * labels; change their looks; write the targets. A pure function of (volumes, spec, seed, step): every
 * sample has its own random stream, so it does not matter which thread makes it, or when.
 */
import { elementCount, Random } from '@kyn/core';
import { changeLooksInPlace, drawGreyCurve } from './appearance.ts';
import { renderBlockTargets, renderPlaneAffinities } from './block.ts';
import { connectedComponents } from './components.ts';
import { type CoordinateField, coordinateField, drawWarp, halfExtent, type Linear2 } from './coordinates.ts';
import { damageInPlace, drawLoss, loseInPlace } from './defects.ts';
import { normalisingTable, sectionHistogram } from './normalise.ts';
import { type LabelPatch, resampleLabels, resampleRaw, type Shift } from './resample.ts';
import { shapeDescriptors } from './shape-descriptors.ts';
import {
  CLASS_WEIGHT_RANGE,
  checkSpec,
  LSD_CHANNELS,
  labelMargin,
  type SampleSpec,
  type TargetLayout,
  targetLayout,
  targetSection,
} from './spec.ts';
import { addCount, balanceInPlace, type ClassCount, classWeights, crossAffinity } from './targets.ts';
import {
  type Cut,
  checkVolumes,
  fittingSteps,
  sectionView,
  type TrainingVolume,
  usableCuts,
} from './volume.ts';

/** Where a sample was taken, for reports and error hunting. */
export interface SampleOrigin {
  readonly volume: string;
  /** Axis the sections are stacked along: z, y or x. */
  readonly axis: 'z' | 'y' | 'x';
  /** Index of the first section, and the distance between sections. */
  readonly section: number;
  readonly step: number;
  /** Middle of the patch in the section: row, column. */
  readonly centre: readonly [number, number];
}

export interface Batch {
  readonly step: number;
  /** `[N, sections, S, S]`, normalised grey values. */
  readonly input: Float32Array;
  readonly inputShape: readonly [number, number, number, number];
  /** `[N, C, S, S]`, of blocks `[N, C, sections, S, S]`; the channels are as `layout` says. */
  readonly target: Float32Array;
  /** As `target`: 0 = masked, else the class-balancing weight. */
  readonly weight: Float32Array;
  readonly targetShape: readonly number[];
  readonly layout: TargetLayout;
  readonly origins: readonly SampleOrigin[];
}

/**
 * Places tried for a patch before the one with most painted pixels is taken, and what is enough of them: this
 * share of what fits. Small, turned or sparsely painted sections would else waste much of the patch.
 */
const PLACES = 10;
const KNOWN_ENOUGH = 0.8;
/** Known pixels are counted on a grid of this side. */
const PROBE = 16;
/** Share of the patch that may lie beyond the edge of a section that is larger than it. */
const OVERHANG = 0.08;

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
  const plane = size * size;
  const extent = spec.zReach ? [sections, size, size] : [size, size];
  const pixels = elementCount(extent);
  const input = new Float32Array(batch * sections * plane);
  const target = new Float32Array(batch * layout.channels * pixels);
  const weight = new Float32Array(target.length);
  const origins: SampleOrigin[] = [];
  const counts = Array.from({ length: layout.cross[1] }, (): ClassCount => ({ known: 0, positive: 0 }));
  for (let n = 0; n < batch; n++) {
    const random = new Random(seed, step, n);
    const place = drawPlace(volumes, spec, random);
    origins.push(originOf(place));
    renderInput(input, n * sections * plane, place, spec, random.fork(1));
    renderTargets(target, weight, n * layout.channels * pixels, place, spec, layout, counts);
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

interface Place {
  readonly volume: TrainingVolume;
  readonly cut: Cut;
  readonly section: number;
  readonly step: number;
  readonly centre: readonly [number, number];
  /** Over the patch with its label margin. */
  readonly field: CoordinateField;
  readonly margin: number;
  /** Displacement of each section. */
  readonly shifts: readonly Shift[];
}

function originOf({ volume, cut, section, step, centre }: Place): SampleOrigin {
  return { volume: volume.name, axis: (['z', 'y', 'x'] as const)[cut.stack], section, step, centre };
}

function drawPlace(volumes: readonly TrainingVolume[], spec: SampleSpec, random: Random): Place {
  const volume = volumes[random.pick(volumes.map((candidate) => candidate.weight))];
  const margin = labelMargin(spec);
  const side = spec.size + 2 * margin;
  const cuts = usableCuts(volume, spec.sections);
  const { shape } = volume.raw;
  // A cut counts by how much of a patch its sections can fill.
  const pixelsOf = (axis: number) => (spec.size * spec.pixelNm) / volume.voxelSizeNm[axis];
  const filled = (axis: number) => Math.min(1, shape[axis] / pixelsOf(axis));
  const cut = cuts[random.pick(cuts.map(({ row, column }) => filled(row) * filled(column)))];
  const voxelNm = [volume.voxelSizeNm[cut.row], volume.voxelSizeNm[cut.column]] as const;
  const warp = drawWarp(random, spec.augment, side, spec.pixelNm, voxelNm);
  const extent = halfExtent(warp, spec.size);
  const shifts = drawShifts(random, spec, warp.linear);
  const enough = KNOWN_ENOUGH * filled(cut.row) * filled(cut.column);
  let best: Pick<Place, 'section' | 'step' | 'centre'> = { section: 0, step: 1, centre: [0, 0] };
  let bestKnown = -1;
  for (let attempt = 0; attempt < PLACES && bestKnown < enough; attempt++) {
    const steps = fittingSteps(volume, shape[cut.stack], spec.sections);
    const step = steps[random.int(steps.length)];
    const section = random.int(shape[cut.stack] - step * (spec.sections - 1));
    const centre = [
      drawCentre(random, shape[cut.row], extent[0]),
      drawCentre(random, shape[cut.column], extent[1]),
    ] as const;
    const shown = section + step * targetSection(spec.sections);
    const known = knownShare(volume, cut, shown, warp.linear, centre, spec.size);
    if (known <= bestKnown) continue;
    bestKnown = known;
    best = { section, step, centre };
  }
  return { ...best, volume, cut, field: coordinateField(warp, side, best.centre), margin, shifts };
}

/** Middle of a patch along one axis: within the section, or the section within the patch, and a bit beyond. */
function drawCentre(random: Random, extent: number, half: number): number {
  const low = half * (1 - 2 * OVERHANG);
  const high = extent - 1 - low;
  return random.uniform(Math.min(low, high), Math.max(low, high));
}

function drawShifts(random: Random, spec: SampleSpec, [yy, yx, xy, xx]: Linear2): Shift[] {
  const shifts: Shift[] = Array.from({ length: spec.sections }, () => ({ y: 0, x: 0 }));
  const { probability, maxShift } = spec.augment.misalign;
  if (!random.chance(probability) || spec.sections === 1) return shifts;
  const r = random.uniform(-maxShift, maxShift);
  const c = random.uniform(-maxShift, maxShift);
  shifts[random.int(spec.sections)] = { y: yy * r + yx * c, x: xy * r + xx * c };
  return shifts;
}

/** Share of the (unbent) patch that is painted, on a coarse grid. */
function knownShare(
  volume: TrainingVolume,
  cut: Cut,
  section: number,
  [yy, yx, xy, xx]: Linear2,
  centre: readonly [number, number],
  size: number,
): number {
  const view = sectionView(volume.labels, cut, section);
  let known = 0;
  for (let i = 0; i < PROBE; i++) {
    const r = ((i + 0.5) / PROBE - 0.5) * size;
    for (let j = 0; j < PROBE; j++) {
      const c = ((j + 0.5) / PROBE - 0.5) * size;
      const y = Math.round(centre[0] + yy * r + yx * c);
      const x = Math.round(centre[1] + xy * r + xx * c);
      if (y < 0 || x < 0 || y >= view.height || x >= view.width) continue;
      const id = view.data[view.start + y * view.rowStride + x * view.columnStride];
      if (id !== volume.maskAt && (id !== 0 || volume.boundaryLabel === 0)) known++;
    }
  }
  return known / (PROBE * PROBE);
}

function renderInput(
  input: Float32Array,
  start: number,
  place: Place,
  spec: SampleSpec,
  random: Random,
): void {
  const { size, sections, augment } = spec;
  const plane = size * size;
  const alone = sections === 1;
  // Sections of one sample were stained and imaged alike: they share the grey curve, not the rest.
  const curve = drawGreyCurve(random, augment);
  const tiles: Float32Array[] = [];
  for (let k = 0; k < sections; k++) {
    const view = sectionView(place.volume.raw, place.cut, place.section + k * place.step);
    const table = normalisingTable(sectionHistogram(view), curve);
    tiles[k] = resampleRaw(view, place.field, place.margin, size, table, place.shifts[k]);
    const looks = random.fork(k);
    changeLooksInPlace(tiles[k], size, looks, augment);
    damageInPlace(tiles[k], size, looks, augment, alone);
  }
  const asked = targetSection(sections);
  for (let k = 0; k < sections; k++) {
    const losses = random.fork(sections + k);
    const loss = k === asked ? undefined : drawLoss(losses, augment);
    if (loss) loseInPlace(tiles[k], losses, loss, tiles[asked]);
    input.set(tiles[k], start + k * plane);
  }
}

function renderTargets(
  target: Float32Array,
  weight: Float32Array,
  start: number,
  place: Place,
  spec: SampleSpec,
  layout: TargetLayout,
  counts: readonly ClassCount[],
): void {
  const { size, sections, lsdSigma } = spec;
  const { margin } = place;
  const plane = size * size;
  const patches: LabelPatch[] = [];
  for (let k = 0; k < sections; k++) {
    const view = sectionView(place.volume.labels, place.cut, place.section + k * place.step);
    patches.push(resampleLabels(view, place.field, place.volume, place.shifts[k]));
  }
  if (spec.zReach) {
    renderBlockTargets({ target, weight, start }, patches, margin, spec, layout, counts);
    return;
  }
  const patch = patches[targetSection(sections)];
  const components = connectedComponents(patch);
  renderPlaneAffinities({ target, weight, start }, plane, patch, components, margin, spec, counts);
  for (let k = 0; k < layout.cross[1] - layout.cross[0]; k++) {
    const channel = layout.cross[0] + k;
    const at = start + channel * plane;
    addCount(counts[channel], crossAffinity(target, weight, at, patches[k], patches[k + 1], margin));
  }
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
