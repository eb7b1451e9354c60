/**
 * Does the linker gain from what the segmenter has learned? Trains a segmenter to link on few and on many patches: from
 * its weights (tuned), with its weights kept (frozen), and from nothing (scratch). Each is judged twice, on the
 * overlapping true profiles of a validation volume, every 4th section:
 *
 * - by itself: how well its mean affinity ranks the contested pairs, those whose overlap does not tell (average
 *   precision);
 * - as a linker: boosted trees learn from its evidence about the same share of the training volume's pairs, and say of
 *   all pairs whether they are one neuron (F1 at probability 0.5, and average precision).
 *
 * The row `overlap` is the same trees on pairs of which no network says anything.
 *
 *     node bench/run.mjs bench/transfer.ts --model SEGMENTER.kyn [--data DIR] [--steps 400] [--seeds 1,2,3]
 *         [--patches 15,150,1500] [--transfer tuned,frozen,scratch,overlap] [--threads 2] [--csv FILE]
 *
 * SEGMENTER.kyn is what `kyn train segmenter` wrote: it has not been asked about links. A row is printed, and added to the
 * CSV, as soon as it is known; `bench/curves.ts` draws them.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  BOOST_DEFAULTS,
  createMemoryStore,
  type LabelledRows,
  type LabelSource,
  PAIR_FEATURES,
  PairExamples,
  type Predictor,
  predictLogits,
  Random,
  runPipeline,
  type SectionPairs,
  type SectionSource,
  subvolume,
  trainBoostedTrees,
} from '@kyn/core';
import { openLabels, openSections } from '@kyn/io/node';
import {
  createPredictor,
  decodeModel,
  encodeModel,
  type KynModel,
  LINKER_DEFAULTS,
  loadTrainingVolume,
  type Transfer,
  trainLinker,
} from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env.KYN_DATA ?? '../shared/data' },
    model: { type: 'string', default: 'segmenter.kyn' },
    steps: { type: 'string', default: '400' },
    seeds: { type: 'string', default: '1,2,3' },
    patches: { type: 'string', default: '15,150,1500' },
    transfer: { type: 'string', default: 'tuned,frozen,scratch,overlap' },
    threads: { type: 'string', default: '2' },
    csv: { type: 'string' },
  },
});
/** Patches that count as all of the training pairs. */
const ALL_PATCHES = 1500;
const Z_STEP = 4;
/** Contested are pairs of profiles of at least this many pixels, with an overlap over union in this range. */
const CONTESTED = { area: 100, least: 0.05, most: 0.4 };

const list = (text: string) => text.split(',').map(Number);
const column = (name: (typeof PAIR_FEATURES)[number]) => PAIR_FEATURES.indexOf(name);
const [AFFINITY, OVERLAP] = [column('affinity, mean'), column('overlap pixels (log)')];
const [SHARE, AREA] = [column('overlap over union'), column('area, smaller (log)')];

const runtime = await nodeRuntime({ threads: Number(values.threads), spin: false });
const base = decodeModel(readFileSync(values.model), values.model);
const trainFile = join(values.data, 'flyem-medulla', 'train.h5');
const train = await loadTrainingVolume(await openSections(trainFile), await openLabels(trainFile), {
  name: 'train.h5',
  isotropic: true,
  zSteps: [1, 2, 4, 4, 6],
});
const volumes = {
  learn: await openBoth(trainFile),
  judge: await openBoth(join(values.data, 'flyem-medulla', 'val.h5')),
};
const steps = Number(values.steps);

async function openBoth(file: string): Promise<{ source: SectionSource; truth: LabelSource }> {
  const source = subvolume(await openSections(file), { zStep: Z_STEP });
  return { source, truth: subvolume(await openLabels(file), { zStep: Z_STEP }) };
}

/** A network for which all is one neuron: what is left is overlap, size and shape. */
function knowingNothing(predictor: Predictor): Predictor {
  return {
    ...predictor,
    async predict(tiles, signal) {
      const { affinities, cross } = await predictor.predict(tiles, signal);
      return { affinities, cross: cross && { ...cross, data: cross.data.map(() => 1) } };
    },
  };
}

/** What the network says of the overlapping pairs of true profiles. */
async function pairsOf(predictor: Predictor, { source, truth }: typeof volumes.judge) {
  const examples = new PairExamples();
  const found: SectionPairs[] = [];
  const input = { source, predictor, fragments: truth, onPairs: (pairs: SectionPairs) => found.push(pairs) };
  await runPipeline(input, createMemoryStore());
  for (const { lowerZ, upperZ, lower, upper, pairs, upperEdges } of found) {
    const both = [await truth.read(lowerZ), await truth.read(upperZ)] as const;
    examples.add(pairs, [lower, upper], upperEdges, both, 1, false);
  }
  const rows = examples.cross.rows(false);
  return select(rows, (i) => rows.values[at(i, OVERLAP)] > 0);
}

