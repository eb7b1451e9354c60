/**
 * Voxel size and axes that microscopes' and ImageJ's TIFFs carry: resolution tags, ImageJ's description
 * (`images=`, `slices=`, `spacing=`, `unit=`), OME-XML.
 */
import { nmPerUnit, plausiblePixelNm, tidyNm } from '../length-units.ts';
import { type TiffPage, tag } from './tiff-file.ts';

export interface TiffMetadata {
  readonly pixelNm: readonly [y: number, x: number] | undefined;
  readonly spacingNm: number | undefined;
  /** Axes behind the pages, fastest first, extents above 1 only; undefined where pages are just sections. */
  readonly axes: readonly { readonly name: 'z' | 'c' | 't'; readonly extent: number }[] | undefined;
  /** Planes that follow each other without directories of their own (ImageJ beyond 4 GB). */
  readonly imagejPlanes: number;
}

/** What the first page says about the volume. */
export function tiffMetadata(page: TiffPage): TiffMetadata {
  const description = page.text(tag.description) ?? '';
  if (description.startsWith('ImageJ=')) return imagejMetadata(page, description);
  if (description.includes('<OME') && description.includes('<Pixels')) return omeMetadata(page, description);
  return { pixelNm: resolutionNm(page, undefined), spacingNm: undefined, axes: undefined, imagejPlanes: 1 };
}

function imagejMetadata(page: TiffPage, description: string): TiffMetadata {
  const fields = new Map(
    description.split(/\r?\n/).map((line): [string, string] => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const count = (name: string) => Math.max(1, Math.floor(Number(fields.get(name) ?? 1)) || 1);
  const unit = nmPerUnit((fields.get('unit') ?? '').replaceAll('\\u00B5', 'µ'));
  const spacing = Number(fields.get('spacing'));
  const axes = [
    { name: 'c', extent: count('channels') },
    { name: 'z', extent: count('slices') },
    { name: 't', extent: count('frames') },
  ] as const;
  return {
    pixelNm: resolutionNm(page, unit),
    spacingNm: unit !== undefined && spacing > 0 ? tidyNm(spacing * unit) : undefined,
    axes: several(axes),
    imagejPlanes: count('images'),
  };
}

function omeMetadata(page: TiffPage, xml: string): TiffMetadata {
  const pixels = /<Pixels\b[^>]*>/.exec(xml)?.[0] ?? '';
  const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(pixels)?.[1];
  const sizeNm = (axis: string) => {
    const size = Number(attribute(`PhysicalSize${axis}`));
    const unit = nmPerUnit(attribute(`PhysicalSize${axis}Unit`) ?? 'µm');
    return size > 0 && unit !== undefined ? tidyNm(size * unit) : undefined;
  };
  const [x, y] = [sizeNm('X'), sizeNm('Y')];
  // `XYZCT`: Z is the fastest of the axes behind the pages.
  const order = (attribute('DimensionOrder') ?? 'XYZCT').slice(2);
  const axes = [...order].map((letter) => ({
    name: letter.toLowerCase() as 'z' | 'c' | 't',
    extent: Math.max(1, Number(attribute(`Size${letter}`) ?? 1) || 1),
  }));
  return {
    pixelNm: x !== undefined && y !== undefined ? [y, x] : resolutionNm(page, undefined),
    spacingNm: sizeNm('Z'),
    axes: several(axes),
    imagejPlanes: 1,
  };
}

function several(axes: readonly { name: 'z' | 'c' | 't'; extent: number }[]): TiffMetadata['axes'] {
  const long = axes.filter((axis) => axis.extent > 1);
  return long.some((axis) => axis.name !== 'z') ? long : undefined;
}

/** Pixel size of the resolution tags; `unitNm` is ImageJ's unit, which stands above the tag's. */
function resolutionNm(page: TiffPage, unitNm: number | undefined): readonly [number, number] | undefined {
  const tagUnit = page.number(tag.resolutionUnit) ?? 2;
  const nm = unitNm ?? (tagUnit === 2 ? 2.54e7 : tagUnit === 3 ? 1e7 : undefined);
  const [perY, perX] = [page.number(tag.yResolution), page.number(tag.xResolution)];
  if (nm === undefined || perY === undefined || perX === undefined) return undefined;
  const y = plausiblePixelNm(nm / perY);
  const x = plausiblePixelNm(nm / perX);
  return y !== undefined && x !== undefined ? [tidyNm(y), tidyNm(x)] : undefined;
}

/** More channels than this are no colours. */
const mostChannels = 4;

/**
 * Page of each section where pages hold channels or time points too: the first channel's first time point. A
 * volume that has time points, or many channels, but no sections is a common slip (of ImageJ; of tifffile, which calls the
 * pages of a plain stack channels): those are the sections.
 */
export function sectionPages(metadata: TiffMetadata, pages: number): { indices: number[]; note?: string } {
  const all = Array.from({ length: pages }, (_, i) => i);
  const axes = metadata.axes;
  if (!axes || axes.reduce((product, axis) => product * axis.extent, 1) !== pages) return { indices: all };
  const extentOf = (name: 'z' | 'c' | 't') => axes.find((axis) => axis.name === name)?.extent ?? 1;
  const slip = extentOf('t') === 1 && extentOf('c') > mostChannels ? 'c' : 't';
  const sectionAxis = extentOf('z') > 1 ? 'z' : slip;
  let step = 1;
  for (const axis of axes) {
    if (axis.name === sectionAxis) {
      const indices = Array.from({ length: axis.extent }, (_, i) => i * step);
      const others = axes.filter((other) => other.name !== sectionAxis).map((a) => nameOf(a.name, a.extent));
      const notes = [
        ...(sectionAxis === 'z' ? [] : [`${pluralOf[sectionAxis]} taken as sections`]),
        ...(others.length > 0 ? [`the first of ${others.join(' and ')} taken`] : []),
      ];
      return { indices, note: notes.join('; ') };
    }
    step *= axis.extent;
  }
  return {
    indices: [0],
    note: `the first of ${axes.map((a) => nameOf(a.name, a.extent)).join(' and ')} taken`,
  };
}

const pluralOf = { z: 'sections', c: 'channels', t: 'time points' } as const;

function nameOf(axis: 'z' | 'c' | 't', extent: number): string {
  return `${extent} ${pluralOf[axis]}`;
}
