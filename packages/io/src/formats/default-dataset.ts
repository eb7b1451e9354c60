/** Which dataset of a container is meant where none is named: CREMI's paths, else the only one that fits. */
import type { Purpose } from '../plane.ts';

export const defaultDatasets: Readonly<Record<Purpose, string>> = {
  sections: '/volumes/raw',
  labels: '/volumes/labels/neuron_ids',
};

interface Dataset {
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** The 3D datasets that can be read for a purpose: integers for labels, no wide integers for sections. */
export function volumesIn<D extends Dataset>(datasets: readonly D[], purpose: Purpose): D[] {
  const wide = /^u?int(32|64)$/;
  const volumes = datasets.filter(
    ({ shape }) => shape.filter((extent) => extent > 1).length >= 2 && shape.length >= 3,
  );
  return volumes.filter(({ dtype }) => (purpose === 'labels' ? /^u?int/.test(dtype) : !wide.test(dtype)));
}
