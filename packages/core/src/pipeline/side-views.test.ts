import { describe, expect, it } from 'vitest';
import { runPipeline } from '../pipeline.ts';
import { PREDICT_DEFAULTS } from '../predict/predict-section.ts';
import { type NdArray, ndarray, type Vec3 } from '../volume/array.ts';
import type { Offset2, Predictor, Progress, RawSection } from '../volume/contracts.ts';
import { Random } from '../volume/random.ts';
import { createMemoryStore } from './memory-store.ts';
import { mixAcross, mixInPlane, seesFromTheSide, sidePredictor } from './side-views.ts';
import { PIPELINE_DEFAULTS } from './start.ts';
import { cellStack, sourceOf } from './testing/cells.ts';
import { crudePredictor } from './testing/crude-predictor.ts';

const offsets: readonly Offset2[] = [
  [-1, 0],
  [0, -1],
  [-3, 0],
  [0, -3],
];
const cross = { displacements: [], stride: 2 };

/** Says 1 where two pixels of the plane in the middle are alike, and 0 where not or where one is beyond it. */
function likenessPredictor(): Predictor {
  const info = { ...crudePredictor({ offsets, contextSections: 1, tileMultiple: 4 }).info, cross };
  return {
    info,
    async predict({ data, shape: [, depth, height, width] }) {
      await Promise.resolve();
      const middle = data.subarray((depth >> 1) * height * width);
      const out = new Float32Array(offsets.length * height * width);
      offsets.forEach(([dy, dx], c) => {
        for (let y = -dy; y < height; y++) {
          for (let x = -dx; x < width; x++) {
            const alike = middle[y * width + x] === middle[(y + dy) * width + x + dx];
            out[(c * height + y) * width + x] = Number(alike);
          }
        }
      });
      const seen = ndarray(new Float32Array((2 * height * width) / 4).fill(0.5), [
        1,
        2,
        height / 2,
        width / 2,
      ]);
      return { affinities: ndarray(out, [1, offsets.length, height, width]), cross: seen };
    },
    async close() {},
  };
}

/** Cells of two grey values. */
function stack([depth, height, width]: Vec3): NdArray<Float32Array>[] {
  const random = new Random(3);
  return Array.from({ length: depth }, () =>
    ndarray(
      Float32Array.from({ length: height * width }, () => Number(random.uniform(0, 1) < 0.5)),
      [height, width],
    ),
  );
}

describe('sidePredictor', () => {
  it.each([
    [36, 10, 14],
    [300, 9, 70],
  ])('tells of %i sections of %i×%i what a view of all of them would', async (depth, height, width) => {
    const sections = stack([depth, height, width]);
    const network = sidePredictor(likenessPredictor(), [depth, height, width], PREDICT_DEFAULTS);
    expect(network.start.length > 1).toBe(depth === 300);
    let told = 0;
    for (const [slab, start] of network.start.entries()) {
      const images = sections.slice(start, start + network.side);
      const kept = images.map((_, k) => start + k).filter((z) => network.slabOf(z) === slab);
      const answers = await network.predict(slab, images);
      for (const [i, z] of kept.entries()) {
        expect(z).toBe(told++);
        const { affinities, before } = answers[i];
        const at = (y: number, x: number, zz = z) => sections[zz].data[y * width + x];
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const p = y * width + x;
            offsets.forEach(([dy, dx], c) => {
              const inside = y + dy >= 0 && x + dx >= 0;
              const alike = inside && at(y, x) === at(y + dy, x + dx);
              if (affinities[c * height * width + p] !== (alike ? 255 : 0))
                throw new Error(`${z} ${y} ${x} ${c}`);
            });
            const goesOn = z > 0 && at(y, x) === at(y, x, z - 1);
            if (before[p] !== (goesOn ? 254 : 0)) throw new Error(`${z} ${y} ${x}`);
          }
        }
      }
    }
    expect(told).toBe(depth);
  });
});

describe('seesFromTheSide', () => {
  const { info } = likenessPredictor();

  it('wants cubes, a network that links, offsets along both axes, and some depth', () => {
    expect(seesFromTheSide(info, [40, 50, 60], [10, 10, 10])).toBe(true);
    expect(seesFromTheSide(info, [40, 50, 60], [12, 10, 10])).toBe(true);
    expect(seesFromTheSide(info, [40, 50, 60], [40, 10, 10])).toBe(false);
    expect(seesFromTheSide(info, [3, 50, 60], [10, 10, 10])).toBe(false);
    expect(seesFromTheSide(info, [40, 1000, 1000], [10, 10, 10])).toBe(true);
    expect(seesFromTheSide(info, [400, 5000, 5000], [10, 10, 10])).toBe('too large');
    expect(seesFromTheSide({ ...info, cross: undefined }, [40, 50, 60], [10, 10, 10])).toBe(false);
    expect(seesFromTheSide({ ...info, offsets: offsets.slice(0, 3) }, [40, 50, 60], [10, 10, 10])).toBe(
      false,
    );
    expect(seesFromTheSide({ ...info, offsets: [[-1, 0]] }, [40, 50, 60], [10, 10, 10])).toBe(false);
    expect(seesFromTheSide({ ...info, offsets: [...offsets, [-3, 3]] }, [40, 50, 60], [10, 10, 10])).toBe(
      false,
    );
  });
});

