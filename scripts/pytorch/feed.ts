/**
 * What a training in PyTorch (`train.py`, on a GPU or on a processor with matrix units) needs of kyn: the network's first
 * weights and samples, made by the same code as in `kyn train`, and a model of the weights that come out.
 *
 *     node feed.mjs start 2d|3d RECIPE.json MODEL.kyn FOLDER                 writes FOLDER/start.json, start.bin
 *     node feed.mjs samples 2d|3d RECIPE.json DATA FOLDER K/WORKERS [MOST]   batches, until MOST, or FOLDER/stop is there
 *     node feed.mjs finish 2d|3d MODEL.kyn FOLDER WEIGHTS.bin OUT.kyn        MODEL with those weights; without a classifier
 *     node feed.mjs mix A.bin B.bin SHARE OUT.bin                            (1 - SHARE) of A and SHARE of B
 *     node feed.mjs tiny 2d|3d FOLDER                                        a small network, for `fixture.py`
 *
 * A batch is one file: input as int16 (value × 4096), target as uint8 (× 255), weight as uint8 (√(value / 64) × 255).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '@kyn/core';
import { loadRecipeVolumes, readRecipe } from '../../apps/cli/src/training-recipe.ts';
import { decodeBaseline3d, encodeBaseline3d } from '../../packages/nn/src/model/baseline3d-model.ts';
import { decodeModel, encodeModel } from '../../packages/nn/src/model/kyn-model.ts';
import { baseline3dLayout } from '../../packages/nn/src/nets/baseline3d.ts';
import type { ParameterLayout, Weights } from '../../packages/nn/src/nets/layers.ts';
import {
  type SegmenterShape,
  segmenterLayout,
  segmenterShape,
  segmenterUnet,
} from '../../packages/nn/src/nets/segmenter.ts';
import { widenChannels } from '../../packages/nn/src/nets/transfer-weights.ts';
import { residualUnet3d, unetFlopPerPixel, unetNetwork } from '../../packages/nn/src/nets/unet.ts';
import type { AugmentOptions } from '../../packages/nn/src/sample/augment-options.ts';
import { type Batch, makeBatch } from '../../packages/nn/src/sample/batch.ts';
import { packBlocks } from '../../packages/nn/src/sample/pack-blocks.ts';
import type { SampleSpec } from '../../packages/nn/src/sample/spec.ts';
import type { TrainingVolume } from '../../packages/nn/src/sample/volume.ts';
import { BASELINE3D_DEFAULTS } from '../../packages/nn/src/train/baseline3d.ts';
import { exportNetwork, exportSegmenter } from '../../packages/nn/src/train/export.ts';
import { LINKER_DEFAULTS } from '../../packages/nn/src/train/linker.ts';
import { SEGMENTER_DEFAULTS } from '../../packages/nn/src/train/segmenter.ts';

type Kind = '2d' | '3d';

interface Options {
  readonly seed: number;
  readonly widths: readonly number[];
  readonly contested: number;
  readonly moving: number;
  readonly contextSections: number;
  readonly augment: AugmentOptions;
}

/** What `train.py` is told of a network. */
interface Start {
  readonly kind: Kind;
  readonly widths: readonly number[];
  readonly stem: number;
  readonly layout: ParameterLayout;
  readonly spec: Partial<SampleSpec>;
}

/** Batches that wait to be read. */
const AHEAD = 40;

function shapeOf(
  { description }: ReturnType<typeof decodeModel>,
  widths?: readonly number[],
): SegmenterShape {
  const { network, offsets, contextSections, cross } = description.segmenter;
  if (!network) throw new Error('the model does not say what its network is made of');
  return segmenterShape({ ...network, ...(widths ? { widths } : {}), offsets, contextSections, ...cross });
}

function layout3d(widths: readonly number[]): ParameterLayout {
  const { offsets, zReach } = BASELINE3D_DEFAULTS;
  return baseline3dLayout(widths, offsets.length + zReach.length);
}

async function optionsOf(recipe: string): Promise<Partial<Options>> {
  return (await readRecipe<Options>(recipe)).options ?? {};
}

