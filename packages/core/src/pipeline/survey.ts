/**
 * A first look at a few sections, before anything is segmented: are the membranes bright, how much contrast does the
 * stack have (a section with next to none is blank), and how much noise (a section of little else is ruined)?
 */
import { throwIfCancelled } from '../errors.ts';
import { noiseShare, ruinousNoise } from '../predict/noise-share.ts';
import { normaliseInPlace } from '../predict/normalise.ts';
import {
  membranesAreBright,
  POLARITY_PIECE,
  type PolarityEvidence,
  polarityEvidence,
} from '../predict/polarity.ts';
import { type ResamplePlan, resampleSection } from '../predict/resample.ts';
import type { SectionSource, StageContext } from '../volume/contracts.ts';
import type { StageTimer } from './report.ts';

/** Sections looked at: as many as give five full pieces, within these bounds. */
const MIN_SAMPLES = 5;
const MAX_SAMPLES = 12;

/** A section with less than this share of the usual spread is blank. */
const BLANK_SHARE = 0.03;

export interface Survey {
  readonly membranesAreBright: boolean;
  /** Spread of grey values below which a section counts as blank. */
  readonly minSpread: number;
  /** Share of noise above which a section is ruined. */
  readonly maxNoise: number;
}

/**
 * @param plan how sections are brought to the network's pixels
 * @param pixelNm mean in-plane pixel size after that
 */
export async function surveySections(
  source: SectionSource,
  plan: ResamplePlan,
  pixelNm: number,
  timer: StageTimer,
  context: StageContext,
): Promise<Survey> {
  const [depth] = source.info.shape;
  const pieces = Math.min(1, (plan.small[0] * plan.small[1]) / POLARITY_PIECE ** 2);
  const samples = Math.min(depth, MAX_SAMPLES, Math.max(MIN_SAMPLES, Math.ceil(MIN_SAMPLES / pieces)));
  const evidence: PolarityEvidence[] = [];
  const spreads: number[] = [];
  const noise: number[] = [];
  for (const z of spreadOver(depth, samples)) {
    throwIfCancelled(context.signal);
    const raw = await timer.wait('survey', source.read(z, context.signal));
    timer.run('survey', () => {
      const section = normaliseInPlace(resampleSection(raw, plan));
      if (section.state !== 'tissue') return;
      spreads.push(section.spread);
      noise.push(noiseShare(section.image));
      evidence.push(polarityEvidence(section.image, pixelNm));
    });
  }
  return {
    membranesAreBright: membranesAreBright(evidence),
    minSpread: BLANK_SHARE * median(spreads),
    // where no sample shows tissue nothing can be told from it
    maxNoise: noise.length > 0 ? ruinousNoise(median(noise)) : 1,
  };
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values.length > 0 ? values[values.length >> 1] : 0;
}

/** `count` indices, evenly spread over `length`. */
export function spreadOver(length: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * length) / count));
}
