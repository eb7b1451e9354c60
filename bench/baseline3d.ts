/**
 * The 3D baseline's options, tuned on labelled volumes: from the defaults on, one option after the other takes the
 * value with the lowest 3D VOI (the mean over the volumes, and over every section and every 4th), until none changes.
 * The network runs once; every try is a whole run of the pipeline on what it said.
 *
 *     node bench/run.mjs bench/baseline3d.ts MODEL.kyn VOLUME.h5[,VOLUME.h5...] [--steps 1,4] [--threads 2] [--rounds 2]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  BLOCK_DEFAULTS,
  type BlockPredictor,
  createMemoryStore,
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
    steps: { type: 'string', default: '1,4' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '2' },
  },
});
const [model, volumes] = positionals;

interface Case {
  readonly name: string;
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
for (const path of volumes.split(',')) {
  for (const zStep of values.steps.split(',').map(Number)) {
    const source = subvolume(await openSections(path), { zStep }) as SectionSource;
    const truth = subvolume(await openLabels(path), { zStep }) as LabelSource;
    const again = remembering(network, []);
    cases.push(() => ({ name: `${path}, every ${zStep}`, source, truth, predictor: again() }));
  }
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

const across = { evenAffinity: 0.5, reach: 1 };
/** What may change, and to what. */
const CHOICES: readonly [
  string,
  readonly number[],
  (options: PipelineOptions, value: number) => PipelineOptions,
][] = [
  [
    'even affinity',
    [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
    (o, evenAffinity) => ({ ...o, across: { ...across, ...o.across, evenAffinity } }),
  ],
  ['reach', [1, 2, 3], (o, reach) => ({ ...o, across: { ...across, ...o.across, reach } })],
  ['area power', [0, 0.25, 0.5], (o, areaPower) => ({ ...o, partition: { ...o.partition, areaPower } })],
  [
    'in-plane weight',
    [0, 0.1, 0.3, 1],
    (o, inPlaneWeight) => ({ ...o, partition: { ...o.partition, inPlaneWeight } }),
  ],
  [
    'threshold',
    [0.3, 0.4, 0.5, 0.6, 0.7],
    (o, threshold) => ({ ...o, partition: { ...o.partition, threshold } }),
  ],
  ['bias', [0.2, 0.3, 0.4, 0.5, 0.6], (o, bias) => ({ ...o, segment: { ...o.segment, bias } })],
  ['smoothing', [0, 1, 2, 3], (o, smoothing) => ({ ...o, segment: { ...o.segment, smoothing } })],
  [
    'evidence reach',
    [3, 9, 27],
    (o, evidenceReachPixels) => ({ ...o, segment: { ...o.segment, evidenceReachPixels } }),
  ],
];

let options: PipelineOptions = BLOCK_DEFAULTS;
let best = await measure(options);
console.log(`defaults: mean VOI ${best.voi.toFixed(3)}: ${best.text}`);
for (let round = 0; round < Number(values.rounds); round++) {
  let changed = false;
  for (const [name, candidates, apply] of CHOICES) {
    for (const value of candidates) {
      const tried = apply(options, value);
      if (JSON.stringify(tried) === JSON.stringify(options)) continue;
      const figures = await measure(tried);
      const better = figures.voi < best.voi - 1e-9;
      console.log(`${better ? '*' : ' '} ${name} ${value}: ${figures.voi.toFixed(3)}: ${figures.text}`);
      if (!better) continue;
      [options, best, changed] = [tried, figures, true];
    }
  }
  if (!changed) break;
}
console.log(`best: mean VOI ${best.voi.toFixed(3)}: ${best.text}\n${JSON.stringify(options)}`);
await network.close();
