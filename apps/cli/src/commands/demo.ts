import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { KynError, type Scores } from '@kyn/core';
import { writeFileAtomic } from '@kyn/io/node';
import { defineCommand } from '../command.ts';
import { runInner } from '../inner-command.ts';
import { DEFAULT_MODEL, readModel } from '../model-file.ts';
import { integer, output, seedRange, shape, text } from '../options.ts';
import { RAW_DATASET, TRUTH_DATASET } from '../phantom-file.ts';
import { textTable } from '../text-table.ts';
import { evaluateCommand } from './evaluate.ts';
import { phantomCommand } from './phantom.ts';
import { segmentCommand } from './segment.ts';

const DEMO_SHAPE = [16, 384, 384] as const;
/** Not among the seeds that models are trained on. */
const DEMO_SEED = 20260;
const PHANTOM_NAME = 'phantom.h5';
const RESULT_NAME = 'result';
/** Says that the folder is the demo's: a phantom in it may be somebody's own. */
const MARK = 'kyn-demo.txt';
const MARK_TEXT = `Made by kyn demo, which replaces ${PHANTOM_NAME} and ${RESULT_NAME}/ when it is run here again.\n`;

export const demoCommand = defineCommand({
  name: 'demo',
  summary: 'try it out: make a small volume, segment it, score it',
  description: `Makes a synthetic volume of 8×8×40 nm voxels with known truth, segments it with the shipped model, and
scores the result, as kyn phantom, kyn segment and kyn evaluate do. Takes under two minutes on two
cores. DIR then holds ${PHANTOM_NAME} and ${RESULT_NAME}/, with pictures in ${RESULT_NAME}/preview.png.`,
  operands: [],
  options: {
    out: output(text('DIR', 'where to put it (default: kyn-demo)', 'kyn-demo')),
    shape: shape(`size in voxels (default: ${DEMO_SHAPE.join(',')})`),
    seed: integer('N', `which phantom (default: ${DEMO_SEED})`, seedRange, DEMO_SEED),
    model: text('M', `a shipped model, or a .kyn or .onnx file (default: ${DEFAULT_MODEL})`, DEFAULT_MODEL),
  },
  examples: [
    { line: 'kyn demo', says: 'as it is' },
    { line: 'kyn demo --seed 7 --shape 32,512,512', says: 'another, larger volume' },
  ],
  async run({ values }, context) {
    const { out, seed, model, device, threads } = values;
    await readModel(model); // one that is not there is told before anything is drawn
    await takeDemoFolder(out);
    const began = performance.now();
    const file = join(out, PHANTOM_NAME);
    const result = join(out, RESULT_NAME);
    const size = (values.shape ?? DEMO_SHAPE).join(',');
    await runInner(
      phantomCommand,
      ['--out', file, '--shape', size, '--seed', `${seed}`, '--overwrite'],
      context,
    );
    const phantomSeconds = (performance.now() - began) / 1000;
    const engine = ['--device', device, ...(threads === undefined ? [] : ['--threads', `${threads}`])];
    const segmented = (await runInner(
      segmentCommand,
      [`${file}:${RAW_DATASET}`, '--out', result, '--model', model, '--overwrite', ...engine],
      context,
    )) as { neurons: number; fragments: number; seconds: number; shape: readonly number[] };
    const truth = `${file}:${TRUTH_DATASET}`;
    const volume = (await runInner(evaluateCommand, [result, truth], context)) as Scores;
    const slices = (await runInner(evaluateCommand, [result, truth, '--per-slice'], context)) as Scores;

    const preview = join(result, 'preview.png');
    const voxels = segmented.shape.reduce((product, extent) => product * extent, 1);
    const json = {
      out,
      preview,
      neurons: segmented.neurons,
      fragments: segmented.fragments,
      phantom_seconds: phantomSeconds,
      segment_seconds: segmented.seconds,
      seconds: (performance.now() - began) / 1000,
      mvx_per_s: voxels / 1e6 / segmented.seconds,
      scores: volume,
      per_slice: slices,
    };
    const scoreRow = (name: string, s: Scores) => [
      name,
      ...[s.voi_split, s.voi_merge, s.voi, s.arand, s.cremi].map((value) => value.toFixed(3)),
    ];
    const table = textTable(
      ['0 is perfect', 'VOI split', 'VOI merge', 'VOI', 'ARAND', 'CREMI'],
      [scoreRow('3D, all sections together', volume), scoreRow('2D, section by section', slices)],
    );
    const lines = [
      `${segmented.shape.join('×')} voxels of synthetic EM (zyx), ${volume.truth} neurons in truth`,
      `${segmented.fragments} fragments, ${segmented.neurons} neurons found in ` +
        `${segmented.seconds.toFixed(1)} s (${json.mvx_per_s.toFixed(2)} MVx/s)`,
      '',
      table,
      '',
      `look at ${preview}`,
    ];
    context.result(json, lines.join('\n'));
  },
});

/** A folder that holds other things is left alone; one that is taken is marked as the demo's. */
async function takeDemoFolder(out: string): Promise<void> {
  const refuse = (what: string): KynError =>
    new KynError('output', what, { where: out, hint: 'choose another folder with --out' });
  if (existsSync(out)) {
    if (!statSync(out).isDirectory()) throw refuse('there is a file of this name');
    const names = readdirSync(out);
    if (names.length > 0 && !names.includes(MARK)) throw refuse('it holds things that are not the demo’s');
  }
  await writeFileAtomic(join(out, MARK), MARK_TEXT);
}
