import { describe, expect, it } from 'vitest';
import { AUGMENT_DEFAULTS, AUGMENT_NONE } from './augment-options.ts';
import { makeBatch } from './batch.ts';
import { cellVolume, plainSpec } from './testing/cells.ts';

const volume = cellVolume([12, 80, 80], 40);
const displaced = [
  [0, 4],
  [-4, 0],
] as const;

describe('affinities with neighbouring sections', () => {
  it('ask about the sections before and after in place, then about the one after a way off', () => {
    const batch = makeBatch([volume], plainSpec({ sections: 3, batch: 4, displaced }), 3, 0);
    const { cross, channels } = batch.layout;
    expect(cross[1] - cross[0]).toBe(4);
    const asked = [
      { from: 0, to: 1, dy: 0, dx: 0 },
      { from: 1, to: 2, dy: 0, dx: 0 },
      ...displaced.map(([dy, dx]) => ({ from: 1, to: 2, dy, dx })),
    ];
    let known = 0;
    for (let n = 0; n < 4; n++) {
      const { section, centre } = batch.origins[n];
      const [top, left] = centre.map((middle) => Math.round(middle - 15.5));
      const id = (z: number, y: number, x: number) => volume.labels.data[((section + z) * 80 + y) * 80 + x];
      asked.forEach(({ from, to, dy, dx }, i) => {
        for (let p = 0; p < 32 * 32; p++) {
          const at = (n * channels + cross[0] + i) * 32 * 32 + p;
          if (batch.weight[at] === 0) continue;
          known++;
          const [y, x] = [top + Math.floor(p / 32), left + (p % 32)];
          expect(batch.target[at]).toBe(id(from, y, x) === id(to, y + dy, x + dx) ? 1 : 0);
        }
      });
    }
    expect(known).toBeGreaterThan(4 * 4 * 32 * 32 * 0.7);
  });

  it('are asked about the nearest sections only, however many are seen', () => {
    const batch = makeBatch([volume], plainSpec({ sections: 5, batch: 4, displaced }), 3, 0);
    const { cross, channels } = batch.layout;
    expect(batch.inputShape[1]).toBe(5);
    expect(cross[1] - cross[0]).toBe(4);
    for (let n = 0; n < 4; n++) {
      const { section, centre } = batch.origins[n];
      const [top, left] = centre.map((middle) => Math.round(middle - 15.5));
      const id = (z: number, p: number) =>
        volume.labels.data[((section + z) * 80 + top + Math.floor(p / 32)) * 80 + left + (p % 32)];
      for (const i of [0, 1]) {
        for (let p = 0; p < 32 * 32; p++) {
          const at = (n * channels + cross[0] + i) * 32 * 32 + p;
          if (batch.weight[at] > 0) expect(batch.target[at]).toBe(id(1 + i, p) === id(2 + i, p) ? 1 : 0);
        }
      }
    }
  });

  it('are not asked about sections that are lost', () => {
    const augment = { ...AUGMENT_NONE, missing: { probability: 1 } };
    const batch = makeBatch([volume], plainSpec({ sections: 3, batch: 2, displaced, augment }), 3, 0);
    const { cross, channels, plane } = batch.layout;
    const sum = (n: number, channel: number) =>
      batch.weight
        .subarray((n * channels + channel) * 1024, (n * channels + channel + 1) * 1024)
        .reduce((a, b) => a + b, 0);
    for (let n = 0; n < 2; n++) {
      expect(sum(n, plane[0])).toBeGreaterThan(0);
      for (let c = cross[0]; c < cross[1]; c++) expect(sum(n, c)).toBe(0);
    }
  });

  it('meet the same patches again, in other looks, where they are few', () => {
    const spec = plainSpec({ sections: 3, patches: 6, augment: AUGMENT_DEFAULTS });
    const places = new Set<string>();
    const inputs = new Set<number>();
    for (let step = 0; step < 8; step++) {
      const batch = makeBatch([volume], spec, 5, step);
      for (const { section, axis } of batch.origins) places.add(`${axis} ${section}`);
      inputs.add(batch.input[0]);
    }
    expect(places.size).toBeLessThanOrEqual(6);
    expect(inputs.size).toBe(8);
  });

  it('are refused where there is no next section', () => {
    expect(() => makeBatch([volume], plainSpec({ sections: 1, displaced }), 1, 0)).toThrow(/next one/);
  });
});
