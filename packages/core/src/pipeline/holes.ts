/**
 * Sections that show nothing in a part: a crack, a lost tile, the border of an aligned image. There the sections on either side are
 * neighbours, as they are where a whole section is missing: in that part the network is shown those that follow, so what it
 * says there is of those two, and their fragments are linked within it.
 */
import type { CrossAffinity } from '../link/pair-evidence.ts';
import { type LinkSection, withLabels } from '../link/section-view.ts';
import type { NormalisedSection } from '../predict/normalise.ts';
import { type NdArray, ndarray } from '../volume/array.ts';
import { follow, moveTissue, type Places } from './move.ts';

/**
 * Holes in which fewer squares of this side lie, on a grid, are not seen through; pixels of the network. Borders of aligned
 * sections differ by narrow strips, and single pixels may have no value.
 */
const SQUARE = 8;
const LEAST_SQUARES = 16;

/** What a 2D network says of two sections where the one between shows nothing. */
export interface ThroughHole {
  /** The lower section. */
  readonly z: number;
  /** Dense, in the place of the upper one, 1 where the one between shows nothing and both do. */
  readonly part: Uint8Array;
  /** Where the upper one's pixels lie in the lower, where that is elsewhere. */
  readonly places?: Places | undefined;
  readonly cross: CrossAffinity;
}

/** `tissue`: 1 where a section shows something; it does everywhere if that is not there. */
export type Holed = Partial<Pick<NormalisedSection, 'tissue'>>;

type HoledImage = Holed & Pick<NormalisedSection, 'image'>;

/**
 * What is seen of sections that follow each other: pixel by pixel those that show something there, in their order, as if the others were
 * missing; where there are too few, the last stands in for the rest. Not mutated.
 * @param near of two of them by their index, or of the one that they are seen from (-1) and one: true where they may be shown together
 */
export function seenThroughHoles(
  sections: readonly HoledImage[],
  near: (i: number, j: number) => boolean,
): NdArray<Float32Array>[] {
  const images = sections.map(({ image }) => image);
  const partly = shownInPart(sections);
  if (!partly) return images;
  const planes = images.map(({ data }) => data);
  const out = planes.map((plane) => plane.slice());
  for (let p = 0; p < partly.length; p++) {
    if (partly[p] === 0) continue;
    let from = -1;
    let shown = 0;
    for (let i = 0; i < planes.length; i++) {
      if (sections[i].tissue?.[p] === 0 || !near(from, i)) continue;
      out[shown++][p] = planes[i][p];
      from = i;
    }
    for (; from >= 0 && shown < out.length; shown++) out[shown][p] = planes[from][p];
  }
  return out.map((data, i) => ndarray(data, images[i].shape));
}

/** 1 where some of the sections show something and some do not; undefined where that is hardly anywhere. */
function shownInPart(sections: readonly HoledImage[]): Uint8Array | undefined {
  const masks = sections.flatMap(({ tissue }) => tissue ?? []);
  if (masks.length === 0) return undefined;
  const all = masks[0].slice();
  const any = masks.length < sections.length ? new Uint8Array(all.length).fill(1) : masks[0].slice();
  for (const mask of masks.slice(1)) {
    for (let p = 0; p < mask.length; p++) {
      all[p] &= mask[p];
      any[p] |= mask[p];
    }
  }
  for (let p = 0; p < all.length; p++) any[p] &= 1 - all[p];
  return isHole(any, sections[0].image.shape[1]) ? any : undefined;
}

/** A section, and where its pixels lie in the one before. */
type HoledPlaces = Holed & { readonly places?: Places | undefined };

/**
 * Where the section between two that show something shows nothing, 1 a pixel, in the place of the upper one; undefined where that is hardly
 * anywhere.
 * @param width of the sections
 */
export function holeBetween(
  lower: Holed,
  between: HoledPlaces,
  upper: HoledPlaces,
  width: number,
): Pick<ThroughHole, 'part' | 'places'> | undefined {
  if (!between.tissue) return undefined;
  const places = follow(upper.places, between.places);
  const beneath = lower.tissue && places ? moveTissue(lower.tissue, places) : lower.tissue;
  const here = upper.places ? moveTissue(between.tissue, upper.places) : between.tissue;
  const part = here.map((there, p) => (there !== 0 || beneath?.[p] === 0 || upper.tissue?.[p] === 0 ? 0 : 1));
  return isHole(part, width) ? { part, places } : undefined;
}

/** True where enough squares of a grid lie in the hole as a whole. */
function isHole(hole: Uint8Array, width: number): boolean {
  const columns = Math.floor(width / SQUARE);
  const rows = Math.floor(hole.length / width / SQUARE);
  let count = 0;
  const pixels = new Uint32Array(columns);
  for (let row = 0; row < rows; row++) {
    pixels.fill(0);
    for (let y = row * SQUARE; y < (row + 1) * SQUARE; y++) {
      for (let x = 0, p = y * width; x < columns * SQUARE; x++, p++)
        pixels[Math.floor(x / SQUARE)] += hole[p];
    }
    for (const each of pixels) if (each === SQUARE * SQUARE) count++;
  }
  return count >= LEAST_SQUARES;
}

/** A section as the linker sees it, within a part alone. */
export function viewWithin(view: LinkSection, part: Uint8Array): LinkSection {
  return withLabels(
    view,
    view.labels.map((label, p) => label * part[p]),
  );
}
