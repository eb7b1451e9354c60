import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ndarray } from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { looksLikeImage, looksLikeLabels } from './looks-like-labels.ts';
import { openLabels, openSections } from './node/index.ts';
import { dataFolder } from './testing/volume.ts';

const side = 96;
const image = (value: (y: number, x: number) => number) =>
  ndarray(
    Uint8Array.from({ length: side * side }, (_, i) => value(Math.floor(i / side), i % side)),
    [side, side],
  );
const noise = (y: number, x: number) => ((y * 7919 + x * 104729) ^ (x * y * 31)) & 63;

describe('looksLikeLabels', () => {
  it('knows labels with background', () => {
    expect(looksLikeLabels(image((y, x) => 1 + (y >> 4) * 6 + (x >> 4)))).toBe(true);
    expect(looksLikeLabels(image((y, x) => (y < 48 ? 0 : 1 + (y >> 4) * 6 + (x >> 4))))).toBe(true);
  });

  it('knows labels that were written as floats, but for fractions', () => {
    const { data, shape } = image((y, x) => 1 + (y >> 4) * 6 + (x >> 4));
    expect(looksLikeLabels(ndarray(Float32Array.from(data), shape))).toBe(true);
    expect(
      looksLikeLabels(
        ndarray(
          Float32Array.from(data, (id) => id / 40),
          shape,
        ),
      ),
    ).toBe(false);
    expect(
      looksLikeLabels(
        ndarray(
          Float32Array.from(data, (_, pixel) => pixel),
          shape,
        ),
      ),
    ).toBe(false);
  });

  it('knows images, masks and padding', () => {
    expect(looksLikeLabels(image((y, x) => 100 + noise(y, x)))).toBe(false);
    expect(looksLikeLabels(image((y, x) => (y < 80 ? 0 : 100 + noise(y, x))))).toBe(false);
    expect(looksLikeLabels(image((y, x) => ((y >> 4) + (x >> 4)) % 2))).toBe(false);
    expect(looksLikeLabels(image(() => 7))).toBe(false);
    expect(looksLikeLabels(ndarray(new Uint8Array(1), [1, 1]))).toBe(false);
  });

  it('knows an image that was read as labels', () => {
    const labels = (value: (y: number, x: number) => number) => {
      const { data, shape } = image(value);
      return ndarray(Uint32Array.from(data), shape);
    };
    expect(looksLikeImage(labels((y, x) => 100 + noise(y, x)))).toBe(true);
    expect(looksLikeImage(labels((y, x) => (y < 48 ? 0 : 100 + noise(y, x))))).toBe(true);
    expect(looksLikeImage(labels((y, x) => 1 + (y >> 2) * 6 + (x >> 2)))).toBe(false);
    expect(looksLikeImage(labels((y, x) => ((y >> 4) + (x >> 4)) % 2))).toBe(false);
    expect(looksLikeImage(labels(() => 0))).toBe(false);
    expect(looksLikeImage(ndarray(new Uint32Array(1), [1, 1]))).toBe(false);
  });

  it.skipIf(!existsSync(join(dataFolder, 'vnc-stack1')))(
    'tells real sections from their labels',
    async () => {
      for (const [folder, labels] of [
        ['raw', false],
        ['labels', true],
        ['membranes', false],
      ] as const) {
        const source = await openSections(join(dataFolder, 'vnc-stack1', folder));
        const read = await openLabels(join(dataFolder, 'vnc-stack1', folder));
        for (const z of [0, 10, 19]) {
          expect(looksLikeLabels(await source.read(z))).toBe(labels);
          expect(looksLikeImage(await read.read(z))).toBe(folder === 'raw');
        }
      }
    },
  );
});
