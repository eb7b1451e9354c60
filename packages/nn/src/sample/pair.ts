/**
 * Samples for the neighbour head: what the segmenter sees of two sections, with theirs neighbours as inference gives
 * them, and which pixels of the two are one neuron. Sometimes the section between the two is missing.
 */
import type { Random } from '@kyn/core';
import type { TargetPlace } from './block.ts';
import { drawLoss, loseInPlace } from './defects.ts';
import type { Place } from './place.ts';
import { renderLabels, renderTiles } from './render.ts';
import type { PairSpec, SampleSpec } from './spec.ts';
import { addCount, type ClassCount, crossAffinity } from './targets.ts';

/** Which of the sample's sections the two are. */
export interface Pair {
  readonly lower: number;
  readonly upper: number;
}

export function drawPair({ skip }: PairSpec, random: Random): Pair {
  return { lower: 1, upper: random.chance(skip) ? 3 : 2 };
}

/** Writes `[6, S, S]`: the lower section between its neighbours, then the upper between its own. */
export function renderPairInput(
  input: Float32Array,
  start: number,
  place: Place,
  spec: SampleSpec,
  { lower, upper }: Pair,
  random: Random,
): void {
  const tiles = renderTiles(place, spec, random);
  // a missing section is replaced by the one that is asked about, on both sides of the gap
  const between = upper - lower === 1 ? [tiles[upper], tiles[lower]] : [tiles[lower], tiles[upper]];
  const outer = [
    { tile: tiles[lower - 1], beside: tiles[lower] },
    { tile: tiles[upper + 1], beside: tiles[upper] },
  ].map(({ tile, beside }, i) => {
    const losses = random.fork(spec.sections + i);
    const loss = drawLoss(losses, spec.augment);
    if (loss) loseInPlace(tile, losses, loss, beside);
    return tile;
  });
  const plane = spec.size * spec.size;
  const seen = [outer[0], tiles[lower], between[0], between[1], tiles[upper], outer[1]];
  seen.forEach((tile, i) => {
    input.set(tile, start + i * plane);
  });
}

/** Writes one channel a displacement. */
export function renderPairTargets(
  { target, weight, start }: TargetPlace,
  place: Place,
  spec: SampleSpec,
  { displacements, stride }: PairSpec,
  { lower, upper }: Pair,
  counts: readonly ClassCount[],
): void {
  const patches = renderLabels(place, spec.sections);
  const plane = (spec.size / stride) ** 2;
  displacements.forEach((displacement, i) => {
    const at = start + i * plane;
    const options = { margin: place.margin, displacement, stride };
    addCount(counts[i], crossAffinity(target, weight, at, patches[lower], patches[upper], options));
  });
}
