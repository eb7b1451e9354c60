/** A folder of PNG or TIFF sections, or a single PNG, as a volume. */
import { KynError, type VolumeInfo } from '@kyn/core';
import type { ByteSource, Folder } from '../byte-source.ts';
import type { Format, Site } from '../format.ts';
import { greyNote } from '../grey.ts';
import type { DtypeName, Plane, PlaneVolume, Purpose } from '../plane.ts';
import { orderSections } from '../section-order.ts';
import { decodePng, isPng, readPngHeader } from './png.ts';
import { noteColours, voxelSize, wholePages } from './tiff.ts';
import { readTiffFile } from './tiff-file.ts';
import { pageDtype, tiffLayout } from './tiff-layout.ts';
import { tiffMetadata } from './tiff-metadata.ts';
import { decodeTiffPage } from './tiff-page.ts';

/** What a section file says before its pixels are read. */
interface SectionHead {
  readonly width: number;
  readonly height: number;
  readonly dtype: DtypeName;
  readonly notes: readonly string[];
  readonly voxelSizeNm?: VolumeInfo['voxelSizeNm'];
}

interface SectionKind {
  readonly name: string;
  readonly extension: RegExp;
  head(source: ByteSource, purpose: Purpose): Promise<SectionHead>;
  decode(source: ByteSource, purpose: Purpose, site: Site): Promise<Plane>;
}

const pngKind: SectionKind = {
  name: 'PNG',
  extension: /\.png$/i,
  async head(source, purpose) {
    const { width, height, depth, channels, palette } = await readPngHeader(source);
    const note = palette ? 'palette images: luminance taken' : greyNote(channels);
    const notes = purpose === 'sections' && note ? [note] : [];
    return { width, height, dtype: depth === 16 ? 'uint16' : 'uint8', notes };
  },
  decode: (source, purpose, site) => decodePng(source, purpose, site.inflate),
};

const tiffKind: SectionKind = {
  name: 'TIFF',
  extension: /\.tiff?$/i,
  async head(source, purpose) {
    const notes: string[] = [];
    const pages = wholePages(await readTiffFile(source), notes);
    const metadata = tiffMetadata(pages[0]);
    const planes = Math.max(pages.length, metadata.imagejPlanes);
    if (planes > 1) {
      throw new KynError('shape', `a file of ${planes} pages among single sections`, {
        where: source.name,
        hint: 'give the file itself as the volume, or one section a file',
      });
    }
    const layout = tiffLayout(pages[0], source.name);
    noteColours(layout, notes, purpose);
    const { width, height } = layout;
    return {
      width,
      height,
      dtype: pageDtype(layout, purpose),
      notes,
      voxelSizeNm: voxelSize(metadata, notes),
    };
  },
  async decode(source, purpose, site) {
    const file = await readTiffFile(source);
    const layout = tiffLayout(wholePages(file, [])[0], source.name);
    const pixels = { source, layout, littleEndian: file.littleEndian, where: source.name };
    return decodeTiffPage(pixels, purpose, site.inflate);
  },
};

/** A folder of sections. */
export const imageStackFormat: Format = {
  name: 'image stack',
  recognises: async (site) => site.folder !== undefined,
  async open(site, purpose) {
    if (!site.folder) throw new KynError('format', 'an image stack is a folder', { where: site.location });
    return openStack(site.folder, site, purpose);
  },
  describe: describeImages,
};

/** One PNG: a volume of one section. */
export const pngFormat: Format = {
  name: 'PNG',
  recognises: async (site) => site.magic !== undefined && isPng(site.magic),
  async open(site, purpose) {
    const { file } = site;
    if (!file) throw new KynError('format', 'a PNG is a file', { where: site.location });
    const { width, height, dtype, notes } = await pngKind.head(file, purpose);
    return {
      info: {
        shape: [1, height, width],
        dtype,
        format: 'PNG',
        location: site.location,
        voxelSizeNm: undefined,
        notes,
      },
      readPlane: () => pngKind.decode(file, purpose, site),
      close: () => file.close(),
    };
  },
  describe: describeImages,
};

