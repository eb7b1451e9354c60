/**
 * Painted sections as the network sees them and as it is trained on them. Both are in the network's pixels and
 * contrast, made once by the lines that segmenting uses, so that training, checking and later use agree.
 */
import {
  type NdArray,
  type NetworkView,
  type NormalisedSection,
  ndarray,
  networkPixelNm,
  type ResamplePlan,
  sectionsInSight,
  seeSection,
  toDense,
  type Vec3,
  withNeighbours,
  withShifts,
} from '@kyn/core';
import { normalisedBytes } from '../sample/load-volume.ts';
import type { TrainingVolume } from '../sample/volume.ts';
import { type PaintedSection, UNPAINTED } from './painting.ts';

/** Pixels of a section, `[from, to)` on either axis. */
export interface Region {
  readonly min: readonly [y: number, x: number];
  readonly max: readonly [y: number, x: number];
}

export interface SeenSection {
  readonly painted: PaintedSection;
  /** What the network sees: 1 + 2 * `contextSections` images in its pixels, the painted section in the middle. */
  readonly seen: readonly NdArray<Float32Array>[];
  /** In the network's pixels; undefined where all is tissue. */
  readonly tissue: Uint8Array | undefined;
}

/**
 * Reads painted sections and their neighbours.
 * @param contextSections how many neighbours on either side the network sees
 * @returns those with tissue, in order of depth
 */
export async function seePainted(
  view: NetworkView,
  painted: readonly PaintedSection[],
  contextSections: number,
): Promise<SeenSection[]> {
  const { shape, sectionPositions } = view.source.info;
  const byIndex = new Map(painted.map((each) => [each.z, each]));
  // as far as the network may look past sections without tissue
  const reach = sectionsInSight(contextSections);
  const around = painted.flatMap(({ z }) => Array.from({ length: 1 + 2 * reach }, (_, i) => z - reach + i));
  const wanted = [...new Set(around)].filter((z) => z >= 0 && z < shape[0]).sort((a, b) => a - b);
  const out: SeenSection[] = [];
  const position = (z: number): number => sectionPositions?.[z] ?? z;
  const shifted = withShifts(read(view, wanted), networkPixelNm(view), position);
  for await (const { section, seen } of withNeighbours(shifted, contextSections, position)) {
    const here = byIndex.get(section.z);
    if (here && section.state === 'tissue') out.push({ painted: here, seen, tissue: section.tissue });
  }
  return out;
}

async function* read(
  view: NetworkView,
  sections: readonly number[],
): AsyncGenerator<NormalisedSection & { z: number }, void, undefined> {
  for (const z of sections) yield { ...(await seeSection(view, z)), z };
}

/**
 * A painted section with its neighbours as a volume to train on, in the network's pixels.
 * @param without part of the section that is left out, in section pixels
 */
export function trainingVolume(
  { painted, seen, tissue }: SeenSection,
  plan: ResamplePlan,
  voxelSizeNm: Vec3,
  without?: Region,
): TrainingVolume {
  const [height, width] = plan.small;
  const plane = height * width;
  const raw = new Uint8Array(seen.length * plane);
  seen.forEach((image, k) => {
    raw.set(normalisedBytes(image.data), k * plane);
  });
  const labels = new Uint32Array(raw.length).fill(UNPAINTED);
  const kept = without ? cutOut(painted.profiles, without) : toDense(painted.profiles).data;
  const middle = shrinkProfiles(kept, plan);
  if (tissue) for (let p = 0; p < plane; p++) if (!tissue[p]) middle[p] = UNPAINTED;
  labels.set(middle, (seen.length >> 1) * plane);
  const shape = [seen.length, height, width];
  return {
    name: painted.name,
    raw: ndarray(raw, shape),
    labels: ndarray(labels, shape),
    voxelSizeNm,
    weight: 1,
    boundaryLabel: 0,
    maskAt: UNPAINTED,
  };
}

/** The profiles with a region unpainted. */
function cutOut({ data, shape }: NdArray<Uint32Array>, { min, max }: Region): Uint32Array {
  const out = data.slice();
  for (let y = min[0]; y < max[0]; y++) out.fill(UNPAINTED, y * shape[1] + min[1], y * shape[1] + max[1]);
  return out;
}

/**
 * Painted profiles in the network's pixels. A pixel is membrane where half of the section's pixels in it are, unknown
 * where one of them is, else what most of them are: thin membranes stay, and where one breaks, the profiles on its two
 * sides still differ.
 */
export function shrinkProfiles(profiles: Uint32Array, plan: ResamplePlan): Uint32Array {
  const [height, width] = plan.small;
  const out = new Uint32Array(height * width);
  const rows = spans(plan.full[0], height, plan.factor[0]);
  const columns = spans(plan.full[1], width, plan.factor[1]);
  const values: number[] = [];
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      values.length = 0;
      for (let row = rows[y][0]; row < rows[y][1]; row++) {
        for (let column = columns[x][0]; column < columns[x][1]; column++) {
          values.push(profiles[row * plan.full[1] + column]);
        }
      }
      out[p] = vote(values);
    }
  }
  return out;
}

function vote(values: readonly number[]): number {
  let [best, most, membrane] = [0, 0, 0];
  for (const value of values) {
    if (value === UNPAINTED) return UNPAINTED;
    if (value === 0) membrane++;
    else {
      const count = values.reduce((sum, other) => sum + (other === value ? 1 : 0), 0);
      if (count > most) [best, most] = [value, count];
    }
  }
  return 2 * membrane >= values.length ? 0 : best;
}

/** Section pixels `[from, to)` of every network pixel of one axis, as sections are resampled. */
function spans(full: number, small: number, factor: number): [from: number, to: number][] {
  const ratio = Number.isInteger(factor) ? factor : full / small;
  return Array.from({ length: small }, (_, i) => {
    const from = Math.min(full - 1, Math.floor(i * ratio));
    return [from, Math.min(full, Math.max(from + 1, Math.floor((i + 1) * ratio)))];
  });
}
