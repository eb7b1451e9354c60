/**
 * Phantoms have the figures of real tissue. The real figures were recorded by the command in
 * `fixtures/profile-statistics.json`; where the data is here, they are computed again.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLabels } from '@kyn/io/node';
import { describe, expect, it } from 'vitest';
import { ndarray } from '../volume/array.ts';
import type { LabelSource } from '../volume/contracts.ts';
import { subvolume } from '../volume/subvolume.ts';
import recorded from './fixtures/profile-statistics.json' with { type: 'json' };
import { createPhantom } from './phantom.ts';
import { type ProfileStatistics, profileStatistics } from './profile-statistics.ts';

const root = join(fileURLToPath(import.meta.url), '../../../../..');
const data = process.env.KYN_DATA ?? join(root, '../shared/data');
const labelFile = join(data, 'pinky40-labels/labels.h5');
const cortex: ProfileStatistics = recorded.figures['cortex 40×8×8'];

const within = (share: number, value: number, of: number) => {
  expect(value).toBeGreaterThan((1 - share) * of);
  expect(value).toBeLessThan((1 + share) * of);
};

describe('profileStatistics', () => {
  it('counts by hand', async () => {
    const sections = [
      [1, 1, 2, 2, 1, 0],
      [1, 1, 1, 2, 2, 0],
    ];
    const source: LabelSource = {
      info: { shape: [2, 1, 6], voxelSizeNm: undefined, dtype: '', format: '', location: '', notes: [] },
      read: async (z) => ndarray(Uint32Array.from(sections[z]), [1, 6]),
      close: async () => {},
    };
    const { all, specks } = await profileStatistics(source);
    expect(all.profiles).toBe(3); // 1, 2 and 1 again
    expect(all.area.median).toBe(2);
    // 1: 2 of 3 pixels; 2: 1 of 3 pixels.
    expect(all.overlap.median).toBeCloseTo((2 / 3 + 1 / 3) / 2, 10);
    expect(specks).toBe(1);
  });
});

describe.each([1, 6])('a cortex phantom at 8×8×40 nm, seed %i', (seed) => {
  const { labels } = createPhantom({ shape: [12, 512, 512], voxelSizeNm: [40, 8, 8], seed });
  const measured = profileStatistics(labels);

  it('has profiles and overlaps of the size of real ones, within a fifth', async () => {
    const phantom = await measured;
    for (const kind of ['all', 'traced'] as const) {
      within(0.2, phantom[kind].area.median, cortex[kind].area.median);
      within(0.2, phantom[kind].overlap.median, cortex[kind].overlap.median);
    }
  });

  it('has them spread as widely', async () => {
    const { traced, profilesPerNeuron, elongated } = await measured;
    for (const quartile of ['q25', 'q75'] as const) {
      within(0.35, traced.area[quartile], cortex.traced.area[quartile]);
      within(0.25, traced.overlap[quartile], cortex.traced.overlap[quartile]);
    }
    within(0.3, profilesPerNeuron, cortex.profilesPerNeuron);
    within(0.5, elongated, cortex.elongated);
  });
});

it.each([
  [10, 'medulla 10×10×10'],
  [40, 'medulla 40×10×10'],
] as const)('a fly phantom with %i nm sections is like the medulla', async (thickness, name) => {
  const real: ProfileStatistics = recorded.figures[name];
  const shape = [thickness === 10 ? 16 : 8, 384, 384] as const;
  const { labels } = createPhantom({ shape, voxelSizeNm: [thickness, 10, 10], seed: 3, geometry: 'fly' });
  const { traced } = await profileStatistics(labels);
  within(0.3, traced.area.median, real.traced.area.median);
  within(0.2, traced.overlap.median, real.traced.overlap.median);
});

it.skipIf(!existsSync(labelFile))('the recorded figures of cortex are those of the data', async () => {
  const whole = await openLabels(`${labelFile}:/volumes/labels/neuron_ids`);
  const part = subvolume(whole, { bbox: { min: [0, 768, 0], max: [400, 1024, 768] } });
  // A sixteenth of the sections that were recorded: near, not equal.
  const now = await profileStatistics(part, [8, 88, 168, 248, 328, 388]);
  await whole.close();
  within(0.15, now.traced.area.median, cortex.traced.area.median);
  within(0.15, now.traced.overlap.median, cortex.traced.overlap.median);
});
