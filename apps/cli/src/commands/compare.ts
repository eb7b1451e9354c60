import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Corrections,
  countCorrections,
  countPairs,
  KynError,
  type LabelSource,
  type Membranes,
  type Scores,
  scoreTable,
  throwIfCancelled,
  type Vec3,
} from '@kyn/core';
import { makeFolder, openLabels, writeFileAtomic } from '@kyn/io/node';
import {
  decodeBaseline3d,
  decodeModel,
  looksLikeBaseline3d,
  looksLikeKynModel,
  PUBLISHED_WIDTHS_3D,
  randomNetwork3d,
} from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { runChild } from '../child-command.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { comparePage } from '../compare-page.ts';
import { DEFAULT_BASELINE, DEFAULT_MODEL, readModel } from '../model-file.ts';
import {
  type CommonValues,
  flag,
  membranesOption,
  output,
  required,
  text,
  type VolumeValues,
  volumeOptions,
  volumeWords,
} from '../options.ts';
import { refuseSamePlace } from '../same-place.ts';
import { textTable } from '../text-table.ts';
import { openRawVolume, openTruth, volumeSpec } from '../volumes.ts';

const PAGE = 'compare.html';
const FIGURES = 'compare.json';
/** Runs of the published network after the one that warms up; the fastest counts. */
const PUBLISHED_RUNS = 2;

/** One of the two ways; its key is its name in JSON and its folder under --out. */
interface Way {
  readonly key: 'link2d' | 'baseline3d';
  readonly name: string;
  readonly model: string;
  readonly modelBytes: number;
}

/** What `kyn segment --json` says, as far as it is used here. */
interface SegmentResult {
  readonly shape: Vec3;
  readonly peakMemoryBytes: number;
  readonly stages: Readonly<Record<string, { readonly cpuSeconds: number }>>;
  readonly cpuSeconds: { readonly readingAndCompressing: number; readonly engine: number };
  /** Per pixel of the network; null where the model does not say. */
  readonly network: { readonly flopPerPixel: number | null };
}

/** What `--json` has for each way. */
interface Figures extends Scores {
  readonly merges_to_fix: number;
  readonly splits_to_fix: number;
  readonly merging_segments: number;
  readonly split_neurons: number;
  readonly seconds: number;
  readonly mvx_per_s: number;
  readonly peak_memory_bytes: number;
  readonly model: string;
  readonly model_bytes: number;
  /** NaN where nobody knows. */
  readonly flop_per_voxel: number;
  /** CPU-seconds. */
  readonly stages: Readonly<Record<string, number>>;
}

interface Published {
  readonly mvx_per_s: number;
  readonly flop_per_voxel: number;
}

export const compareCommand = defineCommand({
  name: 'compare',
  summary: 'the 2D way beside a 3D network: accuracy, time and memory, in one run',
  description: `Segments INPUT twice on this machine, one after the other, each as a process of its own (kyn segment): section
by section with learned links, and with the 3D baseline. Both are scored against TRUTH as kyn evaluate
does. Printed side by side, and with --out drawn:

  VOI ... CREMI    see kyn evaluate --help
  to fix           cuts and joins that would mend all wrong merges and splits, pairs of a segment and a
                   neuron that share fewer than 1000 voxels aside
  seconds, MVx/s   of the whole process, files to files; in voxels of INPUT
  CPU-s by stage   predict: all of the networks; files: reading and compressing; engine: the runtime's own
  FLOP/voxel       of the networks, at their own resolution, without the overlap of tiles

and the speed of the published 3D network (28-36-48-64-80; random weights) alone, without reading or
linking. --bbox and --z-step apply to both volumes, except that a truth which already has the reduced
shape is taken as it is. DIR then holds link2d/, baseline3d/, ${FIGURES} and ${PAGE}.`,
  operands: [{ name: 'INPUT', summary: 'the raw volume, as for kyn segment' }],
  options: {
    ...volumeOptions,
    truth: required(text('TRUTH', 'the ground truth: a label volume of the same shape; 0 = not scored')),
    out: output(text('DIR', 'keep both results and draw them (default: nothing is kept)')),
    model: text('M', 'the 2D model: a shipped one, or a .kyn or .onnx file (default: base)', DEFAULT_MODEL),
    baseline: text('FILE.kyn', 'the 3D network (default: the shipped one, baseline3d)', DEFAULT_BASELINE),
    fast: flag('the 2D way looks at the sections alone, see kyn segment --help'),
    membranes: membranesOption,
    overwrite: flag('replace the comparison in DIR; files of others stay'),
  },
  examples: [
    {
      line: 'kyn compare a.h5:/volumes/raw --truth a.h5:/volumes/labels/neuron_ids',
      says: 'the shipped models on one volume',
    },
    { line: 'kyn compare a.h5 --truth a.h5 --z-step 4 --out both', says: 'every 4th section; keep all' },
    {
      line: 'kyn compare a.h5 --truth a.h5 --baseline mine.kyn --json',
      says: 'your own baseline; for a script',
    },
  ],
  async run({ operands: [input], values }, context) {
    const { out } = values;
    const ways = await readWays(values.model, values.baseline);
    const shape = await checkVolumes(input, values);
    if (out !== undefined) {
      refuseSamePlace(input, out);
      refuseSamePlace(values.truth, out);
      await prepareOut(out, values.overwrite);
    }
    const folder = out ?? (await mkdtemp(join(tmpdir(), 'kyn-compare-')));
    try {
      const both: Figures[] = [];
      for (const way of ways) {
        const result = await segment(way, input, join(folder, way.key), values, context);
        both.push(await score(way, result, join(folder, way.key), shape, values, context));
      }
      const published = await measurePublished(values, context);
      const [link2d, baseline3d] = both;
      const json = { link2d, baseline3d, published3d: published };
      const table = figureTable(ways, both);
      const notes = summary(both, published);
      if (out !== undefined) {
        await writeFileAtomic(join(out, FIGURES), `${JSON.stringify(json, null, 2)}\n`);
        await writeFileAtomic(join(out, PAGE), page(input, out, ways, both, table, notes));
      }
      const [heading, ...rows] = table;
      const shown = out === undefined ? [] : ['', `look at ${join(out, PAGE)}`];
      context.result(json, [textTable(heading, rows), '', ...notes, ...shown].join('\n'));
    } finally {
      if (out === undefined) await rm(folder, { recursive: true, force: true });
    }
  },
});

