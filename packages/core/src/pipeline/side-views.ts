/**
 * Stacks of cubic voxels, seen from the side as well: the planes across the sections, along x and along y, are shown to the same
 * 2D network, which has been trained on cuts in all three directions. A plane across the sections says of each pair of
 * pixels in it what a section can not: how they go on from section to section, seen over all of the depth.
 *
 * A stack is gone through in slabs of sections, which overlap by what a plane's edge lacks in context; only one of them is in
 * memory.
 */
import type { CrossAffinity } from '../link/pair-evidence.ts';
import { type PredictOptions, type SectionPrediction, sectionPredictor } from '../predict/predict-section.ts';
import { planAxis } from '../predict/tiles.ts';
import { type NdArray, ndarray } from '../volume/array.ts';
import type { Offset2, Predictor, PredictorInfo, StageContext } from '../volume/contracts.ts';
import { mapAhead } from './ahead.ts';

/** Voxels whose sides differ by no more than this factor are cubes. */
const CUBIC = 1.25;

/** Sections at either end of a slab that lack context. */
const HALO = 12;

/** Sections of a slab, at most and at least, and the bytes that it may take: images, and what is seen of them. */
const MOST_SECTIONS = 128;
const LEAST_SECTIONS = 64;
const SLAB_BYTES = 2 ** 30;

/** Share of the views from the side in what is said of neighbouring sections. */
const SHARE_ACROSS = 2 / 3;

/** Planes along x are gathered so many at a time, which lie side by side in memory. */
const GATHERED = 16;

/** What stands for 1 in what a plane says, so that it fits into a byte: within the plane, and where two planes are added up. */
const ONE = 255;
const ONE_OF_TWO = 127;

/** What the views from the side say of one section. */
export interface SideAnswer {
  /** `[offsets, height, width]`, 255 for 1: each offset of the network, by the plane across the sections that it lies in. */
  readonly affinities: Uint8Array;
  /** `[height, width]`, 254 for 1: with the section before, by both planes. Without meaning in the first section. */
  readonly before: Uint8Array;
}

type Images = readonly NdArray<Float32Array>[];

export interface SidePredictor {
  /** First section of every slab, and how many sections each has. */
  readonly start: readonly number[];
  readonly side: number;
  /** The slab that tells of section `z`. */
  slabOf(z: number): number;
  /**
   * @param images the sections of a slab: dense float32 [height, width], contrast-normalised
   * @returns of those that it tells of, in order
   */
  predict(slab: number, images: Images, context?: StageContext): Promise<SideAnswer[]>;
}

/**
 * Whether looking from the side is of use: voxels are cubes, the network tells of neighbouring sections and of both axes alike,
 * and there are enough sections for a plane. `too large` where all that holds, but the sections of a slab are more than memory
 * should hold.
 * @param shape sections, rows and columns, in pixels of the network
 */
export function seesFromTheSide(
  { cross, offsets, tileMultiple }: PredictorInfo,
  [depth, height, width]: readonly [depth: number, height: number, width: number],
  voxelSizeNm: readonly number[],
): boolean | 'too large' {
  const cubic = Math.max(...voxelSizeNm) <= CUBIC * Math.min(...voxelSizeNm);
  if (!cubic || cross === undefined || depth < tileMultiple || !sideChannels(offsets)) return false;
  const sections = Math.min(depth, LEAST_SECTIONS);
  return sections * sectionBytes(offsets.length, height * width) <= SLAB_BYTES || 'too large';
}

/** What a slab holds of each section: the image, and a byte for each channel. */
function sectionBytes(offsets: number, plane: number): number {
  return plane * (Float32Array.BYTES_PER_ELEMENT + offsets + 1);
}

/** The channels of the network, seen from the side. */
interface SideChannels {
  /** Of a plane across the sections, to the row before: the section before. */
  readonly across: number;
  /** For every offset along x, and along y, the channel that has it in a plane whose columns are that axis. */
  readonly alongX: readonly (readonly [offset: number, channel: number])[];
  readonly alongY: readonly (readonly [offset: number, channel: number])[];
}

