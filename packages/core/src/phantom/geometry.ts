/**
 * What kind of neuropil: how thick its neurites are, how they wander and branch, how rough their walls are. All
 * lengths in nm. The presets were fitted so that profile areas and the overlap of neighbours match real tissue
 * (`statistics.test.ts`): `cortex` to mouse cortex (pinky40 labels), `fly` to the Drosophila medulla.
 */

/** One kind of neurite. */
export interface NeuriteKind {
  readonly name: string;
  /** Fraction of the tissue's volume. */
  readonly share: number;
  /** Median radius and its log-normal spread between neurites. */
  readonly radiusNm: number;
  readonly radiusSpread: number;
  /** Log deviation of the radius along a neurite (varicosities), and the length over which it changes. */
  readonly swelling: number;
  readonly swellingNm: number;
  /** Length over which the direction is kept. */
  readonly persistenceNm: number;
  /** Typical length of one neurite with its branches. */
  readonly lengthNm: number;
  /** Mean distance between branch points. */
  readonly branchNm: number;
  /** Radius of a branch relative to its parent. */
  readonly branchTaper: number;
  /** Mean distance between spines; 0 for none. */
  readonly spineNm: number;
}

export interface PhantomGeometry {
  readonly name: string;
  /** Multiplies every length below. */
  readonly scale: number;
  readonly kinds: readonly NeuriteKind[];
  /** Above 1 neurites prefer to run across the sections, below 1 within them. */
  readonly acrossBias: number;
  /** In-plane stretch along one axis, squeeze along the other; 1 for none. Tissue is rarely cut square. */
  readonly stretch: number;
  /** Gaps narrower than this between neurites close; wider ones hold glia. */
  readonly gliaGapNm: number;
  /** In-plane bending of the walls: [amplitude, wavelength] pairs. */
  readonly warps: readonly (readonly [amplitudeNm: number, wavelengthNm: number])[];
  /** Fraction of labels that lie up to three pixels off near walls, as in real annotations. */
  readonly raggedness: number;
}

const CORTEX: PhantomGeometry = {
  name: 'cortex',
  scale: 1,
  acrossBias: 1.6,
  stretch: 1.2,
  gliaGapNm: 78,
  raggedness: 0.0048,
  warps: [
    [50, 800],
    [16, 190],
  ],
  kinds: [
    {
      name: 'dendrite',
      share: 0.29,
      radiusNm: 260,
      radiusSpread: 0.35,
      swelling: 0.15,
      swellingNm: 900,
      persistenceNm: 6000,
      lengthNm: 9000,
      branchNm: 5000,
      branchTaper: 0.75,
      spineNm: 900,
    },
    {
      name: 'axon',
      share: 0.6,
      radiusNm: 117,
      radiusSpread: 0.28,
      swelling: 0.22,
      swellingNm: 600,
      persistenceNm: 2500,
      lengthNm: 9000,
      branchNm: 6000,
      branchTaper: 0.9,
      spineNm: 0,
    },
    {
      name: 'twig',
      share: 0.008,
      radiusNm: 80,
      radiusSpread: 0.25,
      swelling: 0.3,
      swellingNm: 500,
      persistenceNm: 1500,
      lengthNm: 4000,
      branchNm: 1500,
      branchTaper: 0.9,
      spineNm: 0,
    },
  ],
};

const FLY: PhantomGeometry = {
  name: 'fly',
  scale: 1,
  acrossBias: 1,
  stretch: 1.1,
  gliaGapNm: 25,
  raggedness: 0.014,
  warps: [
    [50, 500],
    [16, 140],
    [9, 80],
  ],
  kinds: [
    {
      name: 'trunk',
      share: 0.42,
      radiusNm: 330,
      radiusSpread: 0.45,
      swelling: 0.35,
      swellingNm: 900,
      persistenceNm: 2500,
      lengthNm: 5000,
      branchNm: 1500,
      branchTaper: 0.6,
      spineNm: 500,
    },
    {
      name: 'twig',
      share: 0.42,
      radiusNm: 75,
      radiusSpread: 0.4,
      swelling: 0.4,
      swellingNm: 400,
      persistenceNm: 900,
      lengthNm: 5000,
      branchNm: 1200,
      branchTaper: 0.85,
      spineNm: 0,
    },
  ],
};

export type GeometryName = 'cortex' | 'fly';

/** A preset by name, or numbers over one (`cortex` where none is named). */
export type GeometryChoice = GeometryName | (Partial<PhantomGeometry> & { readonly preset?: GeometryName });

export const GEOMETRIES: Readonly<Record<GeometryName, PhantomGeometry>> = { cortex: CORTEX, fly: FLY };

/** The geometry meant by a choice, with `scale` still to be applied. */
export function resolveGeometry(choice: GeometryChoice): PhantomGeometry {
  if (typeof choice === 'string') return GEOMETRIES[choice];
  const { preset = 'cortex', ...numbers } = choice;
  return { ...GEOMETRIES[preset], ...numbers };
}
