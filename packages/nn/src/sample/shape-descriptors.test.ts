import { Random } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { connectedComponents } from './components.ts';
import { shapeDescriptors } from './shape-descriptors.ts';

/** The definition, pixel by pixel. */
function reference(ids: Int32Array, side: number, margin: number, sigma: number): Float32Array {
  const size = side - 2 * margin;
  const plane = size * size;
  const out = new Float32Array(6 * plane);
  const radius = Math.ceil(3 * sigma);
  let whole = 0;
  for (let d = -radius; d <= radius; d++) whole += Math.exp((-d * d) / (2 * sigma * sigma));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const id = ids[(y + margin) * side + x + margin];
      if (id === 0) continue;
      const sum = { w: 0, y: 0, x: 0, yy: 0, xx: 0, yx: 0 };
      for (let dy = -radius; dy <= radius; dy++) {
        for (let dx = -radius; dx <= radius; dx++) {
          const qy = y + margin + dy;
          const qx = x + margin + dx;
          if (qy < 0 || qx < 0 || qy >= side || qx >= side || ids[qy * side + qx] !== id) continue;
          const w = Math.exp(-(dy * dy + dx * dx) / (2 * sigma * sigma)) / (whole * whole);
          sum.w += w;
          sum.y += w * dy;
          sum.x += w * dx;
          sum.yy += w * dy * dy;
          sum.xx += w * dx * dx;
          sum.yx += w * dy * dx;
        }
      }
      const meanY = sum.y / sum.w;
      const meanX = sum.x / sum.w;
      const yy = sum.yy / sum.w - meanY ** 2;
      const xx = sum.xx / sum.w - meanX ** 2;
      const yx = sum.yx / sum.w - meanY * meanX;
      const spread = Math.sqrt(Math.max(0, yy) * Math.max(0, xx));
      const values = [
        0.5 + meanY / sigma / 2,
        0.5 + meanX / sigma / 2,
        yy / sigma ** 2,
        xx / sigma ** 2,
        0.5 + (spread > 1e-3 ? yx / spread / 2 : 0),
        sum.w,
      ];
      values.forEach((value, c) => {
        out[c * plane + y * size + x] = Math.min(1, Math.max(0, value));
      });
    }
  }
  return out;
}

/** Connected segments of many sizes, some one pixel thin, some background. */
function segments(side: number, seed: number): { ids: Int32Array; count: number } {
  const random = new Random(seed);
  const labels = new Uint32Array(side * side).fill(1);
  for (let n = 2; n < 30; n++) {
    const top = random.int(side);
    const left = random.int(side);
    const height = 1 + random.int(side / 3);
    const width = 1 + random.int(side / 3);
    for (let y = top; y < Math.min(side, top + height); y++) {
      for (let x = left; x < Math.min(side, left + width); x++) labels[y * side + x] = n % 7 === 0 ? 0 : n;
    }
  }
  return connectedComponents({ ids: labels, known: new Uint8Array(labels.length).fill(1), side });
}

describe('shapeDescriptors', () => {
  it.each([
    [40, 0, 2],
    [41, 6, 2],
    [50, 9, 3],
  ])('is the definition, side %i, margin %i, sigma %i', (side, margin, sigma) => {
    const { ids, count } = segments(side, side);
    const fast = shapeDescriptors(ids, count, { side, margin, sigma, step: 1 });
    const slow = reference(ids, side, margin, sigma);
    let worst = 0;
    for (let i = 0; i < slow.length; i++) worst = Math.max(worst, Math.abs(fast[i] - slow[i]));
    expect(worst).toBeLessThan(2e-3);
  });

  it('stays near the definition at every second pixel', () => {
    const side = 75;
    const { ids, count } = segments(side, 5);
    const fast = shapeDescriptors(ids, count, { side, margin: 10, sigma: 6, step: 2 });
    const slow = reference(ids, side, 10, 6);
    const plane = slow.length / 6;
    for (let c = 0; c < 6; c++) {
      let sum = 0;
      for (let i = c * plane; i < (c + 1) * plane; i++) sum += Math.abs(fast[i] - slow[i]);
      expect(sum / plane, `channel ${c}`).toBeLessThan(0.015);
    }
  });

  it('is known for a window full of one segment, and 0 on background', () => {
    const side = 61;
    const full = shapeDescriptors(new Int32Array(side * side).fill(1), 1, { side, margin: 30, sigma: 10 });
    expect(full[0]).toBeCloseTo(0.5, 5);
    expect(full[1]).toBeCloseTo(0.5, 5);
    expect(full[2]).toBeGreaterThan(0.95);
    expect(full[3]).toBeLessThan(1.02);
    expect(full[4]).toBeCloseTo(0.5, 5);
    expect(full[5]).toBeCloseTo(1, 4);
    expect(shapeDescriptors(new Int32Array(100), 0, { side: 10, margin: 0, sigma: 2 })).toEqual(
      new Float32Array(600),
    );
  });
});
