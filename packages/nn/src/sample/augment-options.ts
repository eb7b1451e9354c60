/**
 * What is done to a sample before the network sees it, with how often and how far: the set that
 * connectomics has settled on (gunpowder, Funke lab; Lee 2017 "Superhuman accuracy on the SNEMI3D
 * connectomics challenge" for misalignment and missing sections). Lengths are pixels of the network's grid;
 * intensities are in standard deviations of the section.
 */

/** Happens with this probability. */
interface Chance {
  probability: number;
}

export interface AugmentOptions {
  /** Mirrored along x. */
  flip: Chance;
  /** Turned by 0, 90, 180 or 270 degrees. */
  turn: Chance;
  /** Turned by a free angle up to this. */
  rotate: Chance & { maxRadians: number };
  /** Zoomed by a factor in this range (log-uniform); both axes alike up to `anisotropy` (a relative spread). */
  scale: Chance & { min: number; max: number; anisotropy: number };
  /** Bent: displacements of up to `amplitude` at control points `spacing` apart, cubic B-spline between. */
  elastic: Chance & { spacing: number; amplitude: number };
  /** One section shifted against the others by up to `maxShift` (several sections only). */
  misalign: Chance & { maxShift: number };
  /** Grey value to the power of exp(±logRange). */
  gamma: Chance & { logRange: number };
  /** A random monotone grey curve through this many control points, `strength` of the way from the identity. */
  curve: Chance & { points: number; strength: number };
  /** Slow changes of brightness and gain over a section, `spacing` apart. */
  illumination: Chance & { spacing: number; offset: number; gain: number };
  /** Gaussian blur. */
  blur: Chance & { maxSigma: number };
  /** Normal noise, and shot noise whose variance grows with the grey value; smoothed by a sigma of up to `maxGrain`. */
  noise: Chance & { gaussian: number; shot: number; maxGrain: number };
  /** The section's mean and spread as the normalisation sees them, off by this much. */
  statistics: Chance & { offset: number; gain: number };
  /** One section dark or pale, with more noise. */
  faint: Chance & { minContrast: number; offset: number; noise: number };
  /** A band without tissue. A sample of one section gets it half transparent. */
  band: Chance & { minWidth: number; maxWidth: number };
  /** A dark fold across the section. A sample of one section gets it half transparent. */
  fold: Chance & { minWidth: number; maxWidth: number };
  /**
   * A neighbour that is missing or ruined: mostly a copy of the nearest section that is asked about, as inference
   * gives it; sometimes blank or noise, which inference may fail to notice. Never a section that is asked about. In a
   * block any but the middle one, and then it is not asked about.
   */
  missing: Chance;
}

/** The ranges that training uses unless told otherwise. */
export const AUGMENT_DEFAULTS: AugmentOptions = {
  flip: { probability: 0.5 },
  turn: { probability: 1 },
  rotate: { probability: 0.5, maxRadians: Math.PI / 4 },
  scale: { probability: 0.7, min: 0.75, max: 1.35, anisotropy: 0.08 },
  elastic: { probability: 0.7, spacing: 40, amplitude: 5 },
  misalign: { probability: 0.4, maxShift: 10 },
  gamma: { probability: 0.5, logRange: 0.4 },
  curve: { probability: 0.25, points: 5, strength: 0.6 },
  illumination: { probability: 0.4, spacing: 100, offset: 0.3, gain: 0.2 },
  blur: { probability: 0.3, maxSigma: 1.5 },
  noise: { probability: 0.5, gaussian: 0.3, shot: 0.3, maxGrain: 0 },
  statistics: { probability: 0.8, offset: 0.15, gain: 0.15 },
  faint: { probability: 0.06, minContrast: 0.3, offset: 1, noise: 0.3 },
  band: { probability: 0.03, minWidth: 4, maxWidth: 40 },
  fold: { probability: 0.04, minWidth: 2, maxWidth: 8 },
  missing: { probability: 0.1 },
};

/** Nothing is done: for validation and for tests. */
export const AUGMENT_NONE: AugmentOptions = switchedOff(AUGMENT_DEFAULTS);

function switchedOff(options: AugmentOptions): AugmentOptions {
  const off = Object.entries(options).map(([name, option]) => [name, { ...option, probability: 0 }]);
  return Object.fromEntries(off) as unknown as AugmentOptions;
}
