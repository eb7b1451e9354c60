/**
 * Affinities of a volume by a model, with the truth, for benches of what comes after the network. Predicted once
 * and kept under `.cache/affinities`, named by model, volume and their sizes and times.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import {
  type NdArray,
  ndarray,
  normaliseSection,
  type Offset2,
  sectionPredictor,
  toDense,
  withNeighbours,
  withShifts,
} from '@kyn/core';
import { openLabels, openSections } from '@kyn/io/node';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';

export interface AffinityVolume {
  readonly offsets: readonly Offset2[];
  readonly shape: readonly [z: number, y: number, x: number];
  /** Affinities of section `z`, `[channels, y, x]`. */
  affinities(z: number): NdArray<Float32Array>;
  /** True neurons of section `z`, `[y, x]`. */
  truth(z: number): NdArray<Uint32Array>;
}

interface Meta {
  readonly offsets: Offset2[];
  readonly shape: [number, number, number];
}

/** @param volume HDF5 file of the CREMI layout, with raw and neuron_ids. */
export async function affinityVolume(model: string, volume: string): Promise<AffinityVolume> {
  const stamp = [model, volume].map((path) => `${path} ${statSync(path).size} ${statSync(path).mtimeMs}`);
  const key = createHash('sha256').update(stamp.join('\n')).digest('hex').slice(0, 12);
  const folder = join('.cache', 'affinities', `${basename(model)}-${basename(volume)}-${key}`);
  if (!existsSync(join(folder, 'meta.json'))) await predictTo(folder, model, volume);
  const meta: Meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8'));
  const [, height, width] = meta.shape;
  const read = (name: string) => {
    const bytes = readFileSync(join(folder, name));
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  };
  return {
    ...meta,
    affinities: (z) => ndarray(new Float32Array(read(`${z}.f32`)), [meta.offsets.length, height, width]),
    truth: (z) => ndarray(new Uint32Array(read(`${z}.u32`)), [height, width]),
  };
}

async function predictTo(folder: string, model: string, volume: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const raw = await openSections(volume);
  const labels = await openLabels(`${volume}:/volumes/labels/neuron_ids`);
  const [depth, height, width] = raw.info.shape;
  const runtime = await nodeRuntime({ threads: 2 });
  const predictor = await createPredictor(runtime, new Uint8Array(readFileSync(model)), model);
  const sections = sectionPredictor(predictor, height, width);
  const normalised = async function* () {
    for (let z = 0; z < depth; z++) yield { ...normaliseSection(await raw.read(z)), z };
  };
  const [, y, x] = raw.info.voxelSizeNm ?? [1, 1, 1];
  const shifted = withShifts(normalised(), [y, x], (z) => z);
  const shown = withNeighbours(shifted, predictor.info.contextSections, (z) => z);
  for await (const { section, seen } of shown) {
    const { z } = section;
    writeFileSync(join(folder, `${z}.f32`), toDense((await sections.predict(seen)).affinities).data);
    writeFileSync(join(folder, `${z}.u32`), toDense(await labels.read(z)).data);
  }
  await predictor.close();
  const meta: Meta = { offsets: [...predictor.info.offsets], shape: [depth, height, width] };
  writeFileSync(join(folder, 'meta.json'), JSON.stringify(meta));
}
