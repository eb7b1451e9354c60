import {
  isKynError,
  KynError,
  type LabelSource,
  type NdArray,
  type NumericData,
  type SectionedVolume,
  type SectionSource,
  throwIfCancelled,
  type VolumeInfo,
} from '@kyn/core';
import { closingOnFailure, type DatasetDescription, looksLikeLabels, parseVolumeSpec } from '@kyn/io';
import { describeVolume } from '@kyn/io/node';
import { type CommandContext, defineCommand } from '../command.ts';
import { choice, flag, refuseUrl, type VolumeValues, volumeOptions } from '../options.ts';
import { refuseSamePlace } from '../same-place.ts';
import {
  createLabelOutput,
  createRawOutput,
  endingOf,
  labelBits,
  type OutputOptions,
  type VolumeWriter,
} from '../volume-writer.ts';
import { openLabelVolume, openRawVolume, volumeSpec } from '../volumes.ts';

export const convertCommand = defineCommand({
  name: 'convert',
  summary: 'write a volume, or a part of it, in another format',
  description: `Reads anything that kyn reads and writes OUT, whose ending says the format: .zarr (OME-Zarr 0.5),
.h5 (CREMI layout), .tif (labels only: one multi-page file). Labels are written as uint32, in HDF5 and where
IN has 64-bit ids as uint64; raw sections keep uint8, uint16 or float32.`,
  operands: [
    { name: 'IN', summary: 'a volume, or an output folder of kyn segment' },
    { name: 'OUT', summary: 'the file or folder to write: NAME.zarr, NAME.h5 or NAME.tif' },
  ],
  options: {
    ...volumeOptions,
    as: choice(['auto', 'raw', 'labels'], 'what IN holds (default: by its dtype and look)', 'auto'),
    overwrite: flag('replace OUT if it is there'),
  },
  examples: [
    { line: 'kyn convert out/ neurons.tif', says: 'a segmentation for Fiji' },
    { line: 'kyn convert sections/ stack.zarr --voxel-size 4,4,40', says: 'a folder of images' },
    { line: 'kyn convert big.h5:/raw crop.h5 --bbox 0:512,0:512,0:64', says: 'a part of a volume' },
  ],
  async run({ operands, values }, context) {
    const [input, output] = operands;
    refuseUrl(output);
    endingOf(output);
    refuseSamePlace(input, output);
    const source = await openEither(input, values.as, values, context);
    const { volume } = source;
    try {
      const { info } = volume;
      for (const note of [...info.notes, ...(await leftOut(input, output, info))]) context.stage.onNote(note);
      const options: OutputOptions = {
        shape: info.shape,
        voxelSizeNm: info.voxelSizeNm,
        originNm: info.originNm,
        overwrite: values.overwrite,
      };
      if (source.kind === 'labels') {
        const { wideIds } = source.volume;
        const bits = labelBits(output, info.dtype);
        const writer = await createLabelOutput(output, { ...options, bits, wideIds });
        await copySections(source.volume, writer, context);
        noteWideIds(wideIds, bits, info.dtype, context);
      } else {
        const dtype = info.dtype === 'uint8' || info.dtype === 'uint16' ? info.dtype : 'float32';
        if (dtype !== info.dtype) context.stage.onNote(`${info.dtype} pixels are written as ${dtype}`);
        await copySections(source.volume, await createRawOutput(output, dtype, options), context);
      }
      const shape = info.shape.join('×');
      const json = { output, kind: source.kind, shape: info.shape, voxel_size_nm: info.voxelSizeNm ?? null };
      context.result(json, `${output}: ${source.kind}, ${shape} voxels`);
    } finally {
      await volume.close();
    }
  },
});

type Either = { kind: 'labels'; volume: LabelSource } | { kind: 'raw'; volume: SectionSource };