/** @returns undefined where some offset lies along no axis, or has no counterpart along the other */
function sideChannels(offsets: readonly Offset2[]): SideChannels | undefined {
  const find = (dy: number, dx: number): number => offsets.findIndex(([y, x]) => y === dy && x === dx);
  const indices = Array.from(offsets.keys());
  const alongX = indices.filter((i) => offsets[i][0] === 0).map((i) => [i, i] as const);
  const alongY = indices.filter((i) => offsets[i][1] === 0).map((i) => [i, find(0, offsets[i][0])] as const);
  const across = find(-1, 0);
  const complete = alongX.length + alongY.length === offsets.length && alongY.every(([, from]) => from >= 0);
  return complete && across >= 0 ? { across, alongX, alongY } : undefined;
}

/** Prepares slabs for stacks of one size. */
export function sidePredictor(
  predictor: Predictor,
  [depth, height, width]: readonly [depth: number, height: number, width: number],
  options: Pick<PredictOptions, 'flips'>,
): SidePredictor {
  const { offsets, contextSections, tileMultiple } = predictor.info;
  const channels = sideChannels(offsets);
  if (!channels) throw new RangeError('the network does not see planes across the sections');
  const plane = height * width;
  const fitting = Math.floor(SLAB_BYTES / sectionBytes(offsets.length, plane));
  const maxSide = Math.min(MOST_SECTIONS, Math.max(LEAST_SECTIONS, fitting));
  const plan = planAxis(depth, { multiple: tileMultiple, maxSide, halo: HALO, alignment: 1 });
  const { start } = plan;
  const side = Math.min(plan.side, depth);
  /** Slabs change over in the middle of what two of them have in common. */
  const changes = start.slice(1).map((first, i) => Math.floor((first + start[i] + side) / 2));
  const { across, alongX, alongY } = channels;
  /** Planes along either axis: how they are made, and where a section's pixels lie that they tell of. */
  const axes = [
    {
      count: height,
      gather: (images: Images, y: number) => [planeOfRow(images, y, width)],
      network: sectionPredictor(predictor, side, width, options),
      kept: { along: alongX, across, step: 1, count: width },
      pitch: width,
    },
    {
      count: width,
      gather: (images: Images, x: number) => planesOfColumns(images, x, height, width),
      network: sectionPredictor(predictor, side, height, options),
      kept: { along: alongY, across, step: width, count: height },
      pitch: 1,
    },
  ];

  return {
    start,
    side,
    slabOf: (z) => changes.filter((change) => z >= change).length,
    async predict(slab, images, context = {}) {
      const [first, end] = [changes[slab - 1] ?? 0, changes[slab] ?? depth];
      const answers = Array.from({ length: end - first }, () => ({
        affinities: new Uint8Array(offsets.length * plane),
        before: new Uint8Array(plane),
      }));
      let done = slab * (height + width);
      const total = start.length * (height + width);
      for (const { count, gather, network, kept, pitch } of axes) {
        const planes = new Planes(contextSections, count, (i) => gather(images, i));
        const indices = Array.from({ length: count }, (_, i) => i);
        const predicted = mapAhead(indices, (i) => network.predict(planes.around(i), context), network.ahead);
        let at = 0;
        for await (const { affinities } of predicted) {
          keep(answers, affinities, first - start[slab], { ...kept, at });
          at += pitch;
          context.onProgress?.({ stage: 'side views', done: ++done, total, unit: 'planes' });
        }
      }
      return answers;
    },
  };
}

/** Planes across the sections, in order; those that have been passed are let go. */
class Planes {
  private readonly found = new Map<number, NdArray<Float32Array>>();

  /** @param gather the plane of an index, and those after it that come with it */
  constructor(
    private readonly context: number,
    private readonly count: number,
    private readonly gather: (index: number) => NdArray<Float32Array>[],
  ) {}

  /** @returns a plane between its neighbours; at the ends the last stands in for the rest. To be asked for in rising order. */
  around(index: number): NdArray<Float32Array>[] {
    const [first, last] = [Math.max(0, index - this.context), Math.min(this.count - 1, index + this.context)];
    for (const passed of this.found.keys()) if (passed < first) this.found.delete(passed);
    return Array.from({ length: 1 + 2 * this.context }, (_, i) =>
      this.at(Math.min(last, Math.max(first, index + i - this.context))),
    );
  }

  private at(index: number): NdArray<Float32Array> {
    const known = this.found.get(index);
    if (known) return known;
    const [plane, ...following] = this.gather(index);
    this.found.set(index, plane);
    following.forEach((each, i) => {
      this.found.set(index + 1 + i, each);
    });
    return plane;
  }
}

