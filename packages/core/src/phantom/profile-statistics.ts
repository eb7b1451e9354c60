/**
 * Figures that tell one neuropil from another: how large profiles are, how much of a profile the next section keeps,
 * how drawn out they are, how many a neuron has. A profile is a 4-connected piece of equal id in one section; two
 * profiles of neighbouring sections are true neighbours when they have the same id and share a pixel; their overlap
 * is intersection over union. Machine labels are full of specks of a few pixels, so each figure is given over all
 * profiles and over those of at least 25 pixels.
 */
import { toDense } from '../volume/array.ts';
import type { LabelSource } from '../volume/contracts.ts';

export interface Quartiles {
  readonly q25: number;
  readonly median: number;
  readonly q75: number;
}

export interface ProfileFigures {
  /** Profiles per section. */
  readonly profiles: number;
  /** Pixels. */
  readonly area: Quartiles;
  /** Intersection over union of true neighbours. */
  readonly overlap: Quartiles;
}

export interface ProfileStatistics {
  readonly all: ProfileFigures;
  /** Profiles of at least 25 pixels, pairs of such. */
  readonly traced: ProfileFigures;
  /** Share of profiles below 10 pixels. */
  readonly specks: number;
  /** Profiles (at least 25 pixels) that a neuron has in a section where it has any. */
  readonly profilesPerNeuron: number;
  /** Share of profiles (at least 25 pixels, off the border) more than three times as long as wide. */
  readonly elongated: number;
}

const TRACED_PIXELS = 25;
const SPECK_PIXELS = 10;

function quartiles(values: number[]): Quartiles {
  const sorted = values.slice().sort((a, b) => a - b);
  const at = (q: number) => {
    const place = q * (sorted.length - 1);
    const low = sorted[Math.floor(place)] ?? Number.NaN;
    return low + (place % 1) * ((sorted[Math.ceil(place)] ?? low) - low);
  };
  return { q25: at(0.25), median: at(0.5), q75: at(0.75) };
}

interface Profiles {
  /** Profile of each pixel, 1 and up; 0 where the label is 0. */
  readonly of: Int32Array;
  readonly area: number[];
  readonly id: number[];
}

/** 4-connected pieces of equal id by flood fill: slow and plain. */
function profilesOf(labels: Uint32Array, width: number): Profiles {
  const of = new Int32Array(labels.length);
  const area = [0];
  const id = [0];
  const stack: number[] = [];
  for (let start = 0; start < labels.length; start++) {
    if (labels[start] === 0 || of[start] !== 0) continue;
    const name = area.length;
    const label = labels[start];
    let pixels = 0;
    of[start] = name;
    stack.push(start);
    for (let p = stack.pop(); p !== undefined; p = stack.pop()) {
      pixels++;
      const x = p % width;
      const around = [x > 0 ? p - 1 : -1, x + 1 < width ? p + 1 : -1, p - width, p + width];
      for (const q of around) {
        if (q < 0 || q >= labels.length || of[q] !== 0 || labels[q] !== label) continue;
        of[q] = name;
        stack.push(q);
      }
    }
    area.push(pixels);
    id.push(label);
  }
  return { of, area, id };
}

/** How many of the profiles that count (off the border) there are, and how many of those are elongated. */
function countElongated(profiles: Profiles, width: number): [counted: number, elongated: number] {
  const { of, area } = profiles;
  const height = of.length / width;
  const sums = area.map(() => [0, 0, 0, 0, 0]);
  const border = area.map(() => false);
  for (let p = 0; p < of.length; p++) {
    const [y, x] = [Math.floor(p / width), p % width];
    const sum = sums[of[p]];
    sum[0] += y;
    sum[1] += x;
    sum[2] += y * y;
    sum[3] += x * x;
    sum[4] += x * y;
    if (y === 0 || x === 0 || y === height - 1 || x === width - 1) border[of[p]] = true;
  }
  let counted = 0;
  let elongated = 0;
  for (let i = 1; i < area.length; i++) {
    if (border[i] || area[i] < TRACED_PIXELS) continue;
    const [my, mx] = [sums[i][0] / area[i], sums[i][1] / area[i]];
    const vy = sums[i][2] / area[i] - my * my + 1 / 12;
    const vx = sums[i][3] / area[i] - mx * mx + 1 / 12;
    const cov = sums[i][4] / area[i] - mx * my;
    const root = Math.sqrt((vy - vx) ** 2 + 4 * cov * cov);
    counted++;
    if (vy + vx + root > 9 * (vy + vx - root)) elongated++;
  }
  return [counted, elongated];
}

/** Figures over the named pairs of sections (z, z + 1). Nothing is mutated. */
export async function profileStatistics(
  source: LabelSource,
  pairs?: readonly number[],
): Promise<ProfileStatistics> {
  const [depth, , width] = source.info.shape;
  const areas: number[] = [];
  const overlaps: number[] = [];
  const tracedOverlaps: number[] = [];
  let neurons = 0;
  let counted = 0;
  let elongated = 0;
  let held: { z: number; profiles: Profiles } | undefined;
  const read = async (z: number) => {
    if (held?.z === z) return held.profiles;
    const section = await source.read(z);
    held = { z, profiles: profilesOf(toDense(section).data, width) };
    return held.profiles;
  };
  const list = pairs ?? Array.from({ length: depth - 1 }, (_, z) => z);
  for (const z of list) {
    const lower = await read(z);
    const upper = await read(z + 1);
    areas.push(...lower.area.slice(1));
    neurons += new Set(lower.id.filter((_, i) => lower.area[i] >= TRACED_PIXELS)).size;
    const [some, long] = countElongated(lower, width);
    counted += some;
    elongated += long;
    const shared = new Map<number, number>();
    for (let p = 0; p < lower.of.length; p++) {
      const [i, j] = [lower.of[p], upper.of[p]];
      if (i === 0 || j === 0 || lower.id[i] !== upper.id[j]) continue;
      const key = i * upper.area.length + j;
      shared.set(key, (shared.get(key) ?? 0) + 1);
    }
    for (const [key, pixels] of shared) {
      const a = lower.area[Math.floor(key / upper.area.length)];
      const b = upper.area[key % upper.area.length];
      overlaps.push(pixels / (a + b - pixels));
      if (Math.min(a, b) >= TRACED_PIXELS) tracedOverlaps.push(pixels / (a + b - pixels));
    }
  }
  const traced = areas.filter((area) => area >= TRACED_PIXELS);
  return {
    all: { profiles: areas.length / list.length, area: quartiles(areas), overlap: quartiles(overlaps) },
    traced: {
      profiles: traced.length / list.length,
      area: quartiles(traced),
      overlap: quartiles(tracedOverlaps),
    },
    specks: areas.filter((area) => area < SPECK_PIXELS).length / areas.length,
    profilesPerNeuron: traced.length / neurons,
    elongated: elongated / counted,
  };
}