async function openEither(
  input: string,
  as: 'auto' | 'raw' | 'labels',
  values: VolumeValues,
  context: CommandContext,
): Promise<Either> {
  if (as === 'labels') return { kind: 'labels', volume: await openLabelVolume(input, values) };
  let refused: unknown;
  try {
    const volume = await openRawVolume(input, values);
    if (as === 'raw') return { kind: 'raw', volume };
    if (!(await closingOnFailure(volume, () => hasLabelLook(volume, context))))
      return { kind: 'raw', volume };
    await volume.close();
    context.stage.onNote(`${input} looks like labels and is taken as such; --as raw says otherwise`);
    return { kind: 'labels', volume: await openLabelVolume(volume.info.location, values) };
  } catch (error) {
    // Integers wider than 16 bit are refused as raw because they are labels; or there are labels and no raw.
    const maybeLabels = isKynError(error) && (error.code === 'content' || error.code === 'not-found');
    if (as === 'raw' || !maybeLabels) throw error;
    refused = error;
  }
  try {
    return { kind: 'labels', volume: await openLabelVolume(input, values) };
  } catch (error) {
    throw isKynError(refused) && refused.code === 'not-found' ? refused : error;
  }
}

/** What of the input the output does not get, one line each. */
async function leftOut(input: string, output: string, info: VolumeInfo): Promise<string[]> {
  const { location, originNm, sectionPositions } = info;
  const notes: string[] = [];
  if (sectionPositions) {
    notes.push('sections that are missing leave no gap: those that are there follow each other');
  }
  if (/\.tiff?$/i.test(output) && originNm?.some((nm) => nm !== 0)) {
    notes.push(`TIFF has no place for the origin (${originNm.join(', ')} nm, zyx): left out`);
  }
  const taken = parseVolumeSpec(location).dataset;
  if (taken === undefined) return notes; // all there is
  const spec = volumeSpec(input);
  // Something else in the container may be unreadable, which is no concern of this volume's.
  const { datasets } = await describeVolume(spec).catch(() => ({ datasets: [] as DatasetDescription[] }));
  const named = `${parseVolumeSpec(spec).dataset ?? ''}/`;
  const others = datasets.filter(({ path }) => path !== taken && path.startsWith(named));
  const listed = others.slice(0, 8).map(({ path, shape, dtype }) => `${path} (${shape.join('×')} ${dtype})`);
  const more = others.length > 8 ? ` and ${others.length - 8} more` : '';
  if (others.length > 0) notes.push(`only ${taken} is converted; left out: ${listed.join(', ')}${more}`);
  const attributes = datasets.find(({ path }) => path === taken)?.attributes ?? [];
  if (attributes.length > 0) notes.push(`attributes left out: ${attributes.join(', ')}`);
  return notes;
}

/** Says of ids that could not stay as they were. */
function noteWideIds(
  wideIds: LabelSource['wideIds'],
  bits: 32 | 64,
  dtype: string,
  { stage }: CommandContext,
): void {
  const ids = [...(wideIds?.values() ?? [])];
  if (bits === 32 && ids.length > 0) {
    stage.onNote(`${ids.length} ids are negative or beyond 32 bit, which OUT cannot hold: renumbered`);
  }
  const negative = dtype.startsWith('u') ? 0 : ids.filter((id) => id >= 2n ** 63n).length;
  if (bits === 64 && negative > 0) stage.onNote(`${negative} ids are negative: written as 2^64 + id`);
}

async function hasLabelLook(volume: SectionSource, context: CommandContext): Promise<boolean> {
  const middle = Math.floor(volume.info.shape[0] / 2);
  return looksLikeLabels(await volume.read(middle, context.signal));
}

async function copySections<D extends NumericData>(
  volume: SectionedVolume<D>,
  writer: VolumeWriter<NdArray<D>>,
  { stage, signal }: CommandContext,
): Promise<void> {
  const total = volume.info.shape[0];
  try {
    for (let z = 0; z < total; z++) {
      throwIfCancelled(signal);
      await writer.write(z, await volume.read(z, signal));
      stage.onProgress({ stage: 'convert', done: z + 1, total, unit: 'sections' });
    }
    await writer.finish();
  } catch (error) {
    await writer.discard().catch((discardError: unknown) => {
      throw new KynError('output', 'could not be removed after a failure', {
        hint: 'remove the output by hand',
        cause: new AggregateError([error, discardError]),
      });
    });
    throw error;
  }
}
