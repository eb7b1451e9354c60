/** What tests of the pipeline share: a linker that needs no training, results as sources and as text. */
import { LINK_FORMAT, type LinkModel } from '../../link/learned.ts';
import { PAIR_FEATURES } from '../../link/pair-features.ts';
import type { Vec3 } from '../../volume/array.ts';
import type { LabelSection, LabelSource } from '../../volume/contracts.ts';
import type { MemoryStore } from '../memory-store.ts';

export function asSource(sections: readonly LabelSection[]): LabelSource {
  const shape: Vec3 = [sections.length, sections[0].shape[0], sections[0].shape[1]];
  const info = { shape, voxelSizeNm: undefined, dtype: 'uint32', format: '', location: '', notes: [] };
  return { info, read: async (z) => sections[z], close: async () => {} };
}

/** All of a result, as text: quicker to compare than arrays element by element. */
export function whole({
  fragments,
  segmentation,
  graph,
  assignment,
  neurons,
  doubts,
  records,
}: MemoryStore): string {
  return JSON.stringify(
    { fragments, segmentation, graph, assignment, neurons, doubts, records },
    (_, value) => (ArrayBuffer.isView(value) ? Array.from(value as Uint32Array).join() : value),
  );
}

/** Links what overlaps well. */
export const crudeLinker: LinkModel = {
  format: LINK_FORMAT,
  cross: {
    features: PAIR_FEATURES,
    trees: {
      features: PAIR_FEATURES.length,
      base: 0,
      depth: 1,
      feature: [PAIR_FEATURES.indexOf('overlap over union')],
      threshold: [0.3],
      leaf: [-2, 2],
    },
    calibration: { scale: 1, offset: 0 },
  },
};
