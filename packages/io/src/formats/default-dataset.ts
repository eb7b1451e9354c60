/** Which dataset of a container is meant where none is named: CREMI's paths; and which others would fit. */
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

/** The 3D datasets that can be read for a purpose: no wide integers for sections; for labels those, else any integers. */
export function volumesIn<D extends Dataset>(datasets: readonly D[], purpose: Purpose): D[] {
  const wide = /^u?int(32|64)$/;
  const volumes = datasets.filter(
    ({ shape }) => shape.length >= 3 && shape.filter((extent) => extent > 1).length >= 2,
  );
  if (purpose === 'sections') return volumes.filter(({ dtype }) => !wide.test(dtype) && dtype !== 'other');
  const wideOnes = volumes.filter(({ dtype }) => wide.test(dtype));
  return wideOnes.length > 0 ? wideOnes : volumes.filter(({ dtype }) => /^u?int/.test(dtype));
}

/** What to do where a container holds nothing that fits. */
export const NONE_FITS: Readonly<Record<Purpose, string>> = {
  sections: 'none is an image of three dimensions (zyx): give a file that has one',
  labels: 'none is a label volume of three dimensions (zyx): give a file that has one',
};

/** The only dataset that can be meant where none is named; what lies where CREMI has the other kind is not. */
export function onlyVolumeIn<D extends Dataset>(datasets: readonly D[], purpose: Purpose): D | undefined {
  const [only, ...more] = volumesIn(datasets, purpose);
  const other = defaultDatasets[purpose === 'labels' ? 'sections' : 'labels'];
  return more.length > 0 || only?.path.endsWith(other) ? undefined : only;
}
