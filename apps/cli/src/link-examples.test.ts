import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { placesOf } from './link-examples.ts';
import type { RecipeVolume } from './recipe.ts';

type Corner = readonly [number, number, number];
const box = (min: Corner, max: Corner, labels = 'labels.h5'): RecipeVolume => ({
  labels,
  bbox: { min, max },
});
const phantom = (seed: number, look: 'sstem' | 'varied', geometry: 'cortex' | 'fly'): RecipeVolume => ({
  phantom: { seed, look, geometry },
});

describe('places of volumes', () => {
  it('are one where boxes of a file overlap, also by way of a third one', () => {
    const volumes = [
      box([0, 0, 0], [20, 100, 100]),
      box([20, 0, 0], [40, 100, 100]), // touches the first
      box([60, 0, 0], [80, 100, 100]),
      box([35, 50, 50], [65, 150, 150]), // meets the second and the third
      box([0, 0, 0], [20, 100, 100], 'others.h5'),
      { source: 'labels.h5' }, // all of it
    ];
    expect(placesOf(volumes.slice(0, 3), 'data')).toEqual([0, 1, 2]);
    expect(placesOf(volumes.slice(0, 5), 'data')).toEqual([0, 1, 1, 1, 4]);
    expect(placesOf(volumes, 'data')).toEqual([0, 0, 0, 0, 4, 0]);
  });

  it('are one for a file however it is named, and whichever of raw and labels is shared', () => {
    const volumes = [
      { source: 'a.h5', bbox: { min: [0, 0, 0], max: [20, 100, 100] } },
      {
        source: resolve('data/a.h5:/volumes/raw'),
        labels: 'b.h5',
        bbox: { min: [10, 0, 0], max: [30, 9, 9] },
      },
      { source: 'c.h5', labels: 'b.h5' },
      { source: 'd.h5' },
    ] as const;
    expect(placesOf(volumes, 'data')).toEqual([0, 0, 0, 3]);
  });

  it('are one for a phantom however it is drawn or cut, not for other seeds and kinds of tissue', () => {
    const volumes = [
      phantom(1, 'sstem', 'cortex'),
      { ...phantom(1, 'varied', 'cortex'), zStep: 2 },
      phantom(2, 'sstem', 'cortex'),
      phantom(1, 'sstem', 'fly'),
      { source: 'train.h5' },
      { phantom: { seed: 1, look: 'fibsem' } }, // cortex, as by default
    ] as const;
    expect(placesOf(volumes, 'data')).toEqual([0, 0, 2, 3, 4, 0]);
  });
});
