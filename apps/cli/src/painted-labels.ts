/**
 * Painted label images or membrane masks as the command line takes them: a folder of images (or one image) that pair
 * with sections by name, or a volume of as many sections as the input, most of them left unpainted.
 */
import { basename } from 'node:path';
import {
  KynError,
  type LabelSection,
  type LabelSource,
  type StageContext,
  toDense,
  type Vec3,
  type VolumeInfo,
} from '@kyn/core';
import { pairNames, parseVolumeSpec } from '@kyn/io';
import { openLabels, openSections } from '@kyn/io/node';
import { maskPainting, type PaintedSection, type Painting, paintedSection } from '@kyn/nn';
import type { VolumeValues } from './options.ts';
import { volumeSpec } from './volumes.ts';

/** "Not painted", by the dtype of a label image. */
const LARGEST: Readonly<Record<string, number>> = {
  uint8: 255,
  int8: 127,
  uint16: 65_535,
  int16: 32_767,
  uint32: 4_294_967_295,
  int32: 2_147_483_647,
};

/** The volume that was painted on: as it is stored, and the part of it that is used. */
export interface PaintedVolume {
  readonly whole: VolumeInfo;
  readonly part: VolumeInfo;
}

type PartValues = Pick<VolumeValues, 'bbox' | 'zStep'>;

/**
 * Reads what was painted.
 * @param mask white is membrane, all else is not, nothing is left unpainted
 * @returns at least one section, in order of depth; indices are those of the part
 * @throws KynError `shape`, `usage` or `content` where files and sections do not go together or nothing is painted
 */
export async function readPainted(
  spec: string,
  volume: PaintedVolume,
  values: PartValues,
  mask: boolean,
  context: StageContext,
): Promise<PaintedSection[]> {
  const source = mask ? await openMasks(spec) : await openPainting(spec);
  try {
    const { whole, part } = volume;
    const pairs = pair(source.info, volume, values, context);
    const sections: PaintedSection[] = [];
    for (const { plane, z, name } of pairs) {
      const painting = await source.read(plane);
      const labels = cutToPart(painting.labels, whole.shape, part.shape, values.bbox?.min, name);
      if (pairs.length > 1 && !source.info.sectionNames && isEmpty(labels, painting)) continue;
      sections.push(paintedSection(z, name, { ...painting, labels }));
    }
    if (sections.length === 0) {
      throw new KynError('content', 'nothing is painted in any section', { where: spec, hint: source.rule });
    }
    return sections.sort((a, b) => a.z - b.z);
  } finally {
    await source.close();
  }
}

interface PaintingSource {
  readonly info: VolumeInfo;
  readonly rule: string;
  read(plane: number): Promise<Painting>;
  close(): Promise<void>;
}

async function openPainting(spec: string): Promise<PaintingSource> {
  const source: LabelSource = await openLabels(volumeSpec(spec));
  const { info } = source;
  const unpainted = LARGEST[info.dtype];
  if (unpainted === undefined) {
    await source.close();
    throw new KynError('content', `painted labels of ${info.dtype} have no value that means "not painted"`, {
      where: spec,
      hint: 'save them with 8 or 16 bit',
    });
  }
  const rule = `paint membranes 0 and cells any other value, leave the rest at ${unpainted}; or give --mask for images that are white on membranes`;
  return {
    info,
    rule,
    read: async (plane) => ({ labels: await source.read(plane), unpainted, rule }),
    close: () => source.close(),
  };
}

/** White is more than half of the largest value in any of the masks: 1, 255 or 65535. */
async function openMasks(spec: string): Promise<PaintingSource> {
  const source = await openSections(volumeSpec(spec));
  const { info } = source;
  const rule = 'masks are white on membranes and black elsewhere; label images are given without --mask';
  let largest = 0;
  for (let plane = 0; plane < info.shape[0]; plane++) {
    for (const value of toDense(await source.read(plane)).data) if (value > largest) largest = value;
  }
  return {
    info,
    rule,
    async read(plane) {
      const { data, shape } = toDense(await source.read(plane));
      return { ...maskPainting(data, largest / 2, shape), rule };
    },
    close: () => source.close(),
  };
}

interface Pair {
  /** Section of what is painted, and of the part that is painted on. */
  readonly plane: number;
  readonly z: number;
  readonly name: string;
}

function pair(painted: VolumeInfo, volume: PaintedVolume, part: PartValues, context: StageContext): Pair[] {
  const { location, sectionNames, shape } = painted;
  const single = shape[0] === 1 ? [basename(parseVolumeSpec(location).location)] : undefined;
  const files = sectionNames ?? single;
  // numbers of the sections in the volume as it is stored
  const first = part.bbox?.min[0] ?? 0;
  const numbers = Array.from({ length: volume.part.shape[0] }, (_, z) => first + z * part.zStep);
  if (!files) return pairByIndex(painted, volume, numbers);
  // one image painted for one: whatever they are called
  if (files.length === 1 && numbers.length === 1) return [{ plane: 0, z: 0, name: files[0] }];
  const sections = volume.part.sectionNames ?? numbers.map(String);
  const found = pairNames(files, sections);
  const pairs = files.flatMap((name, plane) => {
    const z = found[plane];
    return z === undefined ? [] : [{ plane, z, name }];
  });
  if (pairs.length === 0) {
    throw new KynError('usage', `no file is named as a section is (${sections[0]} to ${sections.at(-1)})`, {
      where: location,
      hint: 'give every painted image the name of its section',
    });
  }
  const left = files.filter((_, plane) => found[plane] === undefined);
  if (left.length > 0) context.onNote?.(`painted, but no such section: ${left.join(', ')}`);
  return pairs;
}

/** A volume without names goes section by section with the input, or with the part of it that is used. */
function pairByIndex(
  { shape: [depth], location }: VolumeInfo,
  { whole, part }: PaintedVolume,
  numbers: readonly number[],
): Pair[] {
  if (depth !== part.shape[0] && depth !== whole.shape[0]) {
    throw new KynError(
      'shape',
      `${depth} painted sections without names for ${part.shape[0]} sections: which is which?`,
      { where: location, hint: 'give images named as their sections, or as many as there are sections' },
    );
  }
  return numbers.map((number, z) => {
    const plane = depth === part.shape[0] ? z : number;
    return { plane, z, name: `${location}, section ${plane}` };
  });
}

/** True where all is unpainted, or a mask has no membrane: such sections of a volume were not worked on. */
function isEmpty(labels: LabelSection, { unpainted }: Painting): boolean {
  const { data } = toDense(labels);
  return unpainted === undefined ? !data.includes(0) : data.every((value) => value === unpainted);
}

/** Labels of the part of a section; those of that size already are taken as they are. */
function cutToPart(
  labels: LabelSection,
  whole: Vec3,
  part: Vec3,
  corner: Vec3 | undefined,
  name: string,
): LabelSection {
  const [height, width] = labels.shape;
  if (height === part[1] && width === part[2]) return labels;
  if (height !== whole[1] || width !== whole[2]) {
    throw new KynError('shape', `${height}×${width} pixels, but the section has ${whole[1]}×${whole[2]}`, {
      where: name,
      hint: 'paint on the section itself, at its full size',
    });
  }
  const [, y0, x0] = corner ?? [0, 0, 0];
  const { data, stride } = labels;
  const from = y0 * stride[0] + x0 * stride[1];
  return toDense({ data: data.subarray(from), shape: [part[1], part[2]], stride });
}
