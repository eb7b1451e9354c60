import { describe, expect, it } from 'vitest';
import { makeBatch } from './batch.ts';
import { sampleSheet } from './sheet.ts';
import { cellVolume, plainSpec } from './testing/cells.ts';

describe('sampleSheet', () => {
  const batch = makeBatch([cellVolume([2, 40, 20], 9)], plainSpec({ sections: 2 }), 1, 0);

  it.each([1, 3])('shows every tile, every %i pixels', (shrink) => {
    const { data, width, height } = sampleSheet(batch, shrink);
    const tile = Math.ceil(32 / shrink);
    expect([width, height]).toEqual([6 * (tile + 4) + 4, 2 * (tile + 4) + 4]);
    expect(data.length).toBe(4 * width * height);
  });

  it('tints red what is masked and nothing else', () => {
    const { data, width } = sampleSheet(batch);
    for (let pixel = 0; pixel < 32 * 32; pixel++) {
      const at = 4 * ((4 + Math.floor(pixel / 32)) * width + 4 + 2 * 36 + (pixel % 32));
      const red = data[at] > data[at + 1];
      expect(red).toBe(batch.weight[pixel] === 0);
      if (!red) expect(data[at]).toBe(255 * batch.target[pixel]);
    }
  });
});