function specOf(
  kind: Kind,
  { contested, moving, contextSections, augment = SEGMENTER_DEFAULTS.augment }: Partial<Options>,
): SampleSpec {
  const { offsets, shrinkBorder, lsdSigma, voxelSizeNm } = SEGMENTER_DEFAULTS;
  const common = { offsets, pixelNm: voxelSizeNm[1], augment, shrinkBorder };
  if (kind === '3d') {
    const { size, batch, depth, zReach } = BASELINE3D_DEFAULTS;
    return { ...common, size, batch, sections: depth, zReach, contested, moving, lsdSigma: 0 };
  }
  const { size, batch, displacements, ...defaults } = LINKER_DEFAULTS;
  const sections = 1 + 2 * (contextSections ?? SEGMENTER_DEFAULTS.contextSections);
  const weighed = { contested: contested ?? defaults.contested, moving: moving ?? defaults.moving };
  return { ...common, ...weighed, size, batch, sections, cross: true, displaced: displacements, lsdSigma };
}

function writeStart(folder: string, start: Start, { parameters, statistics }: Weights): void {
  mkdirSync(folder, { recursive: true });
  const bytes = (data: Float32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  writeFileSync(join(folder, 'start.bin'), Buffer.concat([bytes(parameters), bytes(statistics)]));
  writeFileSync(join(folder, 'start.json'), JSON.stringify(start));
}

function layoutsOf(kind: Kind, path: string, widths?: readonly number[]) {
  const bytes = readFileSync(path);
  if (kind === '3d') {
    const { weights, description } = decodeBaseline3d(bytes, path);
    const own = description.baseline3d.network.widths;
    return { weights, own, before: layout3d(own), after: layout3d(widths ?? own) };
  }
  const model = decodeModel(bytes, path);
  const own = shapeOf(model).widths;
  const [before, after] = [segmenterLayout(shapeOf(model)), segmenterLayout(shapeOf(model, widths))];
  return { weights: model.weights, own, before, after };
}

async function start(kind: Kind, recipe: string, path: string, folder: string): Promise<void> {
  const options = await optionsOf(recipe);
  const { weights, own, before, after } = layoutsOf(kind, path, options.widths);
  if (!weights) throw new Error(`${path} has no weights to start from`);
  const stem = kind === '2d' ? SEGMENTER_DEFAULTS.stem : 1;
  const about = { kind, widths: options.widths ?? own, stem, layout: after, spec: specOf(kind, options) };
  writeStart(folder, about, widenChannels({ layout: before, weights }, after, options.seed ?? 1));
}

/** All real volumes, and every `workers`-th of the others, weighed so that each of both kinds keeps its share. */
async function volumesOf(
  recipe: string,
  data: string,
  worker: number,
  workers: number,
): Promise<TrainingVolume[]> {
  const { volumes } = await readRecipe<object>(recipe);
  const weight = (list: typeof volumes) => list.reduce((sum, volume) => sum + (volume.weight ?? 1), 0);
  const real = volumes.filter(({ source }) => source !== undefined);
  const drawn = volumes.filter(({ source }) => source === undefined);
  const own = drawn.filter((_, i) => i % workers === worker);
  const scale = drawn.length > 0 ? weight(own) / weight(drawn) : 1;
  const shared = real.map((volume) => ({ ...volume, weight: (volume.weight ?? 1) * scale }));
  return loadRecipeVolumes([...shared, ...own], data, { onProgress() {}, onNote() {} });
}

/** Loops: `from` with a function takes longer than the sample does. */
function encode({ input, target, weight }: Batch): Buffer {
  const grey = new Int16Array(input.length);
  for (let i = 0; i < grey.length; i++)
    grey[i] = Math.round(4096 * Math.min(7.99, Math.max(-7.99, input[i])));
  const answer = new Uint8Array(target.length);
  for (let i = 0; i < answer.length; i++) answer[i] = Math.round(255 * Math.min(1, Math.max(0, target[i])));
  const heed = new Uint8Array(weight.length);
  for (let i = 0; i < heed.length; i++) {
    if (weight[i] > 0) heed[i] = Math.max(1, Math.round(255 * Math.sqrt(Math.min(1, weight[i] / 64))));
  }
  return Buffer.concat([Buffer.from(grey.buffer), answer, heed]);
}

async function samples(
  kind: Kind,
  recipe: string,
  data: string,
  folder: string,
  part: string,
  most: number,
): Promise<void> {
  const [worker, workers] = part.split('/').map(Number);
  const over = join(folder, 'stop');
  if (existsSync(over)) throw new Error(`${over} is there: that training is over; give another folder`);
  const spec = specOf(kind, await optionsOf(recipe));
  const volumes = await volumesOf(recipe, data, worker, workers);
  console.log(`${kind}, worker ${part}: ${volumes.length} volumes after ${process.uptime().toFixed(0)} s`);
  mkdirSync(folder, { recursive: true });
  let step = 0;
  for (; step < most && !existsSync(over); step++) {
    while (readdirSync(folder).length > AHEAD && !existsSync(over)) await sleep(20);
    const batch = makeBatch(volumes, spec, 1000 + worker, step);
    const name = join(folder, `${worker}-${step}`);
    writeFileSync(`${name}.part`, encode(kind === '2d' ? packBlocks(batch, SEGMENTER_DEFAULTS.stem) : batch));
    renameSync(`${name}.part`, `${name}.bin`);
  }
  console.log(`${kind}, worker ${part}: ${step} batches in ${process.uptime().toFixed(0)} s`);
}

function floatsOf(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Weights, and statistics, between those of two trainings of one network. */
function mix(first: string, second: string, share: number, out: string): void {
  const [a, b] = [floatsOf(first), floatsOf(second)];
  if (a.length !== b.length) throw new Error(`${second} is of another network than ${first}`);
  if (!(share >= 0 && share <= 1)) throw new Error('the share is a number from 0 to 1');
  writeFileSync(out, new Uint8Array(a.map((value, i) => (1 - share) * value + share * b[i]).buffer));
}

function finish(kind: Kind, path: string, folder: string, trained: string, out: string): void {
  const { layout, widths } = JSON.parse(readFileSync(join(folder, 'start.json'), 'utf8')) as Start;
  const flat = floatsOf(trained);
  const { parameterCount, statisticCount } = layout;
  if (flat.length !== parameterCount + statisticCount) throw new Error(`${trained} is of another network`);
  const weights = { parameters: flat.slice(0, parameterCount), statistics: flat.slice(parameterCount) };
  const before = readFileSync(path);
  if (kind === '3d') {
    const { description } = decodeBaseline3d(before, path);
    const { offsets, zReach } = description.baseline3d;
    const unet = residualUnet3d(widths, offsets.length + zReach.length);
    const graph = exportNetwork(unetNetwork(unet), layout, weights, [1, 4, 32, 32]);
    const flopPerPixel = Math.round(unetFlopPerPixel(unet));
    const baseline3d = { ...description.baseline3d, network: { widths }, flopPerPixel };
    writeFileSync(out, encodeBaseline3d({ description: { ...description, baseline3d }, graph, weights }));
    return;
  }
  const model = decodeModel(before, path);
  const shape = shapeOf(model, widths);
  const flopPerPixel = Math.round(unetFlopPerPixel(segmenterUnet(shape)));
  const network = { widths, stem: shape.stem, lsdSigma: shape.lsdSigma };
  const segmenter = { ...model.description.segmenter, network, flopPerPixel };
  const description = { ...model.description, segmenter };
  const graph = exportSegmenter(shape, layout, weights);
  writeFileSync(out, encodeModel({ segmenter: graph, weights, description }));
}

/** Weights and statistics that are all different, so that nothing can be mixed up unseen. */
function tiny(kind: Kind, folder: string): void {
  const widths = kind === '3d' ? [3, 4] : [4, 6];
  const { offsets, stem, lsdSigma } = SEGMENTER_DEFAULTS;
  const { displacements } = LINKER_DEFAULTS;
  const shape = segmenterShape({ widths, offsets, lsdSigma, contextSections: 1, stem, displacements });
  const layout = kind === '3d' ? layout3d(widths) : segmenterLayout(shape);
  const random = new Random(9);
  const draw = (count: number, middle: number) =>
    Float32Array.from({ length: count }, () => middle + Math.round(random.uniform(-300, 300)) / 1000);
  const weights = {
    parameters: draw(layout.parameterCount, 0),
    statistics: draw(layout.statisticCount, 0.5),
  };
  writeStart(folder, { kind, widths, stem: kind === '2d' ? stem : 1, layout, spec: {} }, weights);
}

const [command, first, a, b, c, d, e] = process.argv.slice(2);
const kind = first as Kind;
if (command === 'start') await start(kind, a, b, c);
else if (command === 'samples')
  await samples(kind, a, b, c, d, e === undefined ? Number.POSITIVE_INFINITY : Number(e));
else if (command === 'finish') finish(kind, a, b, c, d);
else if (command === 'mix') mix(first, a, Number(b), c);
else if (command === 'tiny') tiny(kind, a);
else throw new Error('start, samples, finish, mix or tiny: see the top of scripts/pytorch/feed.ts');
