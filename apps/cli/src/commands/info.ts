import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { subvolumeShape, type Vec3 } from '@kyn/core';
import { describeVolume } from '@kyn/io/node';
import {
  type CommonDescription,
  decodeBaseline3d,
  decodeModel,
  looksLikeBaseline3d,
  type ModelCard,
  type SegmenterSettings,
  type Session,
  type TensorInfo,
} from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { defineCommand } from '../command.ts';
import { isShipped, readModel } from '../model-file.ts';
import { volumeOptions } from '../options.ts';
import { columns, textTable } from '../text-table.ts';
import { isSegmentFolder, REPORT_NAME, volumeSpec } from '../volumes.ts';

export const infoCommand = defineCommand({
  name: 'info',
  summary: 'what a volume or a model is: datasets, shape, voxel size, card',
  description: `Lists the datasets of a file, folder or URL with shape (z, y, x), dtype, voxel size, origin, chunks
and compression, and what was noticed while reading (colour images, gaps in the numbering). With --bbox or
--z-step also the shape of that part. Of a model (base, or a .kyn file) it prints the card, of an .onnx network what it takes and gives.`,
  operands: [
    { name: 'INPUT', summary: 'a volume, a container, an output folder of kyn segment, or a model' },
  ],
  options: volumeOptions,
  examples: [
    { line: 'kyn info stack.h5', says: 'all datasets of a file' },
    { line: 'kyn info sections/ --json', says: 'a folder of images, for a script' },
    { line: 'kyn info base', says: 'what the shipped model was trained on; baseline3d is the other' },
  ],
  async run({ operands: [input], values, given }, context) {
    if (isModelName(input)) {
      const { description, settings, graph } = readDescription((await readModel(input)).bytes, input);
      context.result({ ...description, bytes: graph.length }, modelText(description, settings, graph.length));
      return;
    }
    if (input.endsWith('.onnx')) {
      const { inputs, outputs } = await describeGraph(input);
      const row = (kind: string) => (tensor: TensorInfo) => [
        kind,
        `${tensor.name} [${tensor.shape.join(', ')}]`,
      ];
      const rows = [...inputs.map(row('input')), ...outputs.map(row('output'))];
      const text = [`${input}: ONNX network`, columns(rows, 6)];
      context.result({ location: input, format: 'ONNX', inputs, outputs }, text.join('\n'));
      return;
    }
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
        origin_nm: dataset.originNm ?? null,
        chunks: dataset.chunks ?? null,
        compression: dataset.compression ?? null,
      };
    });
    const { location, format, notes } = description;
    const placed = datasets.some(({ origin_nm }) => origin_nm?.some((nm) => nm !== 0));
    const rows = datasets.map((dataset) => [
      dataset.path || '(the file)',
      dataset.shape.join('×') + (dataset.part ? `, of which ${dataset.part.join('×')}` : ''),
      dataset.dtype,
      dataset.voxel_size_nm?.join('×') ?? 'not given',
      ...(placed ? [dataset.origin_nm?.join(', ') ?? ''] : []),
      dataset.chunks?.join('×') ?? '',
      dataset.compression ?? '',
    ]);
    const origin = placed ? ['origin nm zyx'] : [];
    const head = ['dataset', 'shape zyx', 'dtype', 'voxel nm zyx', ...origin, 'chunks', 'compression'];
    const table = textTable(head, rows);
    const report = isSegmentFolder(input) ? await readReport(input) : undefined;
    const lines = [`${location}: ${format}`, table, ...notes.map((note) => `note: ${note}`)];
    if (report) lines.push(`${report.neurons} neurons of ${report.fragments} fragments`);
    context.result({ location, format, datasets, notes, ...(report ? { report } : {}) }, lines.join('\n'));
  },
});

function isModelName(input: string): boolean {
  return input.endsWith('.kyn') || (!existsSync(input) && isShipped(input));
}

/** What a model of either kind says of itself, and its network. */
function readDescription(bytes: Uint8Array, where: string) {
  if (looksLikeBaseline3d(bytes)) {
    const { description, graph } = decodeBaseline3d(bytes, where, { weights: false });
    return { description, settings: description.baseline3d, graph };
  }
  const { description, segmenter } = decodeModel(bytes, where, { weights: false });
  return { description, settings: description.segmenter, graph: segmenter };
}

function modelText(
  { name, card }: CommonDescription,
  { voxelSizeNm, flopPerPixel }: Pick<SegmenterSettings, 'voxelSizeNm' | 'flopPerPixel'>,
  bytes: number,
): string {
  const figures = (of: ModelCard['figures']) =>
    Object.entries(of).map(([key, value]) => [key, String(value)]);
  const { linker } = card;
  const rows = [
    ['model', name],
    ['', card.description],
    ['voxels', `${voxelSizeNm.join('×')} nm (zyx)`],
    ['network', `${(bytes / 1e6).toFixed(1)} MB, ${Math.round(flopPerPixel)} FLOP a pixel`],
    ['licence', card.licence],
    ...card.data.map((each, i) => [i === 0 ? 'data' : '', each]),
    ['made by', `${card.command} (seed ${card.seed})`],
    // those of a first step say nothing of the model
    ...(linker ? [] : figures(card.figures)),
    ...(linker
      ? [
          ['then', linker.description],
          ['made by', `${linker.command} (seed ${linker.seed})`],
          ...figures(linker.figures),
        ]
      : []),
  ];
  return columns(rows, 10);
}

/** What a plain network takes and gives. */
async function describeGraph(path: string): Promise<Pick<Session, 'inputs' | 'outputs'>> {
  const { bytes } = await readModel(path);
  const session = await (await nodeRuntime({ threads: 1 })).load(bytes, path);
  const { inputs, outputs } = session;
  await session.release();
  return { inputs, outputs };
}

async function readReport(folder: string): Promise<{ neurons: number; fragments: number }> {
  return JSON.parse(await readFile(join(folder, REPORT_NAME), 'utf8'));
}

function asVec3(shape: readonly number[]): Vec3 {
  return [shape[0], shape[1], shape[2]];
}
