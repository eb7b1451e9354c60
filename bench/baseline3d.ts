/**
 * The 3D baseline's options, tuned on labelled volumes: from the defaults (or what is given as JSON) on, one option
 * after the other takes the value with the lowest 3D VOI, the mean over the volumes, until none changes. The network
 * runs once; every try is a whole run of the pipeline on what it said. `VOLUME.h5@4` is every 4th section of it.
 *
 *     node bench/run.mjs bench/baseline3d.ts MODEL.kyn VOLUME.h5[@STEP]... [--start JSON] [--threads 2] [--rounds 2]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  BLOCK_DEFAULTS,
  type BlockPredictor,
  createMemoryStore,
  type Demand,
  evaluate,
  evaluatePerSlice,
  type LabelSection,
  type LabelSource,
  type NdArray,
  type PipelineOptions,
  runPipeline,
  type SectionSource,
  subvolume,
} from '@kyn/core';
import { openLabels, openSections } from '@kyn/io/node';
import { createBlockPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    start: { type: 'string', default: '{}' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '2' },
  },
});
const [model, ...volumes] = positionals;

interface Case {
  readonly source: SectionSource;
  readonly truth: LabelSource;
  readonly predictor: BlockPredictor;
}

/** A predictor that runs every block once, and says the same again in later runs over the same volume. */
function remembering(predictor: BlockPredictor, blocks: NdArray<Float32Array>[]): () => BlockPredictor {
  return () => {
    let at = 0;
    return {
      ...predictor,
      async predict(block, signal) {
        const i = at++;
        blocks[i] ??= await predictor.predict(block, signal);
        return blocks[i];
      },
    };
  };
}

const runtime = await nodeRuntime({ threads: Number(values.threads) });
const network = await createBlockPredictor(runtime, readFileSync(model), model);
const cases: (() => Case)[] = [];
for (const volume of volumes) {
  const [, path, step] = /^(.*?)(?:@(\d+))?$/.exec(volume) ?? [];
  const part = { zStep: Number(step ?? 1) };
  const source = subvolume(await openSections(path), part);
  const truth = subvolume(await openLabels(path), part);
  const again = remembering(network, []);
  cases.push(() => ({ source, truth, predictor: again() }));
}

interface Figures {
  readonly voi: number;
  readonly text: string;
}

async function measure(options: PipelineOptions): Promise<Figures> {
  let sum = 0;
  const texts: string[] = [];
  for (const make of cases) {
    const { source, truth, predictor } = make();
    const store = createMemoryStore();
    await runPipeline({ source, predictor }, store, options);
    const segmentation = labelsOf(store.segmentation, truth);
    const { voi, voi_split, voi_merge, arand } = await evaluate({ segmentation, truth });
    const { mean } = await evaluatePerSlice({ segmentation, truth });
    sum += voi / cases.length;
    const parts = `${voi_split.toFixed(2)}+${voi_merge.toFixed(2)}`;
    texts.push(`${voi.toFixed(3)} (${parts}) arand ${arand.toFixed(3)}, a slice ${mean.arand.toFixed(3)}`);
  }
  return { voi: sum, text: texts.join(' | ') };
}

function labelsOf(sections: readonly LabelSection[], like: LabelSource): LabelSource {
  return { info: like.info, read: async (z) => sections[z], close: async () => {} };
}

type Choice = readonly [
  name: string,
  values: readonly (number | string | Demand | undefined)[],
  part: 'across' | 'partition' | 'segment',
  key: string,
];
/** What may change, and to what. */
const CHOICES: readonly Choice[] = [
  ['even affinity', [0.05, 0.1, 0.15, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6], 'across', 'evenAffinity'],
  ['area power', [0, 0.25, 0.5, 0.75, 1], 'partition', 'areaPower'],
  ['in-plane weight', [0, 0.1, 0.3, 0.6, 1], 'partition', 'inPlaneWeight'],
  ['threshold', [0.3, 0.4, 0.5, 0.6, 0.7], 'partition', 'threshold'],
  ['demand', [undefined, ...[2, 5, 10, 20].map((most) => ({ most, half: 5000 }))], 'partition', 'demand'],
  ['bias', [0.2, 0.3, 0.4, 0.5, 0.6, 0.7], 'segment', 'bias'],
  ['smoothing', [0, 1, 2, 3], 'segment', 'smoothing'],
  ['evidence reach', [3, 9, 27], 'segment', 'evidenceReachPixels'],
  ['supervoxel reach', [1, 3, 9], 'segment', 'reachPixels'],
  ['smallest fragment', [10, 25, 60], 'segment', 'minimumPixels'],
  ['partition', ['gaec', 'mean', 'mutex'], 'partition', 'method'],
  ['linkage in 2D', ['mean', 'sum', 'mutex'], 'segment', 'linkage'],
];

function change(options: PipelineOptions, part: Choice[2], values: object): PipelineOptions {
  return { ...options, [part]: { ...options[part], ...values } };
}

let options: PipelineOptions = BLOCK_DEFAULTS;
for (const part of ['across', 'partition', 'segment'] as const) {
  options = change(options, part, JSON.parse(values.start)[part] ?? {});
}
let best = await measure(options);
console.log(`start: mean VOI ${best.voi.toFixed(3)}: ${best.text}`);
for (let round = 0; round < Number(values.rounds); round++) {
  let changed = false;
  for (const [name, candidates, part, key] of CHOICES) {
    for (const value of candidates) {
      const tried = change(options, part, { [key]: value });
      if (JSON.stringify(tried) === JSON.stringify(options)) continue;
      const figures = await measure(tried);
      const better = figures.voi < best.voi - 1e-9;
      console.log(
        `${better ? '*' : ' '} ${name} ${JSON.stringify(value)}: ${figures.voi.toFixed(3)}: ${figures.text}`,
      );
      if (!better) continue;
      [options, best, changed] = [tried, figures, true];
    }
  }
  if (!changed) break;
}
console.log(`best: mean VOI ${best.voi.toFixed(3)}: ${best.text}\n${JSON.stringify(options)}`);
await network.close();