const at = (row: number, feature: number): number => row * PAIR_FEATURES.length + feature;

function select(rows: LabelledRows, keep: (row: number) => boolean): LabelledRows {
  const kept = Array.from(rows.labels.keys()).filter(keep);
  const of = (row: number) => rows.values.subarray(at(row, 0), at(row + 1, 0));
  const out = new Float32Array(kept.length * rows.features);
  kept.forEach((row, i) => {
    out.set(of(row), at(i, 0));
  });
  return {
    features: rows.features,
    values: out,
    labels: Uint8Array.from(kept, (row) => rows.labels[row]),
    weights: Float32Array.from(kept, (row) => rows.weights[row]),
  };
}

/** Mean over the positives, from the best scored on, of the precision down to each. */
function averagePrecision(scores: ArrayLike<number>, labels: Uint8Array): number {
  const order = Array.from(labels.keys()).sort((a, b) => scores[b] - scores[a]);
  let [hits, sum] = [0, 0];
  order.forEach((row, i) => {
    if (!labels[row]) return;
    hits++;
    sum += hits / (i + 1);
  });
  return sum / hits;
}

function f1(logits: Float64Array, labels: Uint8Array): number {
  let [right, claimed, positive] = [0, 0, 0];
  labels.forEach((label, i) => {
    positive += label;
    if (logits[i] <= 0) return;
    claimed++;
    right += label;
  });
  return (2 * right) / (claimed + positive);
}

interface Verdict {
  /** Average precision of the mean affinity on contested pairs. */
  readonly affinity: number;
  readonly f1: number;
  readonly precision: number;
}

/** @param share of the training volume's pairs that the trees learn from */
async function judge(model: KynModel, share: number, seed: number, blind: boolean): Promise<Verdict> {
  const { linker: _, ...network } = model;
  const loaded = await createPredictor(runtime, encodeModel(network), 'network');
  const predictor = blind ? knowingNothing(loaded) : loaded;
  const learn = await pairsOf(predictor, volumes.learn);
  const pairs = await pairsOf(predictor, volumes.judge);
  await loaded.close();
  const random = new Random(seed);
  const few = select(learn, () => random.chance(share));
  const logits = predictLogits(trainBoostedTrees(few, { ...BOOST_DEFAULTS, seed }), pairs.values);
  const { area, least, most } = CONTESTED;
  const contested = select(pairs, (i) => {
    const overlap = pairs.values[at(i, SHARE)];
    return pairs.values[at(i, AREA)] >= Math.log2(area) && overlap >= least && overlap <= most;
  });
  const affinities = Array.from(contested.labels, (_label, i) => contested.values[at(i, AFFINITY)]);
  return {
    affinity: averagePrecision(affinities, contested.labels),
    f1: f1(logits, pairs.labels),
    precision: averagePrecision(logits, pairs.labels),
  };
}

async function trained(transfer: Transfer, patches: number, seed: number, steps: number): Promise<KynModel> {
  const schedule = { ...LINKER_DEFAULTS.schedule, steps, warmup: 40 };
  const small = { size: 96, batch: 4, contested: 0, moving: 0 }; // all pixels alike, as in the runs that are on record
  const options = { ...LINKER_DEFAULTS, transfer, patches, seed, schedule, ...small };
  const card = { description: '', licence: '', data: [], command: '' };
  const run = { queue: { workers: 0 }, checkpointEvery: steps + 1, recordEvery: steps };
  return (await trainLinker(runtime, [train], base, options, card, run)).model;
}

const HEADING = ['transfer', 'patches', 'steps', 'seed', 'affinity_ap', 'link_f1', 'link_ap', 'cpu_seconds'];
if (values.csv && !existsSync(values.csv)) writeFileSync(values.csv, `${HEADING.join(',')}\n`);
console.log(HEADING.map((name) => name.padStart(11)).join(' '));
for (const seed of list(values.seeds)) {
  for (const patches of list(values.patches)) {
    for (const transfer of values.transfer.split(',')) {
      const blind = transfer === 'overlap';
      const before = process.cpuUsage();
      // what it says does not matter where it is not listened to
      const model = blind
        ? await trained('frozen', 1, seed, 1)
        : await trained(transfer as Transfer, patches, seed, steps);
      const { user, system } = process.cpuUsage(before);
      const verdict = await judge(model, Math.min(1, patches / ALL_PATCHES), seed, blind);
      const figures = [blind ? Number.NaN : verdict.affinity, verdict.f1, verdict.precision];
      const row = [
        ...[transfer, patches, blind ? 0 : steps, seed],
        ...figures.map((figure) => (Number.isNaN(figure) ? '' : figure.toFixed(4))),
        ((user + system) / 1e6).toFixed(0),
      ];
      console.log(row.map((cell) => `${cell}`.padStart(11)).join(' '));
      if (values.csv) appendFileSync(values.csv, `${row.join(',')}\n`);
    }
  }
}
