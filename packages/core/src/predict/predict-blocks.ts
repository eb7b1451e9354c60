/**
 * A stack through a 3D network: cut into blocks that overlap along all three axes, predicted, blended. The weights are
 * those of 2D tiles, with one more axis. Blocks of the same sections make up a slab; slabs follow each other in z, and
 * only the sections of a few slabs are in memory, however deep the stack is.
 *
 * In its first sections a block cannot know of the sections before: affinities with those are taken from where they
 * were seen, and blended over what is left of the overlap.
 */
import { KynError, throwIfCancelled } from '../errors.ts';
import { type NdArray, ndarray } from '../volume/array.ts';
import type { BlockPredictor, BlockPredictorInfo, Predictor, StageContext } from '../volume/contracts.ts';
import { addTile } from './blend.ts';
import { Pool, sendAll } from './pool.ts';
import { blendWeights, mirrorIndex, planAxis, type TileAxis, type TileOptions } from './tiles.ts';

/** Blocks on their way at a time. */
const IN_FLIGHT = 2;

/** Sections whose results may still be read while the next slab is made. */
const HELD = 2;

/** True for a 3D network. */
export function isBlockPredictor(
  predictor: Predictor | BlockPredictor | undefined,
): predictor is BlockPredictor {
  return predictor !== undefined && 'zReach' in predictor.info;
}

export interface BlockPlan {
  readonly sections: TileAxis;
  readonly rows: TileAxis;
  readonly columns: TileAxis;
  /** Weights along z of the affinities with sections before, by `zReach`, then slab. */
  readonly across: readonly (readonly Float32Array[])[];
}

/** Blocks for stacks of [depth, height, width]. */
export function planBlocks(
  [depth, height, width]: readonly [number, number, number],
  info: BlockPredictorInfo,
): BlockPlan {
  const inPlane = { multiple: info.tileMultiple, maxSide: info.tileSize, halo: info.halo };
  const sections = planAxis(depth, {
    multiple: 1,
    maxSide: info.blockDepth,
    halo: info.haloDepth,
    alignment: 1,
  });
  const { side, start } = sections;
  const across = info.zReach.map((reach) => {
    // what a slab knows of sections that lie `reach` before begins that much later
    const known = Math.max(0, side - reach);
    const weight = blendWeights(
      depth,
      known,
      start.map((first) => first + reach),
    );
    return weight.map((w) => Float32Array.from({ length: side }, (_, k) => (k < reach ? 0 : w[k - reach])));
  });
  const rows = planAxis(height, inPlane);
  const columns = planAxis(width, inPlane);
  const count = start.length * rows.start.length * columns.start.length;
  if (count > 1) return { sections, rows, columns, across };
  return height > width
    ? { sections, rows: cutInTwo(height, rows, inPlane), columns, across }
    : { sections, rows, columns: cutInTwo(width, columns, inPlane), across };
}

/**
 * Two blocks are predicted at a time: a single one would be, on half of the cores. What two tiles have in common is predicted
 * twice, so an extent of a few of these stays whole. (To cut three blocks into four gains nothing.)
 */
function cutInTwo(extent: number, axis: TileAxis, options: TileOptions): TileAxis {
  const { halo, multiple } = options;
  return extent < 8 * halo ? axis : planAxis(extent, { ...options, maxSide: axis.side - multiple });
}

/** What the network says of one section. Good while no slab is asked for that is `ahead` slabs beyond its own. */
export interface BlockedSection {
  /** `[offsets, height, width]` in 0..1. */
  readonly affinities: NdArray<Float32Array>;
  /** `[zReach, height, width]`: affinities with the sections before; 0 where there is none. */
  readonly across: NdArray<Float32Array>;
}

export interface SlabPredictor {
  /** First section of every slab, and how many sections each has. */
  readonly start: readonly number[];
  readonly side: number;
  /** How many slabs should be asked for before the sections of one are used, so that there are always two blocks to predict. */
  readonly ahead: number;
  /** The first slab whose result counts in section `z`. */
  firstSlabOf(z: number): number;
  /**
   * Predicts a slab; to be called in order, from any, before or after the one before is done.
   * @param images its sections: dense float32 [height, width], contrast-normalised
   */
  predict(slab: number, images: readonly NdArray<Float32Array>[], context?: StageContext): Promise<void>;
  /** A section that lies before the next slab. */
  section(z: number): BlockedSection;
}

