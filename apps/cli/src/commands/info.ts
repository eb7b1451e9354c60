import { subvolumeShape, type Vec3 } from '@kyn/core';
import { describeVolume } from '@kyn/io/node';
import { defineCommand } from '../command.ts';
import { volumeOptions } from '../options.ts';
import { textTable } from '../text-table.ts';
import { volumeSpec } from '../volumes.ts';

export const infoCommand = defineCommand({
  name: 'info',
  summary: 'what a volume is: datasets, shape, voxel size',
  description: `Lists the datasets of a file, folder or URL with shape (z, y, x), dtype, voxel size, chunks and
compression, and what was noticed while reading (colour images, gaps in the numbering). With --bbox or
--z-step also the shape of that part.`,
  operands: [{ name: 'INPUT', summary: 'a volume, a container, or an output folder of kyn segment' }],
  options: volumeOptions,
  examples: [
    { line: 'kyn info stack.h5', says: 'all datasets of a file' },
    { line: 'kyn info sections/ --json', says: 'a folder of images, for a script' },
  ],
  async run({ operands: [input], values, given }, context) {
    const description = await describeVolume(volumeSpec(input));
    const cut = given.has('bbox') || given.has('zStep');
    const datasets = description.datasets.map((dataset) => {
      const voxelSizeNm = values.voxelSize ?? dataset.voxelSizeNm;
      return {
        path: dataset.path,
        shape: dataset.shape,
        ...(cut && dataset.shape.length === 3
          ? { part: subvolumeShape(asVec3(dataset.shape), values, dataset.path || input) }
          : {}),
        dtype: dataset.dtype,
        voxel_size_nm: voxelSizeNm ?? null,
        chunks: dataset.chunks ?? null,
        compression: dataset.compression ?? null,
      };
    });
    const { location, format, notes } = description;
    const rows = datasets.map((dataset) => [
      dataset.path || '(the file)',
      dataset.shape.join('×') + (dataset.part ? `, of which ${dataset.part.join('×')}` : ''),
      dataset.dtype,
      dataset.voxel_size_nm?.join('×') ?? 'not given',
      dataset.chunks?.join('×') ?? '',
      dataset.compression ?? '',
    ]);
    const table = textTable(['dataset', 'shape zyx', 'dtype', 'voxel nm zyx', 'chunks', 'compression'], rows);
    const text = [`${location}: ${format}`, table, ...notes.map((note) => `note: ${note}`)].join('\n');
    context.result({ location, format, datasets, notes }, text);
  },
});

function asVec3(shape: readonly number[]): Vec3 {
  return [shape[0], shape[1], shape[2]];
}