async function describeImages(this: Format, site: Site): ReturnType<Format['describe']> {
  const volume = await this.open(site, 'sections');
  const { location, format, shape, dtype, voxelSizeNm, notes } = volume.info;
  await volume.close();
  return { location, format, datasets: [{ path: '', shape, dtype, voxelSizeNm }], notes };
}

async function openStack(folder: Folder, site: Site, purpose: Purpose): Promise<PlaneVolume> {
  const { kind, files, note } = await chooseFiles(folder, site.location);
  const order = orderSections(files);
  const withFile = async <T>(name: string, use: (source: ByteSource) => Promise<T>): Promise<T> => {
    const source = await folder.open(name);
    try {
      return await use(source);
    } finally {
      await source.close();
    }
  };
  const heads: SectionHead[] = [];
  for (const name of order.names) {
    const head = await withFile(name, (source) => kind.head(source, purpose));
    heads.push(head);
    const first = heads[0];
    if (head.width !== first.width || head.height !== first.height || head.dtype !== first.dtype) {
      throw new KynError(
        'shape',
        `section ${name} is ${size(head)}, the ones before it are ${size(first)} (${order.names[0]})`,
        { where: site.location, hint: 'sections of a stack must have one size and kind' },
      );
    }
  }
  const notes = new Set([...(note ? [note] : []), ...order.notes, ...heads.flatMap((head) => head.notes)]);
  return {
    info: {
      shape: [heads.length, heads[0].height, heads[0].width],
      dtype: heads[0].dtype,
      format: `${kind.name} stack`,
      location: site.location,
      voxelSizeNm: heads[0].voxelSizeNm,
      sectionNames: order.names,
      sectionPositions: order.positions,
      notes: [...notes],
    },
    readPlane: (z) => withFile(order.names[z], (source) => kind.decode(source, purpose, site)),
    close: async () => {},
  };
}

function size(head: SectionHead): string {
  return `${head.width}×${head.height} ${head.dtype}`;
}

/** The section files of a folder, all of one kind; hidden files do not count. */
async function chooseFiles(
  folder: Folder,
  where: string,
): Promise<{ kind: SectionKind; files: string[]; note?: string }> {
  const shown = (name: string): boolean => !name.startsWith('.');
  const visible = (await folder.list()).filter(shown);
  const found = [pngKind, tiffKind].map((kind) => ({
    kind,
    files: visible.filter((name) => kind.extension.test(name)),
  }));
  const present = found.filter(({ files }) => files.length > 0);
  if (present.length > 1) {
    const counts = present.map(({ kind, files }) => `${files.length} ${kind.name}`).join(' and ');
    throw new KynError('format', `the folder holds ${counts} files: which are the sections?`, {
      where,
      hint: 'put one kind in a folder of its own',
    });
  }
  if (present.length === 0) {
    const folders = ((await folder.folders?.()) ?? []).filter(shown);
    const has = [
      ...(folders.length > 0 ? [`the folders ${list(folders)}`] : []),
      ...(visible.length > 0 ? [list(visible)] : []),
    ];
    const what = has.length === 0 ? 'it is empty' : `it has ${has.join(', and ')}`;
    throw new KynError('not-found', `no PNG or TIFF sections in the folder: ${what}`, {
      where,
      hint:
        folders.length > 0
          ? 'give one of these, or a file'
          : 'give a folder of PNG or TIFF files, a Zarr folder, or a file',
    });
  }
  const { kind, files } = present[0];
  const others = visible.filter((name) => !kind.extension.test(name));
  return { kind, files, note: others.length > 0 ? `not read: ${list(others)}` : undefined };
}

function list(names: readonly string[]): string {
  const sorted = [...names].sort();
  return sorted.length > 3
    ? `${sorted.slice(0, 3).join(', ')} and ${sorted.length - 3} more`
    : sorted.join(', ');
}
