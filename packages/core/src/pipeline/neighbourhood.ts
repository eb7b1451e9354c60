/**
 * What the network sees of each section: the section itself and, where it looks at neighbours, one on either side.
 * A neighbour that is not there (the end of the stack, a gap in its numbers, a section without tissue) is replaced
 * by the section itself, as in training.
 */
import type { NormalisedSection } from '../predict/normalise.ts';
import type { NdArray } from '../volume/array.ts';

/** Sections further apart than this, in section thicknesses, have one missing between them. */
export const GAP = 1.5;

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
  const seenFrom = (section: S, neighbour: S | undefined): NdArray<Float32Array> => {
    const usable =
      neighbour?.state === 'tissue' && Math.abs(position(neighbour.z) - position(section.z)) <= GAP;
    return usable ? neighbour.image : section.image;
  };
  let below: S | undefined;
  let section: S | undefined;
  for await (const above of sections) {
    if (section) yield surround(section, below, above);
    [below, section] = [section, above];
  }
  if (section) yield surround(section, below, undefined);

  function surround(middle: S, lower: S | undefined, upper: S | undefined): Surrounded<S> {
    return { section: middle, seen: [seenFrom(middle, lower), middle.image, seenFrom(middle, upper)] };
  }
}
