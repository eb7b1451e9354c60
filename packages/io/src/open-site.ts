/** Opens a site, the same in Node and in browsers. */
import { endingNote, refuseDataset } from './file-name.ts';
import type { Format, Site } from './format.ts';
import type { PlaneVolume, Purpose } from './plane.ts';
import { formatOf } from './registry.ts';

/** A path inside a container as it is written elsewhere: with one slash before it. */
export function rooted(dataset: string): string {
  return `/${dataset.replace(/^\/+/, '')}`;
}

/**
 * The format of a site, and what is odd about its name.
 * @throws KynError `not-found`, also where a dataset is named in what has none; `format`.
 */
export async function recognise(site: Site): Promise<{ format: Format; notes: readonly string[] }> {
  const format = await formatOf(site);
  refuseDataset(site, format);
  const note = endingNote(site, format);
  return { format, notes: note === undefined ? [] : [note] };
}

/** Opens the volume of a site; what it holds is let go where that fails. */
export async function openSite(site: Site, purpose: Purpose): Promise<PlaneVolume> {
  try {
    const { format, notes } = await recognise(site);
    const volume = await format.open(site, purpose);
    if (notes.length === 0) return volume;
    return {
      info: { ...volume.info, notes: [...notes, ...volume.info.notes] },
      readPlane: (z) => volume.readPlane(z),
      close: () => volume.close(),
    };
  } catch (error) {
    await site.file?.close().catch(() => {});
    throw error;
  }
}
