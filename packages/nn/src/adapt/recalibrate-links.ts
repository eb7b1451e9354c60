/**
 * Where neighbouring sections are painted, with the same number for the same neuron in both, the linker's
 * probabilities are calibrated anew: the pipeline makes its fragments there, and what the painter says of their pairs
 * shifts and stretches the log-odds. Whether the numbers mean neurons is seen from the links that the linker finds likely.
 */
import {
  createMemoryStore,
  type LabelSection,
  membranesIn,
  type NetworkView,
  PairExamples,
  PIPELINE_DEFAULTS,
  type Reliability,
  recalibrateLinkModel,
  runPipeline,
  type SectionPairs,
  type SectionSource,
  type Signal,
  subvolume,
} from '@kyn/core';
import { encodeModel, type KynModel } from '../model/kyn-model.ts';
import { createPredictor } from '../model/predictor.ts';
import type { Runtime } from '../runtime/session.ts';
import type { PaintedSection } from './painting.ts';

/** Sections further apart than this, in section thicknesses, are no neighbours. */
const GAP = 1.5;

type Numbered = PaintedSection & { readonly cells: LabelSection };

/**
 * @param model with a linker
 * @param view what was decided for all sections
 * @returns undefined where no neighbouring sections are painted with common numbers
 */
export async function recalibrateLinks(
  runtime: Runtime,
  model: KynModel,
  view: NetworkView,
  painted: readonly PaintedSection[],
  signal?: Signal,
): Promise<{ model: KynModel; reliability: Reliability } | undefined> {
  const { source } = view;
  const neighbours = neighbouringPairs(painted, source.info.sectionPositions);
  if (!model.linker || neighbours.length === 0) return undefined;
  const examples = new PairExamples();
  const predictor = await createPredictor(runtime, encodeModel(model), model.description.name);
  const options = { ...PIPELINE_DEFAULTS, membranes: membranesIn(view) };
  const { contextSections } = predictor.info;
  try {
    for (const [lower, upper] of neighbours) {
      // with the sections on either side that the network sees
      const first = Math.max(0, lower.z - contextSections);
      const last = Math.min(source.info.shape[0], upper.z + contextSections + 1);
      const part = subvolume(source, { bbox: { min: [first, 0, 0], max: [last, undefined, undefined] } });
      const add = ({ lowerZ, lower: a, upper: b, pairs, upperEdges }: SectionPairs): void => {
        if (lowerZ + first !== lower.z) return;
        examples.add(pairs, [a, b], upperEdges, [lower.cells, upper.cells], 1, true);
      };
      const input = { source: part as SectionSource, predictor, onPairs: add };
      await runPipeline(input, createMemoryStore(), options, signal ? { signal } : {});
    }
  } finally {
    await predictor.close();
  }
  const found = recalibrateLinkModel(model.linker, examples);
  return found && { model: { ...model, linker: found.model }, reliability: found.cross };
}

function neighbouringPairs(
  painted: readonly PaintedSection[],
  positions: readonly number[] | undefined,
): [Numbered, Numbered][] {
  const at = (z: number): number => positions?.[z] ?? z;
  const numbered = painted
    .flatMap((section) => (section.cells ? [{ ...section, cells: section.cells }] : []))
    .sort((a, b) => a.z - b.z);
  return numbered.flatMap((upper, i): [Numbered, Numbered][] => {
    const lower = numbered[i - 1];
    return lower && upper.z - lower.z === 1 && at(upper.z) - at(lower.z) <= GAP ? [[lower, upper]] : [];
  });
}
