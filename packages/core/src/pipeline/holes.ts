/**
 * Sections that show nothing in a part: a crack, a lost tile, the border of an aligned image. There the sections on either side are
 * neighbours, as they are where a whole section is missing: the network is shown the one behind in that part, so what it
 * says there is of those two, and their fragments are linked within it.
 */
import type { CrossAffinity } from '../link/pair-evidence.ts';
import { type LinkSection, profileTable } from '../link/section-view.ts';
import type { NormalisedSection } from '../predict/normalise.ts';
import { type NdArray, ndarray } from '../volume/array.ts';

/** Smaller holes are not linked across, pixels of the network: borders of aligned sections differ by narrow strips. */
const LEAST_PIXELS = 1000;

/** What a 2D network says of two sections where the one between shows nothing. */
export interface ThroughHole {
  /** The lower section. */
  readonly z: number;
  /** Dense, 1 where the one between shows nothing and both do. */
  readonly part: Uint8Array;
  readonly cross: CrossAffinity;
}

/** `tissue`: 1 where a section shows something; it does everywhere if that is not there. */
export type Holed = Partial<Pick<NormalisedSection, 'tissue'>>;

/** A section's image; in its holes that of the section behind it, where that shows something. Not mutated. */
export function imageOver(
  { image, tissue }: Holed & Pick<NormalisedSection, 'image'>,
  behind: (Holed & Pick<NormalisedSection, 'image'>) | undefined,
): NdArray<Float32Array> {
  if (!tissue || !behind) return image;
  const there = behind.tissue;
  let out: Float32Array | undefined;
  for (let p = 0; p < tissue.length; p++) {
    if (tissue[p] !== 0 || (there && there[p] === 0)) continue;
    out ??= image.data.slice();
    out[p] = behind.image.data[p];
  }
  return out ? ndarray(out, image.shape) : image;
}

/** Where the section between two that show something shows nothing, 1 a pixel; undefined where that is hardly anywhere. */
export function holeBetween(lower: Holed, between: Holed, upper: Holed): Uint8Array | undefined {
  const { tissue } = between;
  if (!tissue) return undefined;
  const hole = new Uint8Array(tissue.length);
  let pixels = 0;
  for (let p = 0; p < hole.length; p++) {
    if (tissue[p] !== 0 || lower.tissue?.[p] === 0 || upper.tissue?.[p] === 0) continue;
    hole[p] = 1;
    pixels++;
  }
  return pixels >= LEAST_PIXELS ? hole : undefined;
}

/** A section as the linker sees it, within a part alone; what the part cuts counts as cut. */
export function viewWithin(view: LinkSection, part: Uint8Array): LinkSection {
  const { height, width, idOffset, touching, pixelSide } = view;
  const labels = view.labels.map((label, p) => label * part[p]);
  const profiles = profileTable(labels, height, width, view.profiles.count);
  profiles.area.forEach((now, i) => {
    if (view.profiles.cut[i] || now < view.profiles.area[i]) profiles.cut[i] = 1;
  });
  return { labels, height, width, idOffset, profiles, touching, pixelSide };
}
