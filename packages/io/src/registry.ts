/** All formats, in the order in which they are asked. */
import { KynError } from '@kyn/core';
import type { Format, Site } from './format.ts';
import { hdf5Format } from './formats/hdf5.ts';
import { imageStackFormat, pngFormat } from './formats/image-stack.ts';
import { tiffFormat } from './formats/tiff.ts';
import { zarrFormat } from './formats/zarr.ts';

export const formats: readonly Format[] = [hdf5Format, pngFormat, tiffFormat, zarrFormat, imageStackFormat];

/** The format of a site. */
export async function formatOf(site: Site): Promise<Format> {
  for (const format of formats) if (await format.recognises(site)) return format;
  if (site.file?.size === 0) {
    throw new KynError('format', 'the file is empty', { where: site.location, hint: 'copy it anew' });
  }
  if (!site.folder && !site.file) {
    throw new KynError('not-found', 'no Zarr volume at this address', {
      where: site.location,
      hint: 'check the address; files of other formats are not read over the network, download them first',
    });
  }
  throw new KynError(site.file ? 'format' : 'not-found', 'no volume that can be read', {
    where: site.location,
    hint: 'give HDF5, Zarr, TIFF, PNG, or a folder of PNG or TIFF sections',
  });
}
