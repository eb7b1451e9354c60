/**
 * What the network sees of each section: the section itself and, where it looks at neighbours, the nearest section with
 * tissue on either side. Where there is none within sight (the end of the stack, a long gap), the section itself stands
 * in for it, as in training.
 */
import type { NormalisedSection } from '../predict/normalise.ts';
import type { NdArray } from '../volume/array.ts';

/** Sections further apart than this, in section thicknesses, have one missing between them. */
export const GAP = 1.5;

/** Neighbours further apart than this are not shown together: the network has met one missing section, not more. */
const SIGHT = 2.5;

/** True where the network is shown one of two neighbouring sections with the other; positions in section thicknesses. */
export function withinSight(lower: number, upper: number): boolean {
  return upper - lower <= SIGHT;
}

/** How many sections before one may be shown with it. */
export const SECTIONS_IN_SIGHT = Math.floor(SIGHT);

export interface Surrounded<S> {
  readonly section: S;
  /** 1 + 2 * `contextSections` images, in order of depth, the section's own in the middle. */
  readonly seen: readonly NdArray<Float32Array>[];
}

type Placed = Pick<NormalisedSection, 'image' | 'state'> & { readonly z: number };

/**
 * @param sections in order of depth, without gaps
 * @param contextSections how many are seen on either side: 0 or 1
 * @param position of section z, in section thicknesses
 */
export async function* withNeighbours<S extends Placed>(
  sections: AsyncIterable<S>,
  contextSections: number,
  position: (z: number) => number,
): AsyncGenerator<Surrounded<S>, void, undefined> {
  if (contextSections === 0) {
    for await (const section of sections) yield { section, seen: [section.image] };
    return;
  }
  const inSight = (lower: S | undefined, upper: S | undefined): boolean =>
    lower !== undefined && upper !== undefined && withinSight(position(lower.z), position(upper.z));
  let below: S | undefined;
  // a section with tissue that waits for the next one, and those without tissue after it
  let waiting: S[] = [];
  const shown = (above: S | undefined): Surrounded<S>[] => {
    const [middle, ...empty] = waiting;
    waiting = [];
    if (!middle) return [];
    const seenFrom = (neighbour: S | undefined, seen: boolean) =>
      seen && neighbour ? neighbour.image : middle.image;
    const seen = [
      seenFrom(below, inSight(below, middle)),
      middle.image,
      seenFrom(above, inSight(middle, above)),
    ];
    below = middle;
    return [{ section: middle, seen }, ...empty.map(alone)];
  };
  for await (const section of sections) {
    if (section.state === 'tissue') {
      yield* shown(section);
      waiting.push(section);
    } else if (inSight(waiting[0], section)) waiting.push(section);
    else {
      yield* shown(undefined);
      yield alone(section);
    }
  }
  yield* shown(undefined);
}

function alone<S extends Placed>(section: S): Surrounded<S> {
  return { section, seen: [section.image, section.image, section.image] };
}