/** @throws KynError where a model is missing or of the other kind. */
async function readWays(model: string, baseline: string): Promise<[Way, Way]> {
  const [flat, solid] = [await readModel(model), await readModel(baseline)];
  if (looksLikeBaseline3d(flat.bytes)) {
    throw new KynError('model', 'it is a 3D network', { where: model, hint: 'give it as --baseline' });
  }
  if (looksLikeKynModel(solid.bytes) && !looksLikeBaseline3d(solid.bytes)) {
    throw new KynError('model', 'it is no 3D network', {
      where: baseline,
      hint: 'a 2D one is given as --model',
    });
  }
  // what cannot be read is told of before anything runs
  if (looksLikeKynModel(flat.bytes)) decodeModel(flat.bytes, model, { weights: false });
  decodeBaseline3d(solid.bytes, baseline, { weights: false });
  return [
    { key: 'link2d', name: '2D+link', model, modelBytes: flat.bytes.length },
    { key: 'baseline3d', name: '3D baseline', model: baseline, modelBytes: solid.bytes.length },
  ];
}

/**
 * What would fail after minutes fails at once.
 * @returns the shape of the chosen part.
 */
async function checkVolumes(input: string, values: VolumeValues & { truth: string }): Promise<Vec3> {
  const source = await openRawVolume(input, values);
  try {
    const { shape } = source.info;
    await (await openTruth(values.truth, shape, values)).close();
    return shape;
  } finally {
    await source.close();
  }
}

async function prepareOut(out: string, overwrite: boolean): Promise<void> {
  await makeFolder(out);
  if (overwrite) {
    // what a run that is stopped leaves is not to look like a whole comparison
    for (const name of [PAGE, FIGURES]) await rm(join(out, name), { force: true });
    return;
  }
  if ((await readdir(out)).length === 0) return;
  throw new KynError('output', 'the folder is not empty', {
    where: out,
    hint: 'choose another one, or replace the comparison in it with --overwrite',
  });
}

async function segment(
  { key, name, model }: Way,
  input: string,
  folder: string,
  values: VolumeValues &
    CommonValues & { overwrite: boolean; fast: boolean; membranes: Membranes | undefined },
  context: CommandContext,
): Promise<{ json: SegmentResult; seconds: number }> {
  const { threads, device, overwrite, fast, membranes } = values;
  const words = ['segment', input, '--out', folder, '--model', model, '--device', device];
  words.push(...volumeWords(values));
  if (threads !== undefined) words.push('--threads', `${threads}`);
  if (membranes !== undefined) words.push('--membranes', membranes);
  if (overwrite) words.push('--overwrite');
  if (fast && key === 'link2d') words.push('--fast');
  return runChild<SegmentResult>(name, words, context);
}

async function score(
  way: Way,
  { json, seconds }: { json: SegmentResult; seconds: number },
  folder: string,
  shape: Vec3,
  values: VolumeValues & { truth: string },
  context: CommandContext,
): Promise<Figures> {
  const truth = await openTruth(values.truth, shape, values);
  let segmentation: LabelSource | undefined;
  try {
    segmentation = await openLabels(volumeSpec(folder));
    const pairs = await countPairs({ segmentation, truth }, context.stage);
    const megavoxels = shape.reduce((a, b) => a * b, 1) / 1e6;
    return {
      ...scoreTable(pairs),
      ...corrections(countCorrections(pairs)),
      seconds,
      mvx_per_s: megavoxels / seconds,
      peak_memory_bytes: json.peakMemoryBytes,
      model: way.model,
      model_bytes: way.modelBytes,
      flop_per_voxel: json.network.flopPerPixel ?? Number.NaN,
      stages: {
        ...Object.fromEntries(Object.entries(json.stages).map(([name, time]) => [name, time.cpuSeconds])),
        files: json.cpuSeconds.readingAndCompressing,
        engine: json.cpuSeconds.engine,
      },
    };
  } finally {
    await Promise.all([truth.close(), segmentation?.close()]);
  }
}

