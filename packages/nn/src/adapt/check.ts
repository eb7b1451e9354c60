/**
 * How well a model does on painted sections, as whoever uses it will see it: the pipeline segments and links them with
 * the sections around them, and the profiles that come out are scored against the painted ones.
 */
import {
  ContingencyTable,
  createMemoryStore,
  type LabelSection,
  labelProfiles,
  membranesIn,
  type NetworkView,
  ndarray,
  pipelineDefaults,
  runPipeline,
  type Scores,
  type Signal,
  scoreTable,
  subvolume,
} from '@kyn/core';
import { encodeModel, type KynModel } from '../model/kyn-model.ts';
import { createPredictor } from '../model/predictor.ts';
import type { Runtime } from '../runtime/session.ts';
import { type PaintedSection, UNPAINTED } from './painting.ts';
import type { Region } from './sections.ts';

export interface SectionCheck {
  /** Undefined where no painted cell lies in the region. */
  readonly scores: Scores | undefined;
  /** What the model makes of the section, in section pixels. */
  readonly neurons: LabelSection;
}

/**
 * @param view what was decided for all sections
 * @param painted in order of depth
 * @param regions where each of them is scored, in section pixels
 */
export async function checkSections(
  runtime: Runtime,
  model: KynModel,
  view: NetworkView,
  painted: readonly PaintedSection[],
  regions: readonly Region[],
  signal?: Signal,
): Promise<SectionCheck[]> {
  const { source } = view;
  const predictor = await createPredictor(runtime, encodeModel(model), model.description.name);
  const neurons = new Map<number, LabelSection>();
  try {
    // a painted section with all that the network sees of it, and at least one to be mended by
    const around = Math.max(1, predictor.info.contextSections);
    for (const [first, end] of stretches(painted, source.info.shape[0], around)) {
      const box = { min: [first, 0, 0] as const, max: [end, undefined, undefined] as const };
      const part = subvolume(source, { bbox: box });
      const store = createMemoryStore();
      const { linker } = predictor;
      const input = { source: part, predictor, ...(linker ? { linker } : {}) };
      const options = { ...pipelineDefaults(input), membranes: membranesIn(view) };
      await runPipeline(input, store, options, signal ? { signal } : {});
      for (const { z } of painted) if (z >= first && z < end) neurons.set(z, store.segmentation[z - first]);
    }
  } finally {
    await predictor.close();
  }
  return painted.map((section, i) => {
    const found = neurons.get(section.z);
    if (!found) throw new RangeError(`section ${section.z} was not segmented`);
    return { scores: scoreIn(section, found, regions[i]), neurons: found };
  });
}

/** Painted sections with `around` more on either side, `[from, to)`; those that touch are one stretch. */
function stretches(
  painted: readonly PaintedSection[],
  depth: number,
  around: number,
): [from: number, to: number][] {
  const out: [number, number][] = [];
  for (const { z } of painted) {
    const [from, to] = [Math.max(0, z - around), Math.min(depth, z + around + 1)];
    const last = out.at(-1);
    if (last && from <= last[1]) last[1] = to;
    else out.push([from, to]);
  }
  return out;
}

function scoreIn({ profiles }: PaintedSection, neurons: LabelSection, region: Region): Scores | undefined {
  const table = new ContingencyTable();
  table.add(labelProfiles(neurons).labels, truthIn(profiles, region));
  return table.voxels > 0 ? scoreTable(table) : undefined;
}

/** Profiles to score against: 0 on membranes, where nothing is painted, and outside the region. */
function truthIn({ data, shape }: LabelSection, { min, max }: Region): LabelSection {
  const out = new Uint32Array(data.length);
  for (let y = min[0]; y < max[0]; y++) {
    for (let p = y * shape[1] + min[1]; p < y * shape[1] + max[1]; p++) {
      if (data[p] !== UNPAINTED) out[p] = data[p];
    }
  }
  return ndarray(out, shape);
}
