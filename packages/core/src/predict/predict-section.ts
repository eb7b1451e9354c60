/**
 * A section through a 2D network: cut into tiles, mirrored beyond its border, predicted, blended.
 *
 * Two tiles are on their way at any time, so that a runtime of two networks keeps both busy, and one of one has work while
 * this thread blends the last tile. Buffers are reused from call to call; where one tile covers the section, its result is
 * handed on uncopied.
 *
 * With `flips` every tile is also predicted mirrored along y, along x and along both, and what is said of it and its neighbours
 * is averaged (test-time augmentation): four times the work, for the "accurate" setting.
 */
import { KynError, throwIfCancelled } from '../errors.ts';
import { elementCount, type NdArray, ndarray, toDense } from '../volume/array.ts';
import type { Offset2, Prediction, Predictor, PredictorInfo, StageContext } from '../volume/contracts.ts';
import { addFlippedTile, addTile, type Flip } from './blend.ts';
import { Pool, sendAll } from './pool.ts';
import { mirrorIndex, planAxis, type TileAxis } from './tiles.ts';

export interface PredictOptions {
  /** Average over mirrored copies (four times the work). */
  readonly flips: boolean;
  /** Stacks of cubic voxels are looked at from the side as well (three times the work, or more). */
  readonly sideViews: boolean;
}

export const PREDICT_DEFAULTS = { flips: false, sideViews: true } as const satisfies PredictOptions;

/** Tiles on their way at a time. */
const IN_FLIGHT = 2;

/** Tiles of a section of which one is a small part. */
const MANY = 9;

export interface TilePlan {
  readonly rows: TileAxis;
  readonly columns: TileAxis;
}

/** Tiles for sections of [height, width]. */
export function planTiles(height: number, width: number, info: PredictorInfo): TilePlan {
  const options = { multiple: info.tileMultiple, maxSide: info.tileSize, halo: info.halo };
  return { rows: planAxis(height, options), columns: planAxis(width, options) };
}

/** The tile in the middle of a section, for a network that sees one at a time. @returns `[1, 1, h, w]` */
export function middleTile(image: NdArray<Float32Array>, info: PredictorInfo): NdArray<Float32Array> {
  const plan = planTiles(image.shape[0], image.shape[1], info);
  const { rows, columns } = plan;
  const tile = ndarray(new Float32Array(rows.side * columns.side), [1, 1, rows.side, columns.side]);
  const middle = { row: rows.start.length >> 1, column: columns.start.length >> 1, y: false, x: false };
  cutTile(image, plan, middle, tile.data);
  return tile;
}

export interface SectionPrediction {
  /**
   * float32 [channels, height, width] in 0..1, any stride. The buffer of this call is used again `ahead` + 1 calls later.
   */
  readonly affinities: NdArray<Float32Array>;
  /**
   * Dense float32 [channels, ceil(height / stride), ceil(width / stride)] in 0..1: what the network says of the
   * neighbouring sections, as `info.cross` says; its own.
   */
  readonly cross: NdArray<Float32Array> | undefined;
}

export interface SectionPredictor {
  /** How many sections should be asked for before the result of one is used, so that there are always two tiles to predict. */
  readonly ahead: number;
  /**
   * @param sections what the network sees, in order of depth, the section asked about in the middle: 1 + 2 *
   * `contextSections` images, dense float32 [height, width], contrast-normalised; read until the promise settles.
   */
  predict(sections: readonly NdArray<Float32Array>[], context?: StageContext): Promise<SectionPrediction>;
}

interface TileJob extends Flip {
  readonly row: number;
  readonly column: number;
}

function listJobs({ rows, columns }: TilePlan, { flips }: Pick<PredictOptions, 'flips'>): TileJob[] {
  const jobs: TileJob[] = [];
  for (let row = 0; row < rows.start.length; row++) {
    for (let column = 0; column < columns.start.length; column++) {
      jobs.push({ row, column, y: false, x: false });
      if (!flips) continue;
      jobs.push({ row, column, y: true, x: false });
      jobs.push({ row, column, y: false, x: true });
      jobs.push({ row, column, y: true, x: true });
    }
  }
  return jobs;
}

