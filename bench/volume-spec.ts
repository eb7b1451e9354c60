/** A labelled volume as benches are given it: `VOLUME.h5[@Z_STEP]`, CREMI layout. */
import { type LabelSource, type SectionSource, subvolume } from '@kyn/core';
import { openLabels, openSections } from '@kyn/io/node';

export interface LabelledVolume {
  readonly source: SectionSource;
  readonly truth: LabelSource;
}

/** The caller closes both. */
export async function openVolume(spec: string): Promise<LabelledVolume> {
  const [file, step] = spec.split('@');
  const zStep = Number(step ?? 1);
  return {
    source: subvolume(await openSections(`${file}:/volumes/raw`), { zStep }),
    truth: subvolume(await openLabels(`${file}:/volumes/labels/neuron_ids`), { zStep }),
  };
}