describe('mixing', () => {
  const before = Uint8Array.from([254, 254, 0, 254, 254, 254, 0, 0, 51]);
  const side = { affinities: Uint8Array.from([255, 0, 51, 102, 0, 0]), before };

  it('averages what is said within a section, whatever its stride', () => {
    const plane = {
      data: Float32Array.from([1, 9, 0, 9, 1, 9, 0, 9, 0, 9, 1, 9]),
      shape: [1, 2, 3],
      stride: [12, 6, 2],
    };
    mixInPlane(plane, side);
    const expected = [1, 0, 0.6, 0.2, 0, 0.5];
    expected.forEach((value, i) => {
      expect(plane.data[2 * i]).toBeCloseTo(value, 6);
      expect(plane.data[2 * i + 1]).toBe(9);
    });
  });

  it('weighs what is said across, block by block, those at the edge by the pixels that they have', () => {
    const values = ndarray(new Float32Array(8).fill(0.5), [2, 2, 2]);
    mixAcross(
      {
        values,
        stride: 2,
        displacements: [
          [0, 0],
          [0, 8],
        ],
      },
      side,
      [3, 3],
    );
    const means = [1, 0.5, 0, 51 / 254];
    expect(Array.from(values.data.subarray(4))).toEqual([0.5, 0.5, 0.5, 0.5]);
    means.forEach((mean, i) => {
      expect(values.data[i]).toBeCloseTo(0.5 / 3 + (2 * mean) / 3, 6);
    });
  });
});

describe('runPipeline on cubic voxels', () => {
  const seeing = () => crudePredictor({ offsets, contextSections: 1, voxelSizeNm: [40, 10, 10] }, true);
  const segmented = async (
    sections: readonly RawSection[],
    sideViews: boolean,
    done = 0,
    from = createMemoryStore(),
  ) => {
    const store = createMemoryStore({
      fragments: from.fragments.slice(0, done),
      records: from.records.slice(0, done),
    });
    const options = { ...PIPELINE_DEFAULTS, predict: { flips: false, sideViews } };
    const source = sourceOf(sections, [10, 10, 10]);
    const stages = new Set<string>();
    const onProgress = ({ stage, done: now, total }: Progress) => {
      expect(now).toBeLessThanOrEqual(total);
      stages.add(stage);
    };
    const report = await runPipeline({ source, predictor: seeing() }, store, options, { onProgress });
    return { store, report, stages };
  };
  const labels = ({ fragments, assignment }: ReturnType<typeof createMemoryStore>) =>
    JSON.stringify([fragments.map(({ data }) => Array.from(data)), Array.from(assignment ?? [])]);
  const cells = (depth: number, side: number) =>
    cellStack({ shape: [depth, side, side + 2], voxelSizeNm: [10, 10, 10], cells: 5 }).sections;

  it('looks from the side, says so, and goes on where it stopped', async () => {
    const sections = cells(34, 30);
    const [with3, without] = [await segmented(sections, true), await segmented(sections, false)];
    expect(with3.report.sideViews).toBe(true);
    expect(with3.report.notes.join()).toMatch(/cubes/);
    expect(with3.stages).toContain('side views');
    expect(without.report.sideViews).toBe(false);
    expect(without.report.notes.join()).not.toMatch(/cubes/);
    expect(without.stages).not.toContain('side views');
    expect(labels(with3.store)).not.toBe(labels(without.store));
    for (const done of [1, 17, 33]) {
      const again = await segmented(sections, true, done, with3.store);
      expect(labels(again.store) === labels(with3.store)).toBe(true);
    }
  });

  it('goes on in a later slab that begins with a blank section', async () => {
    const sections = cells(136, 16).slice();
    const [, second] = sidePredictor(seeing(), [136, 16, 18], PREDICT_DEFAULTS).start;
    expect(second).toBeGreaterThan(0);
    sections[second] = ndarray(new Uint8Array(16 * 18), [16, 18]);
    const whole = await segmented(sections, true);
    for (const done of [second, 80, 135]) {
      const again = await segmented(sections, true, done, whole.store);
      expect(labels(again.store) === labels(whole.store)).toBe(true);
    }
  });

  it('looks at shifted sections from the front alone, and says so after a stop as well', async () => {
    const [side, shift] = [128, 14];
    const { sections } = cellStack({ shape: [34, side, side + shift], voxelSizeNm: [10, 10, 10], cells: 40 });
    const cropped = sections.map(({ data }, z) => {
      const from = z < 20 ? 0 : shift;
      const rows = Array.from({ length: side }, (_, y) => {
        const start = y * (side + shift) + from;
        return Array.from(data.subarray(start, start + side));
      });
      return ndarray(Uint8Array.from(rows.flat()), [side, side]);
    });
    const whole = await segmented(cropped, true);
    expect(whole.report.notes).toContain(
      'sections 0–33 seen from the front alone: a section there is shifted or displaced in parts',
    );
    const resumed = await segmented(cropped, true, 34, whole.store);
    expect(resumed.report.notes).toEqual(whole.report.notes);
  });
});
