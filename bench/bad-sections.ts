/**
 * What bad sections cost: one section in ten blanked and one ruined by noise, two in ten with nothing in one half, or two with a fold,
 * 3D VOI over what is sound, against the same of the untouched volume.
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

/** Where a pixel of section `z` shows tissue from, and what becomes of its grey value. */
interface Shown {
  readonly y: number;
  readonly x: number;
  readonly grey: (value: number) => number;
}

interface Defect {
  readonly name: string;
  /** Undefined where nothing happens to a pixel, `bad` where it is not sound: its grey value may change, its neuron counts no more. */
  shown(
    z: number,
    y: number,
    x: number,
    random: Random,
  ): (Partial<Shown> & { readonly bad?: boolean }) | undefined;
}

const [, height, width] = source.info.shape;
const [, pixelY, pixelX] = source.info.voxelSizeNm ?? [40, 10, 10];

/** Either side of a fold comes from so much further out, nm. */
const FOLD_NM = 100;

/** Signed distance to a line through the section, nm, and its normal; another line in every section. */
function line(z: number, y: number, x: number): { far: number; normal: readonly [number, number] } {
  const angle = 2.4 * z;
  const normal = [Math.sin(angle), Math.cos(angle)] as const;
  const far = (y - height / 2) * pixelY * normal[0] + (x - width / 2) * pixelX * normal[1];
  return { far, normal };
}

const DEFECTS: readonly Defect[] = [
  {
    name: 'blank and ruined sections',
    shown(z, _y, _x, random) {
      if (chosen(z, 3)) return { bad: true, grey: () => 128 };
      return chosen(z, 8) ? { bad: true, grey: (value) => value + noise * random.normal() } : undefined;
    },
  },
  {
    name: 'half of sections blank',
    shown(z, _y, x) {
      const left = x < width / 2;
      return (chosen(z, 3) && left) || (chosen(z, 8) && !left) ? { bad: true, grey: () => 0 } : undefined;
    },
  },
  {
    name: 'folded sections',
    shown(z, y, x) {
      if (!chosen(z, 3) && !chosen(z, 8)) return undefined;
      const { far, normal } = line(z, y, x);
      const by = (far < 0 ? -1 : 1) * FOLD_NM;
      return {
        y: Math.round(y + (by * normal[0]) / pixelY),
        x: Math.round(x + (by * normal[1]) / pixelX),
        grey: (value) => (Math.abs(far) < FOLD_NM / 2 ? 0.2 * value : value),
      };
    },
  },
];

/** A section, raw or of labels, as the defect shows it; 0 where there is no tissue. Dense. */
function spoil(
  section: RawSection | LabelSection,
  z: number,
  { shown }: Defect,
  change: (value: number, shown: { readonly bad?: boolean; readonly grey?: Shown['grey'] }) => number,
): Float64Array {
  const { data }: { data: ArrayLike<number> } = toDense<RawSection['data'] | LabelSection['data']>(section);
  const random = new Random(z, 7);
  return Float64Array.from(data, (value, p) => {
    const [y, x] = [Math.floor(p / width), p % width];
    const pixel = shown(z, y, x, random);
    if (!pixel) return value;
    const [fromY, fromX] = [pixel.y ?? y, pixel.x ?? x];
    if (fromY < 0 || fromX < 0 || fromY >= height || fromX >= width) return 0;
    return change(data[fromY * width + fromX], pixel);
  });
}

function spoilt(defect: Defect): SectionSource {
  return {
    ...source,
    info: { ...source.info, dtype: 'float32' },
    async read(z, signal) {
      const raw = await source.read(z, signal);
      const grey = spoil(raw, z, defect, (value, { grey }) => grey?.(value) ?? value);
      return ndarray(Float32Array.from(grey), raw.shape);
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

/** @param moved the truth lies as the defect has moved it */
async function score(
  name: string,
  { sections, notes }: Segmented,
  defect: Defect,
  moved = true,
): Promise<void> {
  const table = new ContingencyTable();
  for (const [z, section] of sections.entries()) {
    const neurons = await truth.read(z);
    const inPlace: Defect = {
      ...defect,
      shown: (...at) => (defect.shown(...at)?.bad ? { bad: true } : undefined),
    };
    const sound = spoil(neurons, z, moved ? defect : inPlace, (id, { bad }) => (bad ? 0 : id));
    table.add(section, ndarray(Uint32Array.from(sound), neurons.shape));
  }
  const { voi_split, voi_merge, voi } = scoreTable(table);
  console.log(`${name}: VOI ${voi_split.toFixed(3)} + ${voi_merge.toFixed(3)} = ${voi.toFixed(3)}`);
  for (const note of notes) console.log(`  ${note}`);
}

const untouched = await segmented(source);
for (const defect of DEFECTS) {
  await score('untouched', untouched, defect, false);
  await score(defect.name, await segmented(spoilt(defect)), defect);
}
await Promise.all([predictor.close(), source.close(), truth.close()]);
