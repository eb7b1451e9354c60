/**
 * What goes wrong with single sections in serial-section microscopy: a faint or dark section, a band without
 * tissue, a fold, a section that is lost. They happen to normalised tiles, because normalisation over the
 * section does not take them away. Where the network sees only one section, a defect stays half
 * transparent, so that what is asked can still be seen.
 */
import type { Random } from '@kyn/core';
import { addNoiseInPlace } from './appearance.ts';
import type { AugmentOptions } from './augment-options.ts';

/** Grey value of a fold, in standard deviations. */
const FOLD_GREY = -2.5;

/**
 * Damages a `size` × `size` tile in place, if so drawn.
 * @param alone the network sees no other section
 */
export function damageInPlace(
  tile: Float32Array,
  size: number,
  random: Random,
  options: AugmentOptions,
  alone: boolean,
): void {
  const { faint, band, fold } = options;
  const opacity = alone ? 0.5 : 1;
  if (random.chance(faint.probability)) {
    const contrast = random.uniform(alone ? Math.sqrt(faint.minContrast) : faint.minContrast, 1);
    const offset = random.uniform(-faint.offset, faint.offset) * opacity;
    for (let i = 0; i < tile.length; i++) tile[i] = tile[i] * contrast + offset;
    addNoiseInPlace(tile, size, random, { gaussian: random.uniform(0, faint.noise) });
  }
  if (random.chance(band.probability)) {
    const grey = random.uniform(-2, 2);
    const half = random.uniform(band.minWidth, band.maxWidth) / 2;
    stripeInPlace(
      tile,
      size,
      random,
      2,
      grey,
      (distance) => opacity * Math.min(1, Math.max(0, half - distance)),
    );
  }
  if (random.chance(fold.probability)) {
    const half = random.uniform(fold.minWidth, fold.maxWidth) / 2;
    stripeInPlace(
      tile,
      size,
      random,
      8,
      FOLD_GREY,
      (distance) => opacity * Math.exp(-((distance / half) ** 2)),
    );
  }
}

/** What a neighbour is that is missing, if so drawn. */
export type Loss = 'copied' | 'blank' | 'noise';

/** Whether a neighbour is missing, and what the network sees in its place. */
export function drawLoss(random: Random, { missing }: AugmentOptions): Loss | undefined {
  const lost = random.chance(missing.probability);
  const kind = random.uniform(0, 1);
  if (!lost) return undefined;
  return kind < 0.7 ? 'copied' : kind < 0.85 ? 'blank' : 'noise';
}

/** Replaces a tile by what is seen of a missing section. `nearest` is the section asked about next to it. */
export function loseInPlace(tile: Float32Array, random: Random, loss: Loss, nearest: Float32Array): void {
  if (loss === 'copied') tile.set(nearest);
  else if (loss === 'blank') tile.fill(random.uniform(-1, 1));
  else for (let i = 0; i < tile.length; i++) tile[i] = random.normal();
}

/** Mixes `grey` in along a wavering line through the tile, as much as `cover` says at a distance from it. */
function stripeInPlace(
  tile: Float32Array,
  size: number,
  random: Random,
  wobble: number,
  grey: number,
  cover: (distance: number) => number,
): void {
  const angle = random.uniform(0, Math.PI);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const middle = (size - 1) / 2;
  const away = random.uniform(-0.4, 0.4) * size;
  const rate = (2 * Math.PI) / (size * random.uniform(0.3, 1));
  const phase = random.uniform(0, 2 * Math.PI);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i++) {
      const across = cos * (y - middle) + sin * (x - middle) - away;
      if (Math.abs(across) > size / 4) continue;
      const along = cos * (x - middle) - sin * (y - middle);
      const alpha = cover(Math.abs(across + wobble * Math.sin(rate * along + phase)));
      tile[i] += alpha * (grey - tile[i]);
    }
  }
}
