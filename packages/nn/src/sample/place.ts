/**
 * Where a sample is taken: a volume, a cut through it, a run of sections, a place in them, and the warp that brings
 * them to the patch.
 */
import type { Random } from '@kyn/core';
import { type CoordinateField, coordinateField, drawWarp, halfExtent, type Linear2 } from './coordinates.ts';
import type { Shift } from './resample.ts';
import { labelMargin, type SampleSpec, targetSection } from './spec.ts';
import { type Cut, fittingSteps, sectionView, type TrainingVolume, usableCuts } from './volume.ts';

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

export interface Place {
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

export function originOf({ volume, cut, section, step, centre }: Place): SampleOrigin {
  return { volume: volume.name, axis: (['z', 'y', 'x'] as const)[cut.stack], section, step, centre };
}

/**
 * @param random draws the warp and the shifts
 * @param places draws volume, cut, sections and place; the same stream unless patches are to be met again
 */
export function drawPlace(
  volumes: readonly TrainingVolume[],
  spec: SampleSpec,
  random: Random,
  places: Random = random,
): Place {
  const volume = volumes[places.pick(volumes.map((candidate) => candidate.weight))];
  const margin = labelMargin(spec);
  const side = spec.size + 2 * margin;
  const cuts = usableCuts(volume, spec.sections);
  const { shape } = volume.raw;
  // A cut counts by how much of a patch its sections can fill.
  const pixelsOf = (axis: number) => (spec.size * spec.pixelNm) / volume.voxelSizeNm[axis];
  const filled = (axis: number) => Math.min(1, shape[axis] / pixelsOf(axis));
  const cut = cuts[places.pick(cuts.map(({ row, column }) => filled(row) * filled(column)))];
  const voxelNm = [volume.voxelSizeNm[cut.row], volume.voxelSizeNm[cut.column]] as const;
  const warp = drawWarp(random, spec.augment, side, spec.pixelNm, voxelNm);
  const extent = halfExtent(warp, spec.size);
  const shifts = drawShifts(random, spec, warp.linear);
  const enough = KNOWN_ENOUGH * filled(cut.row) * filled(cut.column);
  let best: Pick<Place, 'section' | 'step' | 'centre'> = { section: 0, step: 1, centre: [0, 0] };
  let bestKnown = -1;
  for (let attempt = 0; attempt < PLACES && bestKnown < enough; attempt++) {
    const steps = fittingSteps(volume, shape[cut.stack], spec.sections);
    const step = steps[places.int(steps.length)];
    const section = places.int(shape[cut.stack] - step * (spec.sections - 1));
    const centre = [
      drawCentre(places, shape[cut.row], extent[0]),
      drawCentre(places, shape[cut.column], extent[1]),
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
  // what is to be linked is mostly shifted by little
  const draw = (): number => maxShift * random.uniform(-1, 1) ** (spec.displaced ? 3 : 1);
  const [r, c] = [draw(), draw()];
  const from = random.int(spec.sections);
  // In a block as often all sections from one on are shifted (Lee 2017: slip and translation).
  const end = spec.zReach && random.chance(0.5) ? spec.sections : from + 1;
  return shifts.fill({ y: yy * r + yx * c, x: xy * r + xx * c }, from, end);
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
