/** Made-up sections of square cells for the tests of this folder, and a small network that has seen them. */
import { type NdArray, ndarray, type SectionSource, type Vec3 } from '@kyn/core';
import type { KynModel } from '../../model/kyn-model.ts';
import type { Runtime } from '../../runtime/session.ts';
import type { TrainingVolume } from '../../sample/volume.ts';
import { SEGMENTER_DEFAULTS, trainSegmenter } from '../../train/segmenter.ts';
import { type PaintedSection, paintedSection } from '../painting.ts';

export const SHAPE: Vec3 = [6, 64, 96];
const VOXEL_NM: Vec3 = [40, 10, 10];
/** Cells of 14 px and membranes of 2; every row is displaced by half a cell, and every section by a pixel. */
const PERIOD = 16;

/** The neuron of a pixel, from 1; 0 on membranes. */
export function neuronAt(y: number, x: number, z: number): number {
  const row = Math.floor((y + z) / PERIOD);
  const across = x + (row % 2) * (PERIOD / 2);
  if ((y + z) % PERIOD < 2 || across % PERIOD < 2) return 0;
  return 1 + 20 * row + Math.floor(across / PERIOD);
}

function plane<D extends Uint8Array | Uint32Array>(
  value: (y: number, x: number) => number,
  Type: { from(values: ArrayLike<number>): D },
): NdArray<D> {
  const [, height, width] = SHAPE;
  const values = Array.from({ length: height * width }, (_, p) => value(Math.floor(p / width), p % width));
  return ndarray(Type.from(values), [height, width]);
}

/** Grey values of membranes and cells, and the spread of the noise on them. */
export interface Look {
  readonly membrane: number;
  readonly cell: number;
  readonly noise: number;
}

export const CLEAR: Look = { membrane: 40, cell: 200, noise: 30 };

export function cellSections({ membrane, cell, noise }: Look): SectionSource {
  const info = { dtype: 'uint8', format: 'memory', location: 'memory', notes: [] };
  return {
    info: { ...info, shape: SHAPE, voxelSizeNm: VOXEL_NM },
    read: async (z) =>
      plane((y, x) => {
        const grain = ((y * 7919 + x * 104_729 + z * 31) % 97) / 97 - 0.5;
        return (neuronAt(y, x, z) === 0 ? membrane : cell) + noise * grain;
      }, Uint8Array),
    close: async () => {},
  };
}

/** Section `z` as somebody painted it; all cells with one number unless `numbers` gives each its own. */
export function painting(z: number, numbers: (neuron: number) => number = () => 1): PaintedSection {
  const number = (y: number, x: number): number => {
    const neuron = neuronAt(y, x, z);
    return neuron === 0 ? 0 : numbers(neuron);
  };
  return paintedSection(z, `${z}.png`, { labels: plane(number, Uint32Array), unpainted: 65_535, rule: '' });
}

/** The cells as a volume to train on, with neurons as labels. */
export async function cellVolume(look: Look): Promise<TrainingVolume> {
  const [depth, height, width] = SHAPE;
  const raw = new Uint8Array(depth * height * width);
  const labels = new Uint32Array(raw.length);
  const source = cellSections(look);
  for (let z = 0; z < depth; z++) {
    raw.set((await source.read(z)).data, z * height * width);
    labels.set(plane((y, x) => neuronAt(y, x, z), Uint32Array).data, z * height * width);
  }
  return {
    name: 'cells',
    raw: ndarray(raw, SHAPE),
    labels: ndarray(labels, SHAPE),
    voxelSizeNm: VOXEL_NM,
    weight: 1,
    boundaryLabel: 0,
  };
}

/** A small segmenter that has seen clear cells for `steps` steps. */
export async function smallSegmenter(runtime: Runtime, steps: number): Promise<KynModel> {
  const { model } = await trainSegmenter(
    runtime,
    [await cellVolume(CLEAR)],
    {
      ...SEGMENTER_DEFAULTS,
      ...{ widths: [4, 6, 8], lsdSigma: 2, size: 32, batch: 4 },
      schedule: { ...SEGMENTER_DEFAULTS.schedule, steps, rate: 1e-2, warmup: 5 },
    },
    'small',
    { description: 'For tests.', licence: 'none', data: ['made up'], command: 'none' },
    { checkpointEvery: steps, recordEvery: 10, queue: { workers: 0 } },
  );
  return model;
}
