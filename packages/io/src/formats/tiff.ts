/** One TIFF file as a volume: each page (or plane of an ImageJ stack) is a section. */
import { KynError, type Vec3, type VolumeInfo } from '@kyn/core';
import type { ByteSource } from '../byte-source.ts';
import type { Format, Site } from '../format.ts';
import { greyNote } from '../grey.ts';
import type { PlaneVolume, Purpose } from '../plane.ts';
import { compressionOf } from './tiff-codecs.ts';
import { isTiff, readTiffFile, type TiffFile, type TiffPage, tag } from './tiff-file.ts';
import { pageDtype, sameKind, type TiffLayout, tiffLayout } from './tiff-layout.ts';
import { sectionPages, type TiffMetadata, tiffMetadata } from './tiff-metadata.ts';
import { decodeTiffPage, pageBytes } from './tiff-page.ts';

export const tiffFormat: Format = {
  name: 'TIFF',
  recognises: async (site) => site.magic !== undefined && isTiff(site.magic),
  open: (site, purpose) => openTiff(tiffOf(site), site, purpose),
  async describe(site) {
    const source = tiffOf(site);
    const [page] = (await readTiffFile(source)).pages;
    const compression = compressionOf(page.number(tag.compression));
    const volume = await openTiff(source, site, 'sections');
    const { shape, dtype, voxelSizeNm, notes, location } = volume.info;
    await volume.close();
    return {
      location,
      format: 'TIFF',
      datasets: [{ path: '', shape, dtype, voxelSizeNm, compression }],
      notes,
    };
  },
};

function tiffOf(site: Site): ByteSource {
  if (site.file) return site.file;
  throw new KynError('format', 'a TIFF is a file', { where: site.location });
}

interface Section {
  readonly layout: TiffLayout;
  readonly shift: number;
}

async function openTiff(source: ByteSource, site: Site, purpose: Purpose): Promise<PlaneVolume> {
  const where = site.location;
  const file = await readTiffFile(source);
  const notes: string[] = [];
  const pages = wholePages(file, notes);
  const metadata = tiffMetadata(pages[0]);
  const sections = takeSections(pages, metadata, source, where, notes);
  const first = sections[0].layout;
  noteColours(first, notes, purpose);
  const info: VolumeInfo = {
    shape: [sections.length, first.height, first.width],
    dtype: pageDtype(first, purpose),
    format: 'TIFF',
    location: where,
    voxelSizeNm: voxelSize(metadata, notes),
    notes,
  };
  return {
    info,
    close: () => source.close(),
    readPlane(z) {
      const { layout, shift } = sections[z];
      const page = sections.length > 1 ? `${where}, page ${z + 1}` : where;
      const pixels = { source, layout, littleEndian: file.littleEndian, shift, where: page };
      return decodeTiffPage(pixels, purpose, site.inflate);
    },
  };
}

/** The pages that are no previews of others. */
export function wholePages(file: TiffFile, notes: string[]): readonly TiffPage[] {
  const whole = file.pages.filter((page) => ((page.number(tag.subfileType) ?? 0) & 1) === 0);
  if (whole.length === 0 || whole.length === file.pages.length) return file.pages;
  notes.push(`${file.pages.length - whole.length} reduced copies of the image passed over`);
  return whole;
}

function takeSections(
  pages: readonly TiffPage[],
  metadata: TiffMetadata,
  source: ByteSource,
  where: string,
  notes: string[],
): Section[] {
  const planes =
    virtualPlanes(pages, metadata, source, where) ??
    pages.map((page, i) => {
      return { layout: tiffLayout(page, pages.length > 1 ? `${where}, page ${i + 1}` : where), shift: 0 };
    });
  const { indices, note } = sectionPages(metadata, planes.length);
  if (note) notes.push(note);
  const sections = indices.map((index) => planes[index]);
  const first = sections[0].layout;
  const odd = sections.findIndex(
    ({ layout }) =>
      layout.width !== first.width || layout.height !== first.height || !sameKind(layout, first),
  );
  if (odd >= 0) {
    const { layout } = sections[odd];
    throw new KynError(
      'shape',
      `page ${indices[odd] + 1} is ${describe(layout)}, the first is ${describe(first)}`,
      { where, hint: 'give pages of one size and kind' },
    );
  }
  return sections;
}

/** The planes that ImageJ writes one after the other behind a single directory when there are very many. */
function virtualPlanes(
  pages: readonly TiffPage[],
  metadata: TiffMetadata,
  source: ByteSource,
  where: string,
): Section[] | undefined {
  const planes = metadata.imagejPlanes;
  if (pages.length !== 1 || planes === 1) return undefined;
  const layout = tiffLayout(pages[0], where);
  const size = pageBytes(layout);
  if (layout.compression !== 1) return undefined;
  const needs = layout.offsets[0] + planes * size;
  if (needs > source.size) {
    throw new KynError('format', `the file is cut short: ${source.size} bytes, needs ${needs}`, {
      where,
      hint: 'copy it again',
    });
  }
  return Array.from({ length: planes }, (_, i) => ({ layout, shift: i * size }));
}

/** Size and dtype for messages: `512×512 uint8`. */
export function describe(layout: TiffLayout): string {
  return `${layout.width}×${layout.height} ${layout.sampleType}`;
}

/** Notes what is done with colours. */
export function noteColours(layout: TiffLayout, notes: string[], purpose: Purpose): void {
  if (purpose === 'labels') return;
  const note = layout.channels === 3 ? greyNote(layout.samples >= 4 ? 4 : 3) : undefined;
  if (note) notes.push(note);
  else if (layout.samples > 1) notes.push(`the first of ${layout.samples} channels taken`);
  if (layout.palette) notes.push('palette images: luminance taken');
}

/** Voxel size where all three extents are known; else a note of what is. */
export function voxelSize(metadata: TiffMetadata, notes: string[]): Vec3 | undefined {
  const { pixelNm, spacingNm } = metadata;
  if (pixelNm && spacingNm !== undefined) return [spacingNm, pixelNm[0], pixelNm[1]];
  if (pixelNm) {
    notes.push(
      `pixels of ${pixelNm[1]}×${pixelNm[0]} nm in the metadata, but no section thickness: not used`,
    );
  }
  return undefined;
}