function corrections({ merges, splits, mergingSegments, splitNeurons }: Corrections) {
  return {
    merges_to_fix: merges,
    splits_to_fix: splits,
    merging_segments: mergingSegments,
    split_neurons: splitNeurons,
  };
}

/** Speed of the published network in the same runtime. */
async function measurePublished(
  { threads, device }: CommonValues,
  { signal, stage }: CommandContext,
): Promise<Published> {
  const progress = (done: number) =>
    stage.onProgress({ stage: 'published 3D network', done, total: PUBLISHED_RUNS + 1, unit: 'runs' });
  throwIfCancelled(signal);
  progress(0);
  const runtime = await nodeRuntime(
    { threads, device: device === 'webgpu' ? 'webgpu' : 'cpu' },
    stage.onNote,
  );
  const network = await randomNetwork3d(runtime, PUBLISHED_WIDTHS_3D);
  try {
    let fastest = 0;
    for (let run = 1; run <= PUBLISHED_RUNS; run++) {
      throwIfCancelled(signal);
      progress(run);
      fastest = Math.max(fastest, await network.megavoxelsPerSecond());
    }
    progress(PUBLISHED_RUNS + 1);
    return { mvx_per_s: fastest, flop_per_voxel: network.flopPerVoxel };
  } finally {
    await network.close();
  }
}

/** A heading row and a row a figure. */
function figureTable(ways: readonly Way[], both: readonly Figures[]): string[][] {
  const row = (name: string, cell: (figures: Figures) => string) => [name, ...both.map(cell)];
  const flop = ({ flop_per_voxel: value }: Figures) => (Number.isNaN(value) ? '?' : value.toFixed(0));
  const stages = [...new Set(both.flatMap((each) => Object.keys(each.stages)))];
  return [
    ['0 is perfect, down to CREMI', ...ways.map(({ name }) => name)],
    row('VOI split', (f) => f.voi_split.toFixed(4)),
    row('VOI merge', (f) => f.voi_merge.toFixed(4)),
    row('VOI', (f) => f.voi.toFixed(4)),
    row('ARAND', (f) => f.arand.toFixed(4)),
    row('CREMI', (f) => f.cremi.toFixed(4)),
    row('merges to fix (1000 voxels or more)', (f) => `${f.merges_to_fix} in ${f.merging_segments} segments`),
    row('splits to fix (1000 voxels or more)', (f) => `${f.splits_to_fix} in ${f.split_neurons} neurons`),
    row('segments (neurons in truth)', (f) => `${f.segments} (${f.truth})`),
    row('seconds', (f) => f.seconds.toFixed(1)),
    row('MVx/s', (f) => f.mvx_per_s.toPrecision(3)),
    row('peak memory, MB', (f) => (f.peak_memory_bytes / 1e6).toFixed(0)),
    row('model, kB', (f) => (f.model_bytes / 1e3).toFixed(0)),
    row('FLOP/voxel', flop),
    ...stages.map((name) => row(`CPU-s: ${name}`, ({ stages: times }) => times[name]?.toFixed(2) ?? '-')),
  ];
}

function summary([link2d, baseline3d]: readonly Figures[], published: Published): string[] {
  const times = (rate: number) => `${(link2d.mvx_per_s / rate).toFixed(1)} times`;
  return [
    `2D+link is ${times(baseline3d.mvx_per_s)} as fast as the 3D baseline, end to end.`,
    `The published 3D network (${PUBLISHED_WIDTHS_3D.join('-')}, ${published.flop_per_voxel} FLOP/voxel) by itself ` +
      `makes ${published.mvx_per_s.toPrecision(3)} MVx/s here: 2D+link is ${times(published.mvx_per_s)} as fast.`,
  ];
}

function page(
  input: string,
  out: string,
  ways: readonly Way[],
  both: readonly Figures[],
  table: readonly (readonly string[])[],
  notes: readonly string[],
): string {
  const shown = both.map((figures, i) => {
    const preview = join(out, ways[i].key, 'preview.png');
    return {
      name: ways[i].name,
      voiSplit: figures.voi_split,
      voiMerge: figures.voi_merge,
      stages: figures.stages,
      preview: existsSync(preview) ? readFileSync(preview) : undefined,
    };
  });
  return comparePage(`Comparison on ${input}`, shown, table, notes);
}
