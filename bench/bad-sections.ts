/**
 * What bad sections cost: one section in ten blanked and one ruined by noise, or two in ten with nothing in one half, 3D VOI over
 * what is sound, against the same of the untouched volume.
 *
 *     node bench/run.mjs bench/bad-sections.ts VOLUME.h5[@Z_STEP] [--model models/base.kyn] [--noise 80] [--every 10]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  ContingencyTable,
  createMemoryStore,
  type LabelSection,
  ndarray,
  Random,
  type RawSection,
  runPipeline,
  type SectionSource,
  scoreTable,
  toDense,
} from '@kyn/core';
import { createPredictor } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';
import { openVolume } from './volume-spec.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'models/base.kyn' },
    noise: { type: 'string', default: '80' },
    every: { type: 'string', default: '10' },
  },
});
const every = Number(values.every);
const noise = Number(values.noise);
const { source, truth } = await openVolume(positionals[0]);
const depth = source.info.shape[0];

/** Never the first or the last, and never two in a row. */
const chosen = (z: number, of: number): boolean => z % every === of && z < depth - 1;

interface Defect {
  readonly name: string;
  /** The columns of section `z` that are not sound, in shares of the width: the first, and the one after the last. */
  bad(z: number): readonly [from: number, to: number];
  grey(value: number, z: number, random: Random): number;
}

const NONE = [0, 0] as const;

const DEFECTS: readonly Defect[] = [
  {
    name: 'blank and ruined sections',
    bad: (z) => (chosen(z, 3) || chosen(z, 8) ? [0, 1] : NONE),
    grey: (value, z, random) => (chosen(z, 3) ? 128 : value + noise * random.normal()),
  },
  {
    name: 'half of sections blank',
    bad: (z) => (chosen(z, 3) ? [0, 0.5] : chosen(z, 8) ? [0.5, 1] : NONE),
    grey: () => 0,
  },
];

/** Changes what is not sound, pixel by pixel; nothing else. Dense. */
function spoil(
  section: RawSection | LabelSection,
  [from, to]: readonly [number, number],
  change: (value: number) => number,
): Float64Array {
  const width = section.shape[1];
  const bad = (x: number): boolean => x >= from * width && x < to * width;
  const { data }: { data: ArrayLike<number> } = toDense<RawSection['data'] | LabelSection['data']>(section);
  return Float64Array.from(data, (value, p) => (bad(p % width) ? change(value) : value));
}

function spoilt({ bad, grey }: Defect): SectionSource {
  return {
    ...source,
    info: { ...source.info, dtype: 'float32' },
    async read(z, signal) {
      const raw = await source.read(z, signal);
      const random = new Random(z, 7);
      const data = Float32Array.from(spoil(raw, bad(z), (value) => grey(value, z, random)));
      return ndarray(data, raw.shape);
    },
  };
}

type Segmented = Awaited<ReturnType<typeof segmented>>;

const runtime = await nodeRuntime({ threads: 2 });
const predictor = await createPredictor(runtime, new Uint8Array(readFileSync(values.model)), values.model);
const { linker } = predictor;

async function segmented(from: SectionSource) {
  const store = createMemoryStore();
  const { notes } = await runPipeline({ source: from, predictor, linker }, store);
  return { sections: store.segmentation, notes };
}

async function score(name: string, { sections, notes }: Segmented, { bad }: Defect): Promise<void> {
  const table = new ContingencyTable();
  for (const [z, section] of sections.entries()) {
    const neurons = await truth.read(z);
    table.add(section, ndarray(Uint32Array.from(spoil(neurons, bad(z), () => 0)), neurons.shape));
  }
  const { voi_split, voi_merge, voi } = scoreTable(table);
  console.log(`${name}: VOI ${voi_split.toFixed(3)} + ${voi_merge.toFixed(3)} = ${voi.toFixed(3)}`);
  for (const note of notes) console.log(`  ${note}`);
}

const untouched = await segmented(source);
for (const defect of DEFECTS) {
  await score('untouched', untouched, defect);
  await score(defect.name, await segmented(spoilt(defect)), defect);
}
await Promise.all([predictor.close(), source.close(), truth.close()]);