/** Prepares blocks and buffers for stacks of one size. */
export function slabPredictor(
  predictor: BlockPredictor,
  shape: readonly [depth: number, height: number, width: number],
): SlabPredictor {
  const { info } = predictor;
  const [, height, width] = shape;
  const plan = planBlocks(shape, info);
  const { sections, rows, columns } = plan;
  const { side, start } = sections;
  const plane = height * width;
  const inPlane = info.offsets.length;
  const channels = inPlane + info.zReach.length;
  const blockShape = [side, rows.side, columns.side];
  const jobs = rows.start.flatMap((_, row) => columns.start.map((__, column): BlockJob => [row, column]));
  const ahead = jobs.length === 1 ? IN_FLIGHT : 1;
  const slots: Float32Array[] = Array.from({ length: Math.min(shape[0], (1 + ahead) * side + HELD) });
  const blockVoxels = side * rows.side * columns.side;
  const inputs = Array.from({ length: IN_FLIGHT }, () =>
    ndarray(new Float32Array(blockVoxels), [1, 1, ...blockShape]),
  );
  const free = new Pool(inputs);
  let begun = 0;
  /** Settles when the last slab that was asked for is blended: one after the other, so that sums come out the same. */
  let blended: Promise<void> = Promise.resolve();

  const send = (
    images: readonly NdArray<Float32Array>[],
    { signal }: StageContext,
    input: NdArray<Float32Array>,
    [row, column]: BlockJob,
  ): Promise<NdArray<Float32Array>> => {
    throwIfCancelled(signal);
    images.forEach((image, k) => {
      const at = k * rows.side * columns.side;
      cutBlock(image, plan, row, column, input.data.subarray(at, at + rows.side * columns.side));
    });
    return predictor.predict(input, signal);
  };

  /** Empties the buffers of the sections that this slab is the first to tell of. */
  const clear = (slab: number): void => {
    for (let z = Math.max(begun, start[slab]); z < start[slab] + side; z++) {
      const slot = z % slots.length;
      if (slots[slot]) slots[slot].fill(0);
      else slots[slot] = new Float32Array(channels * plane);
    }
    begun = start[slab] + side;
  };

  const blend = (block: NdArray<Float32Array>, slab: number, row: number, column: number): void => {
    const weightX = columns.weight[column];
    for (let k = 0; k < side; k++) {
      const out = slots[(start[slab] + k) % slots.length];
      const add = (channel: number, count: number, weightZ: number): void => {
        if (weightZ === 0) return;
        const weightY = rows.weight[row].map((w) => w * weightZ);
        const tile = sectionOf(block, k, channel, count);
        const placed = { tile, top: rows.start[row], left: columns.start[column], weightY, weightX };
        addTile(out.subarray(channel * plane, (channel + count) * plane), height, width, placed);
      };
      add(0, inPlane, sections.weight[slab][k]);
      for (const [i, weight] of plan.across.entries()) add(inPlane + i, 1, weight[slab][k]);
    }
  };

  return {
    start,
    side,
    ahead,
    firstSlabOf: (z) => start.findIndex((_, i) => slabCounts(plan, i, z)),
    async predict(slab, images, context = {}) {
      if (images.length !== side) throw new RangeError(`a slab has ${side} sections, not ${images.length}`);
      throwIfCancelled(context.signal);
      const before = blended.then(() => clear(slab));
      const take = (block: NdArray<Float32Array>, [row, column]: BlockJob): void => {
        throwIfCancelled(context.signal);
        checkBlock(block, channels, blockShape);
        blend(block, slab, row, column);
      };
      blended = sendAll(free, jobs, (input, job) => send(images, context, input, job), take, before);
      await blended;
    },
    section(z) {
      const values = slots[z % slots.length];
      const of = (from: number, to: number) =>
        ndarray(values.subarray(from * plane, to * plane), [to - from, height, width]);
      return { affinities: of(0, inPlane), across: of(inPlane, channels) };
    },
  };
}

type BlockJob = readonly [row: number, column: number];

/** True where slab `i` has a say in section `z`. */
function slabCounts({ sections, across }: BlockPlan, i: number, z: number): boolean {
  const k = z - sections.start[i];
  if (k < 0 || k >= sections.side) return false;
  return sections.weight[i][k] > 0 || across.some((weight) => weight[i][k] > 0);
}

/** Some channels of one section of a block, as a tile; nothing is copied. */
function sectionOf(
  { data, stride, shape }: NdArray<Float32Array>,
  k: number,
  channel: number,
  count: number,
): NdArray<Float32Array> {
  return {
    data: data.subarray(channel * stride[1] + k * stride[2]),
    shape: [1, count, shape[3], shape[4]],
    stride: [stride[0], stride[1], stride[3], stride[4]],
  };
}

/** Copies a block's part of one section, mirrored beyond the section's border. */
function cutBlock(
  image: NdArray<Float32Array>,
  { rows, columns }: BlockPlan,
  row: number,
  column: number,
  out: Float32Array,
): void {
  const [height, width] = image.shape;
  const [top, left] = [rows.start[row], columns.start[column]];
  const { side } = columns;
  const inside = Math.min(side, width - left);
  for (let y = 0; y < rows.side; y++) {
    const from = mirrorIndex(top + y, height) * width;
    const to = y * side;
    out.set(image.data.subarray(from + left, from + left + inside), to);
    for (let x = inside; x < side; x++) out[to + x] = image.data[from + mirrorIndex(left + x, width)];
  }
}

function checkBlock({ shape }: NdArray, channels: number, block: readonly number[]): void {
  if ([1, channels, ...block].every((extent, axis) => shape[axis] === extent) && shape.length === 5) return;
  throw new KynError(
    'model',
    `the network gives ${shape.join('×')} for a block of ${block.join('×')}, not ${channels} channels of it`,
  );
}
