/**
 * Sections that show nothing in a part: a crack, a lost tile, the border of an aligned image. There the sections on either side are
 * neighbours, as they are where a whole section is missing: the network is shown the one behind in that part, so what it
 * says there is of those two, and their fragments are linked within it.
 */
import type { CrossAffinity } from '../link/pair-evidence.ts';
import type { LinkSection } from '../link/section-view.ts';
import type { NormalisedSection } from '../predict/normalise.ts';
import { type NdArray, ndarray } from '../volume/array.ts';
import { withLabels } from './move.ts';

/**
 * Holes in which fewer squares of this side lie, on a grid, are not linked across; pixels of the network. Borders of aligned
 * sections differ by narrow strips, and single pixels may have no value.
 */
const SQUARE = 8;
const LEAST_SQUARES = 16;

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

/**
 * Where the section between two that show something shows nothing, 1 a pixel; undefined where that is hardly anywhere.
 * @param width of the sections
 */
export function holeBetween(
  lower: Holed,
  between: Holed,
  upper: Holed,
  width: number,
): Uint8Array | undefined {
  const { tissue } = between;
  if (!tissue) return undefined;
  const hole = tissue.map((there, p) =>
    there !== 0 || lower.tissue?.[p] === 0 || upper.tissue?.[p] === 0 ? 0 : 1,
  );
  return countSquares(hole, width) >= LEAST_SQUARES ? hole : undefined;
}

/** Squares of a grid that lie in the hole as a whole. */
function countSquares(hole: Uint8Array, width: number): number {
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
  return count;
}

/** A section as the linker sees it, within a part alone. */
export function viewWithin(view: LinkSection, part: Uint8Array): LinkSection {
  return withLabels(
    view,
    view.labels.map((label, p) => label * part[p]),
  );
}