/** Prepares tiles and buffers for sections of one size. */
export function sectionPredictor(
  predictor: Predictor,
  height: number,
  width: number,
  options: Pick<PredictOptions, 'flips'> = PREDICT_DEFAULTS,
): SectionPredictor {
  const plan = planTiles(height, width, predictor.info);
  const { rows, columns } = plan;
  const jobs = listJobs(plan, options);
  const { offsets, contextSections, cross: across } = predictor.info;
  const depth = 1 + 2 * contextSections;
  const tilePixels = rows.side * columns.side;
  const values = offsets.length * height * width;
  // so that the last of an odd number of tiles is not alone; of many it matters little, and the buffers are large
  const ahead = jobs.length % IN_FLIGHT === 0 || jobs.length > MANY ? 1 : IN_FLIGHT;
  const inputs = Array.from({ length: IN_FLIGHT }, () =>
    ndarray(new Float32Array(depth * tilePixels), [1, depth, rows.side, columns.side]),
  );
  const free = new Pool(inputs);
  const outputs: { readonly sum: Float32Array; readonly weight: Float32Array | undefined }[] = [];
  let calls = 0;

  const send = (
    sections: readonly NdArray<Float32Array>[],
    { signal }: StageContext,
    input: NdArray<Float32Array>,
    job: TileJob,
  ): Promise<Prediction> => {
    throwIfCancelled(signal);
    sections.forEach((image, i) => {
      cutTile(image, plan, job, input.data.subarray(i * tilePixels, (i + 1) * tilePixels));
    });
    return predictor.predict(input, signal);
  };
  /** Adds what the network says of the neighbours to what it has said so far, which is nothing at first. */
  const addCross = (
    soFar: NdArray<Float32Array> | undefined,
    tile: NdArray<Float32Array> | undefined,
    job: TileJob,
  ): NdArray<Float32Array> | undefined => {
    if (!across) return undefined;
    const channels = 2 + across.displacements.length;
    if (tile?.shape[1] !== channels) {
      throw new KynError('model', 'the network says nothing of neighbouring sections, though it should');
    }
    const shape = [channels, Math.ceil(height / across.stride), Math.ceil(width / across.stride)];
    if (jobs.length === 1) return toDense({ data: tile.data, shape, stride: tile.stride.slice(1) });
    const out = soFar ?? ndarray(new Float32Array(elementCount(shape)), shape);
    const turned = options.flips ? turnBack(tile, job, across.displacements) : tile;
    addTile(out.data, out.shape[1], out.shape[2], { tile: turned, ...coarser(plan, job, across.stride) });
    return out;
  };
  const place = (tile: NdArray<Float32Array>, { row, column }: TileJob) => ({
    tile,
    top: rows.start[row],
    left: columns.start[column],
    weightY: rows.weight[row],
    weightX: columns.weight[column],
  });

  return {
    ahead,
    async predict(sections, context = {}) {
      throwIfCancelled(context.signal);
      if (sections.length !== depth) {
        throw new RangeError(`the network sees ${depth} sections, not ${sections.length}`);
      }
      let cross: NdArray<Float32Array> | undefined;
      let affinities: NdArray<Float32Array> | undefined;
      const slot = calls++ % (ahead + 1);
      if (jobs.length > 1) {
        outputs[slot] ??= {
          sum: new Float32Array(values),
          weight: options.flips ? new Float32Array(values) : undefined,
        };
        outputs[slot].sum.fill(0);
        outputs[slot].weight?.fill(0);
        affinities = ndarray(outputs[slot].sum, [offsets.length, height, width]);
      }
      const take = ({ affinities: tile, cross: crossTile }: Prediction, job: TileJob): void => {
        throwIfCancelled(context.signal);
        checkTile(tile, offsets.length, plan);
        cross = addCross(cross, crossTile, job);
        if (!affinities) {
          const shape = [offsets.length, height, width];
          affinities = { data: tile.data, shape, stride: tile.stride.slice(1) };
          return;
        }
        const { sum, weight } = outputs[slot];
        if (weight) addFlippedTile(sum, weight, height, width, place(tile, job), job, offsets);
        else addTile(sum, height, width, place(tile, job));
      };
      await sendAll(free, jobs, (input, job) => send(sections, context, input, job), take);
      if (!affinities) throw new Error('no tile');
      const { weight } = outputs[slot] ?? {};
      if (weight) for (let i = 0; i < weight.length; i++) affinities.data[i] /= weight[i];
      return { affinities, cross };
    },
  };
}

