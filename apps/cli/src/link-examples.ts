/** Pairs of fragments with their truth, for the linker's classifier: the pipeline is run over labelled volumes. */
import {
  type BoostOptions,
  createMemoryStore,
  fitGiven,
  fitLinkModel,
  type GivenFit,
  GivenVolume,
  KynError,
  type LabelSection,
  type LabelSource,
  type LinkModel,
  PairExamples,
  PIPELINE_DEFAULTS,
  placeSections,
  Random,
  type Reliability,
  runPipeline,
  type SectionPairs,
  type SectionSource,
  type StageContext,
} from '@kyn/core';
import { createPredictor, encodeModel, type KynModel, type Runtime } from '@kyn/nn';
import type { PairVolume, RecipeVolume } from './recipe.ts';
import { openRecipeVolume, showSameTissue } from './training-recipe.ts';

/** Every so many sections the pairs are kept back, to calibrate and to judge. */
const KEPT_BACK = 5;

/** What was fitted, and how well it does on what was kept back. */
export interface FittedLinks {
  readonly model: KynModel;
  readonly cross: Reliability;
  readonly plane: Reliability | undefined;
  readonly given: Reliability | undefined;
  readonly course: Reliability | undefined;
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
  const drawn: GivenVolume[] = [];
  const places = placesOf(volumes, folder);
  const { signal } = context;
  const tell = (done: number) =>
    context.onProgress?.({ stage: 'pairs', done, total: volumes.length, unit: 'volumes' });
  try {
    for (const [i, volume] of volumes.entries()) {
      tell(i);
      await inVolume(volume, folder, async (source, labels) => {
        const weight = volume.weight ?? 1;
        const pairsOf = async (fragments?: LabelSource) => {
          const found: SectionPairs[] = [];
          const store = createMemoryStore();
          const input = { source, predictor, onPairs: (pairs: SectionPairs) => found.push(pairs) };
          const given = fragments && { fragments };
          const report = await runPipeline({ ...input, ...given }, store, PIPELINE_DEFAULTS, { signal });
          return { found, store, report };
        };
        if (volume.teaches !== 'given') {
          await eachPair(
            (await pairsOf()).found,
            labels,
            ({ pairs, lower, upper, upperEdges }, truth, back) => {
              examples.add(pairs, [lower, upper], upperEdges, truth, weight, back);
            },
          );
        }
        if (volume.noise || volume.teaches === 'own') return;
        const { found, store, report } = await pairsOf(labels);
        const [tall, wide] = report.resampledBy ?? [1, 1];
        const sections = placeSections(store.records, source.info.sectionPositions);
        const profiles = new GivenVolume(places[i], weight, sections, report.voxelSizeNm);
        await eachPair(found, labels, (each, truth, back) => profiles.add(each, truth, tall * wide, back));
        drawn.push(profiles);
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
  const profiles = fitGiven(drawn, boost, signal);
  return {
    model: { ...network, linker: withGiven(linker, profiles) },
    cross,
    plane,
    given: profiles?.reliability,
    course: profiles?.courseReliability,
    pairs: examples.cross.count,
  };
}

function withGiven(linker: LinkModel, { given, course }: Partial<GivenFit> = {}): LinkModel {
  return { ...linker, ...(given ? { given } : {}), ...(course ? { course } : {}) };
}

/** The place of every volume, as the first volume of it: those that show some of the same tissue, however drawn or cut, have one. */
export function placesOf(volumes: readonly RecipeVolume[], folder: string): number[] {
  const places: number[] = [];
  volumes.forEach((volume, i) => {
    const met = places.filter((_, j) => showSameTissue(volume, volumes[j], folder));
    const first = Math.min(i, ...met);
    places.push(i);
    places.forEach((place, j) => {
      if (j === i || met.includes(place)) places[j] = first;
    });
  });
  return places;
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

/** Calls `add` for the pairs of two sections after the other, with the neurons of both. */
async function eachPair(
  found: readonly SectionPairs[],
  truth: LabelSource,
  add: (pairs: SectionPairs, truth: [LabelSection, LabelSection], keptBack: boolean) => void,
): Promise<void> {
  for (const pairs of found) {
    const { lowerZ, upperZ } = pairs;
    add(pairs, [await truth.read(lowerZ), await truth.read(upperZ)], lowerZ % KEPT_BACK === 0);
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
