import { ndarray, normaliseSection } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { normalisingTable, sectionHistogram } from './normalise.ts';
import { cellVolume } from './testing/cells.ts';
import { sectionView } from './volume.ts';

describe('normalisation of samples', () => {
  it.each(['plain', 'filled', 'narrow'])('is the one of inference: %s section', (kind) => {
    const { raw } = cellVolume([2, 60, 70], 20);
    const data = raw.data.map((value) => (kind === 'narrow' ? 100 + (value >> 4) : value));
    // Fill that alignment left at the border.
    if (kind === 'filled') for (let y = 0; y < 120; y++) data.fill(0, y * 70, y * 70 + 15);
    const view = sectionView(ndarray(data, [2, 60, 70]), { stack: 0, row: 1, column: 2 }, 1);
    const table = normalisingTable(sectionHistogram(view));
    const { image, tissue } = normaliseSection(ndarray(data.slice(4200), [60, 70]));
    let worst = 0;
    for (let i = 0; i < image.data.length; i++) {
      if (tissue && tissue[i] === 0) continue;
      worst = Math.max(worst, Math.abs(image.data[i] - table[data[4200 + i]]));
    }
    expect(tissue !== undefined).toBe(kind === 'filled');
    expect(worst).toBeLessThan(1e-4);
  });

  it('keeps zero mean and unit spread under a grey curve, and makes a constant section 0', () => {
    const { raw } = cellVolume([1, 50, 50], 9);
    const view = sectionView(raw, { stack: 0, row: 1, column: 2 }, 0);
    const table = normalisingTable(sectionHistogram(view), (t) => t ** 3);
    let sum = 0;
    let square = 0;
    for (const value of raw.data) {
      sum += table[value];
      square += table[value] ** 2;
    }
    expect(sum / raw.data.length).toBeCloseTo(0, 4);
    expect(square / raw.data.length).toBeCloseTo(1, 4);
    const flat = new Uint32Array(256);
    flat[90] = 5;
    expect(normalisingTable(flat)[90]).toBe(0);
  });
});