/** Place and weights of a tile of which every `stride`th pixel is given. */
function coarser({ rows, columns }: TilePlan, { row, column }: TileJob, stride: number) {
  return {
    top: rows.start[row] / stride,
    left: columns.start[column] / stride,
    weightY: everyNth(rows.weight[row], stride),
    weightX: everyNth(columns.weight[column], stride),
  };
}

/** Mirrored copies that are averaged. */
const COPIES = 4;

/**
 * Its share of the mean of all copies: what was said of a mirrored tile, as the section lies. The displaced channels change
 * places as their displacements do; where one has no counterpart, they are taken from the tile that is not mirrored alone.
 */
function turnBack(
  { data, shape, stride }: NdArray<Float32Array>,
  { y: turnY, x: turnX }: Flip,
  displacements: readonly Offset2[],
): NdArray<Float32Array> {
  const [, channels, height, width] = shape;
  const out = new Float32Array(channels * height * width);
  const counterpart = (turnedY: boolean, turnedX: boolean, [dy, dx]: Offset2): number =>
    displacements.findIndex(([y, x]) => y === (turnedY ? -dy : dy) && x === (turnedX ? -dx : dx));
  const paired = displacements.every(
    (d) => counterpart(true, false, d) >= 0 && counterpart(false, true, d) >= 0,
  );
  for (let c = 0; c < channels; c++) {
    const displaced = c - (channels - displacements.length);
    const alone = displaced >= 0 && !paired;
    if (alone && (turnY || turnX)) continue;
    const share = alone ? 1 : 1 / COPIES;
    const from =
      displaced < 0 || alone ? c : c - displaced + counterpart(turnY, turnX, displacements[displaced]);
    for (let y = 0, to = c * height * width; y < height; y++) {
      const row = from * stride[1] + (turnY ? height - 1 - y : y) * stride[2];
      for (let x = 0; x < width; x++) {
        out[to++] = share * data[row + (turnX ? width - 1 - x : x) * stride[3]];
      }
    }
  }
  return ndarray(out, shape);
}

/** Every `stride`th value, from the first. */
function everyNth(values: Float32Array, stride: number): Float32Array {
  return Float32Array.from({ length: Math.ceil(values.length / stride) }, (_, i) => values[i * stride]);
}

/** Copies a tile out of the section, mirrored beyond its border and flipped as the job says. */
function cutTile(
  image: NdArray<Float32Array>,
  { rows, columns }: TilePlan,
  job: TileJob,
  out: Float32Array,
): void {
  const [height, width] = image.shape;
  const top = rows.start[job.row];
  const left = columns.start[job.column];
  const { side } = columns;
  const inside = Math.min(side, width - left);
  for (let y = 0; y < rows.side; y++) {
    const from = mirrorIndex(top + y, height) * width;
    const to = (job.y ? rows.side - 1 - y : y) * side;
    const line = out.subarray(to, to + side);
    line.set(image.data.subarray(from + left, from + left + inside));
    for (let x = inside; x < side; x++) line[x] = image.data[from + mirrorIndex(left + x, width)];
    if (job.x) line.reverse();
  }
}

function checkTile({ shape }: NdArray, channels: number, { rows, columns }: TilePlan): void {
  if (shape.length === 4 && shape[1] === channels && shape[2] === rows.side && shape[3] === columns.side)
    return;
  throw new KynError(
    'model',
    `the network gives ${shape.join('×')} for a tile of ${rows.side}×${columns.side}, not ${channels} channels of it`,
  );
}