/** @returns row `y` of every section, [sections, width] */
function planeOfRow(images: Images, y: number, width: number): NdArray<Float32Array> {
  const data = new Float32Array(images.length * width);
  images.forEach((image, z) => {
    data.set(image.data.subarray(y * width, (y + 1) * width), z * width);
  });
  return ndarray(data, [images.length, width]);
}

/** @returns columns `x` and those after it of every section, each [sections, height] */
function planesOfColumns(images: Images, x: number, height: number, width: number): NdArray<Float32Array>[] {
  const count = Math.min(GATHERED, width - x);
  const planes = Array.from({ length: count }, () => new Float32Array(images.length * height));
  images.forEach(({ data }, z) => {
    for (let y = 0; y < height; y++) gatherColumns(planes, z * height + y, data, y * width + x);
  });
  return planes.map((data) => ndarray(data, [images.length, height]));
}

function gatherColumns(planes: readonly Float32Array[], to: number, data: Float32Array, from: number): void {
  for (let i = 0; i < planes.length; i++) planes[i][to] = data[from + i];
}

/** What one kind of plane says, and where it belongs in a section. */
interface Kept {
  /** Offset of the section, and channel of the plane that has it along its columns. */
  readonly along: readonly (readonly [offset: number, channel: number])[];
  readonly across: number;
  /** The plane's first pixel in a section, pixels from one to the next, and how many there are. */
  readonly at: number;
  readonly step: number;
  readonly count: number;
}

/** Keeps what a plane says of the sections from `from` on; `answers` are written to. */
function keep(
  answers: readonly SideAnswer[],
  { data, stride }: SectionPrediction['affinities'],
  from: number,
  { along, across, at, step, count }: Kept,
): void {
  answers.forEach(({ affinities, before }, i) => {
    const row = (channel: number): number => channel * stride[0] + (from + i) * stride[1];
    for (const [offset, channel] of along) {
      addLine(affinities, offset * before.length + at, step, data, row(channel), stride[2], count, ONE);
    }
    addLine(before, at, step, data, row(across), stride[2], count, ONE_OF_TWO);
  });
}

/** One line of a plane, in a function of its own, as in `segment/watershed.ts`. */
function addLine(
  out: Uint8Array,
  at: number,
  step: number,
  data: Float32Array,
  from: number,
  stride: number,
  count: number,
  scale: number,
): void {
  for (let i = 0, p = at, q = from; i < count; i++, p += step, q += stride) out[p] += scale * data[q] + 0.5;
}

/** Averages a section's affinities, in place, with what is seen from the side; `[offsets, height, width]`, any stride. */
export function mixInPlane({ data, shape, stride }: NdArray<Float32Array>, { affinities }: SideAnswer): void {
  const [channels, height, width] = shape;
  for (let c = 0, from = 0; c < channels; c++) {
    for (let y = 0; y < height; y++, from += width) {
      mixLine(data, c * stride[0] + y * stride[1], stride[2], affinities, from, width);
    }
  }
}

function mixLine(
  data: Float32Array,
  at: number,
  stride: number,
  side: Uint8Array,
  from: number,
  count: number,
): void {
  for (let i = 0, p = at; i < count; i++, p += stride) data[p] = (data[p] + side[from + i] / ONE) / 2;
}

/**
 * Averages what is said of a section and the one before it, in place, with what is seen from the side.
 * @param cross in place first: dense `[channels, ceil(height / stride), ceil(width / stride)]`
 */
export function mixAcross(
  { values: { data, shape }, stride }: CrossAffinity,
  { before }: SideAnswer,
  [height, width]: readonly [number, number],
): void {
  const [, rows, columns] = shape;
  for (let row = 0, p = 0; row < rows; row++) {
    const [top, bottom] = [row * stride, Math.min(height, (row + 1) * stride)];
    for (let column = 0; column < columns; column++, p++) {
      const [left, right] = [column * stride, Math.min(width, (column + 1) * stride)];
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) sum += before[y * width + x];
      }
      const mean = sum / (2 * ONE_OF_TWO * (bottom - top) * (right - left));
      data[p] += SHARE_ACROSS * (mean - data[p]);
    }
  }
}
