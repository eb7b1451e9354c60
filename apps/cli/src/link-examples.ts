/** Pairs of fragments with their truth, for the linker's classifier: the pipeline is run over labelled volumes. */
import {
  type BoostOptions,
  createMemoryStore,
  fitClassifier,
  fitLinkModel,
  KynError,
  type LabelSource,
  PairExamples,
  PIPELINE_DEFAULTS,
  Random,
  type Reliability,
  runPipeline,
  type SectionPairs,
  type SectionSource,
  type StageContext,
} from '@kyn/core';
import { createPredictor, encodeModel, type KynModel, type Runtime } from '@kyn/nn';
import type { PairVolume } from './recipe.ts';
import { openRecipeVolume } from './training-recipe.ts';

/** Every so many sections the pairs are kept back, to calibrate and to judge. */
const KEPT_BACK = 5;

/** What was fitted, and how well it does on what was kept back. */
export interface FittedLinks {
  readonly model: KynModel;
  readonly cross: Reliability;
  readonly plane: Reliability | undefined;
  readonly given: Reliability | undefined;
  /** Pairs of fragments of neighbouring sections that were learned from. */
  readonly pairs: number;
}

/**
 * Fits the classifiers of a model: of pairs of its fragments, of touching ones, and of pairs of true profiles (for fragments
 * that are given).
 * @throws KynError `content` where the volumes have no pairs
 */
export async function fitLinks(
  runtime: Runtime,
  model: KynModel,
  volumes: readonly PairVolume[],
  folder: string,
  boost: BoostOptions,
  context: StageContext,
): Promise<FittedLinks> {
  const { linker: _, ...network } = model;
  const predictor = await createPredictor(runtime, encodeModel(network), 'the linker in training');
  const examples = new PairExamples();
  const drawn = new PairExamples(true);
  const { signal } = context;
  const tell = (done: number) =>
    context.onProgress?.({ stage: 'pairs', done, total: volumes.length, unit: 'volumes' });
  try {
    for (const [i, volume] of volumes.entries()) {
      tell(i);
      await inVolume(volume, folder, async (source, labels) => {
        const weight = volume.weight ?? 1;
        const addFrom = async (to: PairExamples, fragments?: LabelSource) => {
          const found: SectionPairs[] = [];
          const input = { source, predictor, onPairs: (pairs: SectionPairs) => found.push(pairs) };
          const given = fragments && { fragments };
          await runPipeline({ ...input, ...given }, createMemoryStore(), PIPELINE_DEFAULTS, { signal });
          await addPairs(to, found, labels, weight);
        };
        if (!volume.givenOnly) await addFrom(examples);
        if (!volume.noise) await addFrom(drawn, labels);
      });
    }
    if (examples.cross.count === 0) {
      throw new KynError('content', 'the volumes have no labelled pairs of fragments', {
        hint: 'give volumes of at least two sections whose neurons are labelled in 3D',
      });
    }
  } finally {
    await predictor.close();
  }
  const { model: linker, cross, plane } = fitLinkModel(examples, boost, signal);
  const given = drawn.cross.count > 0 ? fitClassifier(drawn.cross, forGiven(boost), signal) : undefined;
  return {
    model: { ...network, linker: given ? { ...linker, given: given.classifier } : linker },
    cross,
    plane,
    given: given?.reliability,
    pairs: examples.cross.count,
  };
}

/** Given fragments come in more kinds than our own: more trees, of which less is taken. */
function forGiven(boost: BoostOptions): BoostOptions {
  return { ...boost, trees: 2 * boost.trees, rate: 0.6 * boost.rate };
}

async function inVolume(
  volume: PairVolume,
  folder: string,
  use: (source: SectionSource, labels: LabelSource) => Promise<void>,
): Promise<void> {
  const { raw, labels } = await openRecipeVolume(volume, folder);
  try {
    await use(volume.noise ? withNoise(raw, volume.noise) : raw, labels);
  } finally {
    await Promise.all([raw.close(), labels.close()]);
  }
}

async function addPairs(
  examples: PairExamples,
  found: readonly SectionPairs[],
  truth: LabelSource,
  weight: number,
): Promise<void> {
  for (const { lowerZ, upperZ, lower, upper, pairs, upperEdges } of found) {
    const own = await truth.read(lowerZ);
    const other = await truth.read(upperZ);
    const keptBack = lowerZ % KEPT_BACK === 0;
    examples.add(pairs, [lower, upper], upperEdges, [own, other], weight, keptBack);
  }
}

/** The same sections with noise, the same every time. */
function withNoise(source: SectionSource, spread: number): SectionSource {
  return {
    info: { ...source.info, dtype: 'float32' },
    close: () => source.close(),
    async read(z, signal) {
      const { data, shape, stride } = await source.read(z, signal);
      const random = new Random(z, 1);
      return { data: Float32Array.from(data, (value) => value + spread * random.normal()), shape, stride };
    },
  };
}

/** Share of true links by predicted probability, as a picture. */
export function reliabilityDiagram({ bins, calibrationError }: Reliability): string {
  const place = (value: number, from: number, to: number) => (from + value * (to - from)).toFixed(1);
  const most = Math.max(1, ...bins.map(({ rows }) => rows));
  const marks = bins.map(({ predicted, observed, rows }) => {
    const radius = (3 + 7 * Math.sqrt(rows / most)).toFixed(1);
    return `<circle cx="${place(predicted, 50, 290)}" cy="${place(observed, 270, 30)}" r="${radius}" fill="#06c" fill-opacity="0.6"><title>${rows} pairs</title></circle>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 310" width="480" font-family="sans-serif" font-size="11" fill="#444">
<rect x="50" y="30" width="240" height="240" fill="none" stroke="#bbb"/><path d="M50 270L290 30" stroke="#bbb"/>
${marks.join('')}<text x="170" y="296" text-anchor="middle">predicted probability of a link</text>
<text x="20" y="150" transform="rotate(-90 20 150)" text-anchor="middle">share that is one neuron</text>
<text x="50" y="20">calibration error ${(100 * calibrationError).toFixed(2)} %</text></svg>`;
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}
