/**
 * What painting is worth: per-slice scores on the sections that nobody painted, before and after adapting to one, two,
 * three painted ones.
 *
 *     node bench/run.mjs bench/adapt.ts RAW TRUTH [--paint 10,3,17] [--counts 1,2,3] [--model base.kyn]
 *         [--voxel-size 4.6,4.6,45] [--labels] [--z-step N] [--noise GREY] [--curtains GREY] [--steps 500]
 *         [--minutes 10] [--threads 2] [--seed 1] [--csv FILE] [--name NAME] [--save FILE.kyn]
 *
 * TRUTH is a folder of images of all sections, white = membrane: the profiles are the 4-connected components between
 * them, and membranes are not scored. With --labels it is a volume of labels, and their profiles are painted and
 * scored. Sections in --paint are never scored, however many of them are painted.
 *
 * --noise and --curtains ruin every section, painted or not, by normal noise of that spread in every pixel, and in every
 * column (as uneven ion milling does): looks that the base model has not seen.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  createMemoryStore,
  evaluatePerSlice,
  type LabelSource,
  ndarray,
  Random,
  runPipeline,
  type SectionSource,
  subvolume,
  toDense,
  type Vec3,
} from '@kyn/core';
import { openLabels, openSections } from '@kyn/io/node';
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
    counts: { type: 'string' },
    model: { type: 'string', default: 'models/base.kyn' },
    'voxel-size': { type: 'string', default: '4.6,4.6,45' },
    labels: { type: 'boolean', default: false },
    'z-step': { type: 'string', default: '1' },
    noise: { type: 'string', default: '0' },
    curtains: { type: 'string', default: '0' },
    steps: { type: 'string', default: `${ADAPT_DEFAULTS.steps}` },
    rate: { type: 'string', default: `${ADAPT_DEFAULTS.rate}` },
    seed: { type: 'string', default: `${ADAPT_DEFAULTS.seed}` },
    minutes: { type: 'string', default: `${ADAPT_DEFAULTS.seconds / 60}` },
    threads: { type: 'string' },
    csv: { type: 'string' },
    name: { type: 'string', default: 'stack' },
    save: { type: 'string' },
  },
});
const [rawPath, truthPath] = positionals;
const [x, y, z] = values['voxel-size'].split(',').map(Number);
const voxelSizeNm: Vec3 = [z, y, x];
const part = { zStep: Number(values['z-step']) };
const source = ruined(subvolume(await openSections(rawPath, { voxelSizeNm }), part));
const labels = values.labels ? subvolume(await openLabels(truthPath), part) : undefined;
const masks = labels ? undefined : await openSections(truthPath, { voxelSizeNm });
const runtime = await nodeRuntime(values.threads === undefined ? {} : { threads: Number(values.threads) });
const model = decodeModel(readFileSync(values.model), values.model);
const order = values.paint.split(',').map(Number);
const counts = values.counts?.split(',').map(Number) ?? order.map((_, i) => i + 1);

/** Every section with its own noise and curtains, the same every time. */
function ruined(sections: SectionSource): SectionSource {
  const [noise, curtains] = [Number(values.noise), Number(values.curtains)];
  if (noise === 0 && curtains === 0) return sections;
  return {
    info: { ...sections.info, dtype: 'float32' },
    close: () => sections.close(),
    async read(section, signal) {
      const { data, shape } = toDense(await sections.read(section, signal));
      const random = new Random(section, 1);
      const columns = Float32Array.from({ length: shape[1] }, () => curtains * random.normal());
      const grey = Float32Array.from(
        data,
        (value, p) => value + columns[p % shape[1]] + noise * random.normal(),
      );
      return ndarray(grey, shape);
    },
  };
}

async function paint(section: number): Promise<PaintedSection> {
  const name = `section ${section}`;
  if (labels) {
    return paintedSection(section, name, {
      labels: await labels.read(section),
      unpainted: undefined,
      rule: '',
    });
  }
  if (!masks) throw new TypeError('neither labels nor masks');
  const { data, shape } = toDense(await masks.read(section));
  return paintedSection(section, name, { ...maskPainting(data, 127, shape), rule: '' });
}

/** Truth of the sections that nobody painted; 0, which is not scored, in the others. */
const truth: LabelSource = {
  info: (labels ?? masks ?? source).info,
  async read(section) {
    const { profiles } = await paint(section);
    return order.includes(section)
      ? ndarray(new Uint32Array(profiles.data.length), profiles.shape)
      : profiles;
  },
  close: async () => {},
};

async function score(painted: number, candidate: KynModel, helped: boolean, note = ''): Promise<void> {
  const predictor = await createPredictor(runtime, encodeModel(candidate), values.model);
  const store = createMemoryStore();
  const { linker } = predictor;
  await runPipeline({ source, predictor, ...(linker ? { linker } : {}) }, store);
  await predictor.close();
  const segmentation = { ...truth, read: async (section: number) => store.segmentation[section] };
  const { mean, slices } = await evaluatePerSlice({ segmentation, truth });
  const figures = [mean.arand, mean.voi_split, mean.voi_merge].map((figure) => figure.toFixed(4));
  const worst = Math.max(...slices.map(({ scores }) => scores.arand));
  console.log(
    `${painted} painted  ARAND ${figures[0]} (worst ${worst.toFixed(3)}), VOI ${figures[1]} + ${figures[2]} over ${slices.length} sections${note}`,
  );
  if (values.csv === undefined) return;
  if (!existsSync(values.csv)) {
    writeFileSync(values.csv, 'name,painted,steps,seed,kept_model,arand,voi_split,voi_merge\n');
  }
  const row = [values.name, painted, painted && values.steps, values.seed, helped ? 'adapted' : 'base'];
  appendFileSync(values.csv, `${[...row, ...figures].join(',')}\n`);
}

await score(0, model, false);
for (const count of counts) {
  const painted = await Promise.all(order.slice(0, count).map(paint));
  const options = {
    ...ADAPT_DEFAULTS,
    steps: Number(values.steps),
    rate: Number(values.rate),
    seed: Number(values.seed),
    seconds: 60 * Number(values.minutes),
  };
  const input = { model, modelName: values.model, source, painted, command: 'bench/adapt.ts' };
  const busy = process.cpuUsage();
  const { helped, before, after, steps, seconds, model: better } = await adaptModel(runtime, input, options);
  const { user, system } = process.cpuUsage(busy);
  const check = `check ${before.arand.toFixed(4)} to ${after.arand.toFixed(4)}, ${helped ? 'adapted' : 'kept'}`;
  const work = `${steps.check} + ${steps.final ?? 0} steps in ${seconds.toFixed(0)} s, ${((user + system) / 1e6).toFixed(0)} CPU-seconds`;
  await score(count, better, helped, `; ${check}; ${work}`);
  if (values.save !== undefined) writeFileSync(values.save, encodeModel(better));
}
await Promise.all([source.close(), labels?.close(), masks?.close()]);
