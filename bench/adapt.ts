/**
 * What painting is worth: per-slice scores on the sections that nobody painted, before and after adapting to one, two,
 * three painted ones.
 *
 *     node bench/run.mjs bench/adapt.ts RAW MASKS [--paint 10,3,17] [--model base.kyn] [--voxel-size 4.6,4.6,45]
 *         [--steps 500] [--minutes 10] [--threads 2] [--save FILE.kyn]
 *
 * MASKS is a folder of images of all sections, white = membrane; truth are the 4-connected components between
 * them, and membranes are not scored. Sections in --paint are never scored.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  createMemoryStore,
  evaluatePerSlice,
  type LabelSource,
  ndarray,
  runPipeline,
  toDense,
  type Vec3,
} from '@kyn/core';
import { openSections } from '@kyn/io/node';
import {
  ADAPT_DEFAULTS,
  adaptModel,
  createPredictor,
  decodeModel,
  encodeModel,
  type KynModel,
  maskPainting,
  type PaintedSection,
  paintedSection,
} from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    paint: { type: 'string', default: '10,3,17' },
    model: { type: 'string', default: 'models/base.kyn' },
    'voxel-size': { type: 'string', default: '4.6,4.6,45' },
    steps: { type: 'string', default: `${ADAPT_DEFAULTS.steps}` },
    rate: { type: 'string', default: `${ADAPT_DEFAULTS.rate}` },
    minutes: { type: 'string', default: `${ADAPT_DEFAULTS.seconds / 60}` },
    threads: { type: 'string' },
    save: { type: 'string' },
  },
});
const [rawPath, maskPath] = positionals;
const [x, y, z] = values['voxel-size'].split(',').map(Number);
const voxelSizeNm: Vec3 = [z, y, x];
const source = await openSections(rawPath, { voxelSizeNm });
const masks = await openSections(maskPath, { voxelSizeNm });
const runtime = await nodeRuntime(values.threads === undefined ? {} : { threads: Number(values.threads) });
const model = decodeModel(readFileSync(values.model), values.model);
const order = values.paint.split(',').map(Number);

async function paint(section: number): Promise<PaintedSection> {
  const { data, shape } = toDense(await masks.read(section));
  return paintedSection(section, `section ${section}`, { ...maskPainting(data, 127, shape), rule: '' });
}

/** Truth of the sections that nobody painted; 0, which is not scored, in the others. */
const truth: LabelSource = {
  info: masks.info,
  async read(section) {
    const { profiles } = await paint(section);
    return order.includes(section)
      ? ndarray(new Uint32Array(profiles.data.length), profiles.shape)
      : profiles;
  },
  close: () => masks.close(),
};

async function score(name: string, candidate: KynModel, note = ''): Promise<void> {
  const predictor = await createPredictor(runtime, encodeModel(candidate), name);
  const store = createMemoryStore();
  const { linker } = predictor;
  await runPipeline({ source, predictor, ...(linker ? { linker } : {}) }, store);
  await predictor.close();
  const segmentation = { ...truth, read: async (section: number) => store.segmentation[section] };
  const { mean, slices } = await evaluatePerSlice({ segmentation, truth });
  const figures = [mean.arand, mean.voi_split, mean.voi_merge].map((figure) => figure.toFixed(4));
  const worst = Math.max(...slices.map(({ scores }) => scores.arand));
  console.log(
    `${name.padEnd(20)} ARAND ${figures[0]} (worst ${worst.toFixed(3)}), VOI ${figures[1]} + ${figures[2]} over ${slices.length} sections${note}`,
  );
}

await score('as it is', model);
for (let count = 1; count <= order.length; count++) {
  const painted = await Promise.all(order.slice(0, count).map(paint));
  const options = {
    ...ADAPT_DEFAULTS,
    steps: Number(values.steps),
    rate: Number(values.rate),
    seconds: 60 * Number(values.minutes),
  };
  const input = { model, modelName: values.model, source, painted, command: 'bench/adapt.ts' };
  const { helped, before, after, steps, seconds, model: better } = await adaptModel(runtime, input, options);
  const check = `check ${before.arand.toFixed(4)} to ${after.arand.toFixed(4)}, ${helped ? 'adapted' : 'kept'}`;
  const work = `${steps.check} + ${steps.final ?? 0} steps in ${seconds.toFixed(0)} s`;
  await score(`${count} painted`, better, `; ${check}; ${work}`);
  if (values.save !== undefined) writeFileSync(values.save, encodeModel(better));
}
await Promise.all([source.close(), masks.close()]);
