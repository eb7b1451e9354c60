/**
 * What the network sees of each section: the section itself and, where it looks at neighbours, the nearest sections with
 * tissue on either side, each within sight of the one before it, moved to lie as it does where they lie elsewhere, all over or in parts.
 * Where they end (the end of the stack, a long gap), the last of them, or the section itself, stands in for the rest, as in
 * training. Where one shows nothing in a part, those behind it are seen there (`holes.ts`).
 */
import type { NormalisedSection } from '../predict/normalise.ts';
import type { NdArray } from '../volume/array.ts';
import { type Holed, seenThroughHoles } from './holes.ts';
import { follow, moreAlike, moveImage, moveTissue, type Places, reversed } from './move.ts';
import type { Shifted } from './section-shift.ts';
import { withinSight } from './sight.ts';

export interface Surrounded<S> {
  readonly section: S;
  /** 1 + 2 * `contextSections` images, in order of depth, the section's own in the middle. */
  readonly seen: readonly NdArray<Float32Array>[];
}

type Placed = Pick<NormalisedSection, 'image' | 'state'> & Holed & Shifted & { readonly z: number };

/**
 * @param sections in order of depth, without gaps
 * @param contextSections how many are seen on either side
 * @param position of section z, in section thicknesses
 */
export async function* withNeighbours<S extends Placed>(
  sections: AsyncIterable<S>,
  contextSections: number,
  position: (z: number) => number,
): AsyncGenerator<Surrounded<S>, void, undefined> {
  /** Those with tissue that follow the first of some sections, one within sight of another; all of them if `closed`. */
  const following = ([first, ...rest]: readonly S[]): { found: S[]; closed: boolean } => {
    const found: S[] = [];
    let last = first;
    for (const section of rest) {
      if (found.length === contextSections || !inSight(last, section)) return { found, closed: true };
      if (section.state !== 'tissue') continue;
      found.push(section);
      last = section;
    }
    return { found, closed: found.length === contextSections };
  };
  const inSight = (a: S, b: S): boolean => {
    const [p, q] = [position(a.z), position(b.z)];
    return withinSight(Math.min(p, q), Math.max(p, q));
  };
  /** The sections on one side, moved to lie as the middle does. */
  const moved = (
    middle: S,
    found: readonly S[],
    placesOf: (i: number) => Places | undefined,
    side: 1 | -1,
  ): (Holed & Pick<S, 'image'>)[] => {
    let places: Places | undefined; // where the middle's pixels lie in the neighbour
    return found.map((section, i) => {
      const { image, tissue } = section;
      const step = placesOf(i);
      const onward = step && side > 0 ? reversed(step) : step;
      places = follow(places, onward);
      // of two shifts one may have been seen and the way back not
      if (!places || (i > 0 && !moreAlike(image, middle.image, places))) return section;
      return { image: moveImage(image, places, middle.image), tissue: tissue && moveTissue(tissue, places) };
    });
  };
  /** The images on one side, nearest first; where there are too few, the last stands in for the rest. */
  const images = (middle: S, found: readonly S[], side: 1 | -1): NdArray<Float32Array>[] => {
    const placesOf = (i: number) => (side > 0 ? found[i] : (found[i - 1] ?? middle)).places;
    const near = (i: number, j: number) => inSight(found[i] ?? middle, found[j]);
    const shown = seenThroughHoles(moved(middle, found, placesOf, side), near);
    return Array.from({ length: contextSections }, (_, i) => shown[i] ?? shown.at(-1) ?? middle.image);
  };
  // those with tissue that have been shown, nearest first, and those that wait for others to follow
  const before: S[] = [];
  const waiting: S[] = [];
  const show = (found: readonly S[]): Surrounded<S> => {
    const middle = waiting.shift() as S;
    const below = middle.state === 'tissue' ? following([middle, ...before]).found : [];
    const seen = [...images(middle, below, -1).reverse(), middle.image, ...images(middle, found, 1)];
    if (middle.state === 'tissue') before.unshift(middle);
    before.length = Math.min(before.length, contextSections);
    return { section: middle, seen };
  };
  for await (const section of sections) {
    waiting.push(section);
    while (waiting.length > 0) {
      const alone = waiting[0].state !== 'tissue';
      const { found, closed } = alone ? { found: [], closed: true } : following(waiting);
      if (!closed) break;
      yield show(found);
    }
  }
  while (waiting.length > 0) yield show(waiting[0].state === 'tissue' ? following(waiting).found : []);
}
