import { existsSync } from 'node:fs';
import { KynError, subvolume } from '@kyn/core';
import { checkWritable, openSections, writeFileAtomic } from '@kyn/io/node';
import {
  ADAPT_DEFAULTS,
  type Adaptation,
  type AdaptOptions,
  adaptModel,
  decodeModel,
  encodeModel,
  looksLikeKynModel,
} from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { adaptReport, linksText, scoreRows, verdict } from '../adapt-report.ts';
import { defineCommand } from '../command.ts';
import { DEFAULT_MODEL, readModel } from '../model-file.ts';
import {
  flag,
  integer,
  membranesOption,
  modelFile,
  number,
  required,
  seedRange,
  text,
  volumeOptions,
  volumeWords,
} from '../options.ts';
import { readPainted } from '../painted-labels.ts';
import { refuseSamePlace } from '../same-place.ts';
import { shellWord } from '../shell-word.ts';
import { textTable } from '../text-table.ts';
import { refuseDevice } from '../training-command.ts';
import { volumeSpec } from '../volumes.ts';

const MINUTES = 10;

export const adaptCommand = defineCommand({
  name: 'adapt',
  summary: 'fit a model to your images from one to three painted sections',
  description: `Trains a model on from its own weights with sections of INPUT whose membranes somebody painted, checks on
parts of them that it did not train on whether that helped, and writes the better of the two models.
Beside it lies FILE.report.html with the scores and pictures before and after.

LABELS is a folder of PNG or TIFF images, each named as its section is (07.tif: 07.png, 07-labels.png) and
of its size: 0 = membrane, the largest value (255 with 8 bit) = not painted, anything else = a cell; or with
--mask white = membrane, black = all else. One section is enough, three are better; they need not be
neighbours. docs/adapt.md tells how to paint them.`,
  operands: [{ name: 'INPUT', summary: 'the raw volume that the painted sections are of' }],
  options: {
    labels: required(text('LABELS', 'the painted sections: a folder of images, an image, or a volume')),
    out: required(modelFile('the model to write')),
    model: text(
      'M',
      `the model to start from: a shipped one, or a .kyn file (default: ${DEFAULT_MODEL})`,
      DEFAULT_MODEL,
    ),
    membranes: membranesOption,
    mask: flag('LABELS are masks: white = membrane'),
    minutes: number('N', `time it may take (default: ${MINUTES})`, { min: 0.1 }, MINUTES),
    seed: integer('N', 'which random numbers (default: 1)', seedRange, ADAPT_DEFAULTS.seed),
    overwrite: flag('replace FILE.kyn and its report'),
    ...volumeOptions,
  },
  examples: [
    { line: 'kyn adapt sections/ --labels painted/ --out lab.kyn --voxel-size 4,4,40', says: 'label images' },
    { line: 'kyn adapt stack.h5 --labels masks/ --mask --out lab.kyn', says: 'membranes in white' },
  ],
  async run({ operands: [input], values }, context) {
    const { out, labels, threads } = values;
    refuseDevice(values);
    refuseSamePlace(input, out);
    refuseSamePlace(labels, out);
    const report = `${out.replace(/\.kyn$/i, '')}.report.html`;
    refuseExisting([out, report], values.overwrite);
    for (const path of [out, report]) await checkWritable(path);
    const { name, bytes } = await readModel(values.model);
    if (!looksLikeKynModel(bytes)) {
      throw new KynError('model', 'a plain ONNX network cannot be trained on', {
        where: name,
        hint: 'take base, or a model that kyn train segmenter or kyn adapt wrote',
      });
    }
    const model = decodeModel(bytes, name);
    const whole = await openSections(volumeSpec(input), { voxelSizeNm: values.voxelSize });
    try {
      const source = subvolume(whole, values);
      const volume = { whole: whole.info, part: source.info };
      const { mask, minutes, seed, membranes } = values;
      const painted = await readPainted(labels, volume, values, mask, context.stage);
      const runtime = await nodeRuntime({ threads }, context.stage.onNote);
      const words = ['kyn', 'adapt', input, ...volumeWords(values), '--labels', labels];
      if (mask) words.push('--mask');
      if (membranes) words.push('--membranes', membranes);
      words.push('--model', values.model, '--minutes', `${minutes}`, '--seed', `${seed}`, '--out', out);
      const command = words.map(shellWord).join(' ');
      const options = { ...ADAPT_DEFAULTS, seed, seconds: 60 * minutes };
      const adaptation = await adaptModel(
        runtime,
        { model, modelName: name, source, painted, membranes, command },
        options,
        context.stage,
      );
      await writeFileAtomic(out, adaptation.helped ? encodeModel(adaptation.model) : bytes);
      await writeFileAtomic(report, adaptReport(adaptation, out, { command, ...options }));
      context.endProgress();
      context.result({ out, report, ...jsonOf(adaptation) }, summary(adaptation, out, report, options));
    } finally {
      await whole.close();
    }
  },
});

function refuseExisting(paths: readonly string[], overwrite: boolean): void {
  const there = overwrite ? undefined : paths.find((path) => existsSync(path));
  if (there === undefined) return;
  throw new KynError('output', 'is there already', {
    where: there,
    hint: 'replace it with --overwrite, or name another --out',
  });
}

function jsonOf({ helped, before, after, sections, links, steps, seconds }: Adaptation) {
  const each = sections.map(({ z, name, profiles, scores }) => ({ z, name, profiles, ...scores }));
  return { helped, before, after, sections: each, links: links ?? null, steps, seconds };
}

function summary(adaptation: Adaptation, out: string, report: string, options: AdaptOptions): string {
  const [heading, ...rows] = scoreRows(adaptation);
  return [
    textTable(heading, rows),
    '',
    verdict(adaptation, out, options),
    ...linksText(adaptation),
    `${(adaptation.seconds / 60).toFixed(1)} minutes; pictures in ${report}`,
  ].join('\n');
}
