/**
 * A volume as the network sees it: in which pixels, with which contrast. What is decided for the whole volume is
 * decided once, so that whoever looks at a few sections sees them as a run does that goes through all.
 */
import { throwIfCancelled } from '../errors.ts';
import { noiseShare } from '../predict/noise-share.ts';
import { type NormalisedSection, normaliseInPlace } from '../predict/normalise.ts';
import type { Membranes } from '../predict/polarity.ts';
import { planResample, type ResamplePlan, resampleSection } from '../predict/resample.ts';
import { invalidPixels } from '../predict/tissue.ts';
import type { Vec3 } from '../volume/array.ts';
import type { SectionSource, StageContext } from '../volume/contracts.ts';
import { inputNotes, voxelSizeDoubt } from './input-notes.ts';
import { StageTimer, SYSTEM_CLOCK } from './report.ts';
import { type Survey, surveySections } from './survey.ts';

export interface NetworkView {
  readonly source: SectionSource;
  /** nm, zyx; assumed where the volume does not say. */
  readonly voxelSizeNm: Vec3;
  /** Between the volume's pixels and the network's. */
  readonly imagePlan: ResamplePlan;
  readonly survey: Survey;
  readonly context: StageContext;
  readonly timer: StageTimer;
  /** Remarks so far. */
  readonly notes: string[];
}

/** What sections are brought to. */
export interface ViewTarget {
  /** Voxel size that the network was trained at; undefined: sections stay as they are. */
  readonly network: { readonly voxelSizeNm: Vec3 | undefined } | undefined;
  /** Voxel size of given fragments, if the volume does not say its own. */
  readonly fragmentsNm?: Vec3 | undefined;
  /** What membranes look like, where somebody has said so; else it is told from a few sections. */
  readonly membranes?: Membranes | undefined;
}

/** A remark for the user and the report. */
export function tell({ notes, context }: Pick<NetworkView, 'notes' | 'context'>, note: string): void {
  notes.push(note);
  context.onNote?.(note);
}

/** Looks at the volume and decides how its sections are brought to the network. */
export async function networkView(
  source: SectionSource,
  { network, fragmentsNm, membranes }: ViewTarget,
  context: StageContext = {},
  timer: StageTimer = new StageTimer(SYSTEM_CLOCK),
): Promise<NetworkView> {
  const { info } = source;
  const remarks = { notes: [] as string[], context };
  for (const note of info.notes) tell(remarks, note);
  const assumed = network?.voxelSizeNm ?? fragmentsNm ?? [1, 1, 1];
  const voxelSizeNm = info.voxelSizeNm ?? assumed;
  if (!info.voxelSizeNm) {
    const size = [...assumed].reverse().join('×');
    const whose = network?.voxelSizeNm ? "the model's" : fragmentsNm ? "the fragments'" : 'set to';
    tell(remarks, `voxel size not known: ${whose} ${size} nm is assumed (--voxel-size X,Y,Z)`);
  }
  const [, height, width] = info.shape;
  const [, pixelY, pixelX] = voxelSizeNm;
  const [, targetY, targetX] = network?.voxelSizeNm ?? voxelSizeNm;
  const imagePlan = planResample([height, width], [pixelY, pixelX], [targetY, targetX]);
  const { factor } = imagePlan;
  const networkNm = networkPixelNm({ voxelSizeNm, imagePlan });
  if (!imagePlan.identity) {
    const [y, x] = networkNm.map((nm) => Number(nm.toPrecision(3)));
    const seen = `sections are ${factor[0] * factor[1] > 1 ? 'averaged' : 'enlarged'} to ${x}×${y} nm`;
    tell(remarks, `${seen} for the network (trained at ${targetX}×${targetY} nm)`);
  }
  for (const note of inputNotes(info, imagePlan.small)) tell(remarks, note);
  const known = info.voxelSizeNm ?? network?.voxelSizeNm ?? fragmentsNm;
  const doubt = known && voxelSizeDoubt(voxelSizeNm);
  if (doubt) tell(remarks, doubt);
  const meanNm = Math.sqrt(networkNm[0] * networkNm[1]);
  // how membranes look is only known at their true size
  const surveyed = await surveySections(source, imagePlan, meanNm, timer, context);
  const look = surveyed.membranesAreBright && !doubt && known !== undefined ? 'bright' : 'dark';
  const survey = { ...surveyed, membranesAreBright: (membranes ?? look) === 'bright' };
  if (membranes && membranes !== look) {
    tell(remarks, `membranes look ${look} here, but are said to be ${membranes} (--membranes)`);
  }
  if (survey.membranesAreBright) tell(remarks, 'membranes are bright here: contrast turned');
  return { source, voxelSizeNm, imagePlan, survey, timer, ...remarks };
}

/** What membranes look like in this volume. */
export function membranesIn({ survey }: NetworkView): Membranes {
  return survey.membranesAreBright ? 'bright' : 'dark';
}

/** Size of the network's pixels, nm, y and x. */
export function networkPixelNm({
  voxelSizeNm: [, y, x],
  imagePlan: { factor },
}: Pick<NetworkView, 'voxelSizeNm' | 'imagePlan'>): readonly [number, number] {
  return [y * factor[0], x * factor[1]];
}

/** Section `z` in the network's pixels, with the contrast that the network knows. */
export async function seeSection(view: NetworkView, z: number): Promise<NormalisedSection> {
  const { source, context, timer, imagePlan, survey } = view;
  throwIfCancelled(context.signal);
  const raw = await timer.wait('read', source.read(z, context.signal));
  return timer.run('normalise', () => {
    const invert = survey.membranesAreBright;
    const image = resampleSection(raw, imagePlan);
    const normalised = normaliseInPlace(image, { invert, minSpread: survey.minSpread });
    const section = { ...normalised, invalidPixels: normalised.invalidPixels || invalidPixels(raw) };
    const ruined = section.state === 'tissue' && noiseShare(section.image) > survey.maxNoise;
    return ruined ? { ...section, state: 'ruined' } : section;
  });
}
