/** What a volume's name promises against what is there: an ending of another format, a dataset in a file that has none. */
import { KynError } from '@kyn/core';
import type { DatasetDescription, Format, Site } from './format.ts';

const FORMAT_OF_ENDING: Readonly<Record<string, string>> = {
  h5: 'HDF5',
  hdf5: 'HDF5',
  hdf: 'HDF5',
  tif: 'TIFF',
  tiff: 'TIFF',
  png: 'PNG',
  zarr: 'Zarr',
};

/** Formats that are one volume, with no paths inside. */
const ONE_VOLUME = ['TIFF', 'PNG', 'image stack'];

/** A remark where the name's ending is that of another format; what the file holds decides. */
export function endingNote({ location }: Site, { name }: Format): string | undefined {
  const ending = /\.([a-z0-9]+)\/*$/i.exec(location)?.[1].toLowerCase() ?? '';
  const promised = FORMAT_OF_ENDING[ending];
  if (promised === undefined || promised === name) return undefined;
  return `warning: named .${ending}, but it is no ${promised}: read as ${name}, which it is`;
}

/** @throws KynError `not-found` where a path is named in a format that has none. */
export function refuseDataset({ location, dataset = '/' }: Site, { name }: Format): void {
  if (dataset === '/' || !ONE_VOLUME.includes(name)) return;
  throw new KynError('not-found', `no ${dataset} in it: it is one volume (${name})`, {
    where: location,
    hint: `leave out :${dataset}`,
  });
}

/**
 * Of the datasets of a container, the one that is named, or those below the group that is.
 * @throws KynError `not-found` where there are none.
 */
export function namedDatasets(
  datasets: readonly DatasetDescription[],
  { location, dataset = '/' }: Site,
): readonly DatasetDescription[] {
  if (dataset === '/') return datasets;
  const named = datasets.filter(({ path }) => path === dataset || path.startsWith(`${dataset}/`));
  if (named.length > 0) return named;
  const there = datasets.map(({ path }) => path || '/').join(', ');
  throw new KynError('not-found', `no ${dataset} in it; it has ${there || 'no datasets'}`, {
    where: location,
    hint: 'check the path',
  });
}
