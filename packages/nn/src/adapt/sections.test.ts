import {
  type NetworkView,
  ndarray,
  networkView,
  planResample,
  type SectionSource,
  type Vec3,
} from '@kyn/core';
import { describe, expect, it } from 'vitest';
import { heldBackRegion } from './held-back.ts';
import { type PaintedSection, UNPAINTED } from './painting.ts';
import { type SeenSection, seePainted, shrinkProfiles, trainingVolume } from './sections.ts';

function painted(z: number, rows: readonly (readonly number[])[]): PaintedSection {
  const data = Uint32Array.from(rows.flat());
  const pixels = data.filter((id) => id !== UNPAINTED).length;
  return {
    z,
    name: `p${z}`,
    profiles: ndarray(data, [rows.length, rows[0].length]),
    count: 1,
    cells: undefined,
    pixels,
  };
}

/** Sections of noise whose mean is their number; the one numbered `blank` is constant. */
function noiseStack(shape: Vec3, positions?: readonly number[], blank?: number): SectionSource {
  const info = { dtype: 'uint8', format: 'memory', location: 'memory', notes: [] };
  return {
    info: { ...info, shape, voxelSizeNm: [40, 10, 10], sectionPositions: positions },
    read: async (z) => {
      const grey = (_: unknown, p: number): number => (z === blank ? 7 : (p * 37 + z * 11) % 200);
      return ndarray(Uint8Array.from({ length: shape[1] * shape[2] }, grey), shape.slice(1));
    },
    close: async () => {},
  };
}

const view = (source: SectionSource): Promise<NetworkView> =>
  networkView(source, { network: { voxelSizeNm: [40, 10, 10] } });

describe('painted sections as the network sees them', () => {
  const rows = Array.from({ length: 24 }, () => new Array<number>(24).fill(1));

  it('come with their neighbours, or themselves where there is none', async () => {
    const source = noiseStack([6, 24, 24], [0, 1, 2, 3, 6, 7], 3);
    const sections = await seePainted(
      await view(source),
      [painted(5, rows), painted(0, rows), painted(2, rows)],
      1,
    );
    expect(sections.map((section) => section.painted.z)).toEqual([0, 2, 5]);
    const same = sections.map(({ seen }) => seen.map((image) => image === seen[1]));
    // 0 begins the stack; 3 is blank; 5 ends it
    expect(same).toEqual([
      [true, true, false],
      [false, true, true],
      [false, true, true],
    ]);
    const [alone] = await seePainted(await view(source), [painted(4, rows)], 1);
    expect(alone.seen[0]).toBe(alone.seen[1]); // a gap below
    expect(alone.seen[2]).not.toBe(alone.seen[1]);
  });

  it('come with those beyond an empty one, as in use', async () => {
    const source = noiseStack([9, 24, 24], undefined, 5);
    const seen = await seePainted(await view(source), [painted(0, rows), painted(6, rows)], 2);
    const alone = await seePainted(
      await view(source),
      [0, 1, 2, 3, 4, 6, 7, 8].map((z) => painted(z, rows)),
      0,
    );
    const image = new Map(alone.map((section) => [section.painted.z, section.seen[0].data]));
    expect(seen[1].seen.map(({ data }) => data)).toEqual([3, 4, 6, 7, 8].map((z) => image.get(z)));
    expect(seen[0].seen.map(({ data }) => data)).toEqual([0, 0, 0, 1, 2].map((z) => image.get(z)));
  });

  it('are left out where they are blank', async () => {
    expect(
      await seePainted(await view(noiseStack([3, 24, 24], undefined, 1)), [painted(1, rows)], 0),
    ).toEqual([]);
  });
});

describe('painted profiles in the pixels of the network', () => {
  const U = UNPAINTED;

  it('keep membranes that fill half a pixel, and leave out what is partly unpainted', () => {
    const plan = planResample([4, 6], [5, 5], [10, 10]);
    // biome-ignore format: as it lies in the section
    const profiles = Uint32Array.from([
      1, 0, 2, 2, 3, U,
      1, 0, 2, 2, 3, 3,
      4, 4, 0, 5, 3, 3,
      4, 4, 4, 4, 3, 3,
    ]);
    expect([...shrinkProfiles(profiles, plan)]).toEqual([0, 2, U, 4, 4, 3]);
  });

  it('are copied where sizes agree, and repeated where sections are enlarged', () => {
    const same = planResample([2, 2], [10, 10], [10, 10]);
    expect([...shrinkProfiles(Uint32Array.of(1, 0, U, 2), same)]).toEqual([1, 0, U, 2]);
    const larger = planResample([1, 2], [20, 20], [10, 10]);
    expect([...shrinkProfiles(Uint32Array.of(1, 2), larger)]).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });

  it('make a volume to train on that knows the painted section only, without what is held back', () => {
    const image = (grey: number) => ndarray(new Float32Array(8).fill(grey), [2, 4]);
    const section: SeenSection = {
      painted: painted(1, [
        [1, 1, 0, 2],
        [1, 1, 0, U],
      ]),
      seen: [image(-1), image(0), image(1)],
      tissue: Uint8Array.of(0, 1, 1, 1, 1, 1, 1, 1),
    };
    const plan = planResample([2, 4], [10, 10], [10, 10]);
    const region = { min: [0, 3], max: [2, 4] } as const;
    const { raw, labels, maskAt, boundaryLabel } = trainingVolume(section, plan, [40, 10, 10], region);
    expect(maskAt).toBe(U);
    expect(boundaryLabel).toBe(0);
    expect(raw.shape).toEqual([3, 2, 4]);
    expect([raw.data[0], raw.data[8], raw.data[16]]).toEqual([96, 128, 159]);
    const outer = new Array<number>(8).fill(U);
    expect([...labels.data]).toEqual([...outer, U, 1, 0, U, 1, 1, 0, U, ...outer]);
  });
});

describe('the part that is held back', () => {
  const U = UNPAINTED;
  const wide = painted(0, [
    [U, 1, 1, 1, 1, 1, 1, 1, 1, U],
    [U, 1, 1, 1, 1, 1, 1, 1, 1, U],
  ]);

  it('is a strip at one end of what is painted, with its share of the pixels', () => {
    expect(heldBackRegion(wide, 0.25, true)).toEqual({ min: [0, 7], max: [2, 9] });
    expect(heldBackRegion(wide, 0.25, false)).toEqual({ min: [0, 1], max: [2, 3] });
  });

  it('lies across the longer side', () => {
    const tall = painted(0, [[U], [1], [1], [1], [0], [U]]);
    expect(heldBackRegion(tall, 0.5, true)).toEqual({ min: [3, 0], max: [5, 1] });
  });
});
