/** What is decided about real sections before they are segmented; needs the data that KYN_DATA names. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type LabelSource,
  planResample,
  type RawSection,
  renderOver,
  type SectionSource,
  subvolume,
} from '@kyn/core';
import { openLabels, openSections } from '@kyn/io/node';
import { describe, expect, it } from 'vitest';
import { StageTimer, SYSTEM_CLOCK } from '../packages/core/src/pipeline/report.ts';
import { sectionSpectra, visibleShift } from '../packages/core/src/pipeline/section-shift.ts';
import { surveySections } from '../packages/core/src/pipeline/survey.ts';
import { normaliseSection } from '../packages/core/src/predict/normalise.ts';
import { resampleSection } from '../packages/core/src/predict/resample.ts';

const data = process.env.KYN_DATA ?? join(import.meta.dirname, '../../shared/data');
const volumes = [
  ['flyem-medulla/train.h5', 10],
  ['flyem-medulla/val.h5', 10],
  ['gala-medulla/train.h5', 10],
  ['gala-medulla/test.h5', 10],
  ['vnc-stack1/raw', 4.6],
] as const;

/** Sections may lie so far off themselves. */
const OWN_NM = 60;

/** Neurites move so far in eight sections. */
const OBLIQUE_NM = 100;

function inverted(source: SectionSource): SectionSource {
  const read = async (z: number): Promise<RawSection> => {
    const { data, shape, stride } = await source.read(z);
    return { data: Uint8Array.from(data, (grey) => 255 - grey), shape, stride };
  };
  return { ...source, info: source.info, read };
}

/** Sections `from` to `to` (not included) only. */
function part(source: SectionSource, from: number, to: number): SectionSource {
  const [, height, width] = source.info.shape;
  return {
    info: { ...source.info, shape: [to - from, height, width] },
    read: (z) => source.read(from + z),
    close: async () => {},
  };
}

it.skipIf(!existsSync(join(data, 'pinky40-labels')))(
  'cell bodies do not pass for bright membranes',
  async () => {
    const labels = subvolume(await openLabels(join(data, 'pinky40-labels/labels.h5')), {
      bbox: { min: [200, 0, 256], max: [296, 512, 768] },
    }) as LabelSource;
    // half of it is one
    const { raw } = renderOver(labels, { look: 'sstem', seed: 41 });
    const plan = planResample([512, 512], [8, 8], [10, 10]);
    const survey = (of: SectionSource) => surveySections(of, plan, 8, new StageTimer(SYSTEM_CLOCK), {});
    expect((await survey(raw)).membranesAreBright).toBe(false);
    expect((await survey(inverted(raw))).membranesAreBright).toBe(true);
    await labels.close();
  },
);

describe.each(volumes)('%s', (path, pixelNm) => {
  const where = join(data, path);
  const absent = !existsSync(where);

  it.skipIf(absent)('has dark membranes, bright ones when inverted, in whole and in parts', async () => {
    const source = await openSections(where);
    const [depth, height, width] = source.info.shape;
    const plan = planResample([height, width], [pixelNm, pixelNm], [10, 10]);
    const survey = (of: SectionSource) =>
      surveySections(of, plan, pixelNm * plan.factor[0], new StageTimer(SYSTEM_CLOCK), {});
    const parts = [0, 0.35, 0.7].map((at) =>
      part(source, Math.floor(at * depth), Math.floor(at * depth) + 5),
    );
    for (const each of [source, ...parts]) {
      expect((await survey(each)).membranesAreBright).toBe(false);
      expect((await survey(inverted(each))).membranesAreBright).toBe(true);
    }
    await source.close();
  });

  // the smallest pixels, too: of sections that large the middle is looked at by itself
  const sizes = [...new Set([10, pixelNm])];
  it.skipIf(absent).each(sizes)(
    'has sections that lie well on each other, seen at %s nm',
    async (targetNm) => {
      const source = await openSections(where);
      const [depth, height, width] = source.info.shape;
      const [h, w] = [height - 20, width - 20].map((side) => side - (side % 2));
      const plan = planResample([h, w], [pixelNm, pixelNm], [targetNm, targetNm]);
      const pixel = pixelNm * plan.factor[0];
      const shown = async (z: number, shift: number) => {
        const { data, stride } = await source.read(z);
        const cut = data.subarray(shift * (stride[0] + stride[1]));
        const { image } = normaliseSection(resampleSection({ data: cut, shape: [h, w], stride }, plan));
        return { image, spectra: sectionSpectra(image) };
      };
      let seen = 0;
      let looked = 0;
      for (let z = 0; z + 1 < depth; z += 3) {
        const [lower, upper, moved] = await Promise.all([shown(z, 0), shown(z + 1, 0), shown(z + 1, 20)]);
        expect(visibleShift(lower, upper, [pixel, pixel])).toBeUndefined();
        const found = visibleShift(lower, moved, [pixel, pixel]);
        const off = found?.map((px) => px * pixel + 20 * pixelNm);
        if (off && Math.hypot(...off) < OWN_NM) seen++;
        looked++;
      }
      // 20 voxels diagonally are 280 nm at 10 nm, 130 nm at 4.6 nm
      expect(seen / looked).toBeGreaterThan(0.9);
      await source.close();
    },
  );

  it.skipIf(absent)(
    'has no section that seems to lie elsewhere than one far away, but for what runs obliquely',
    async () => {
      const source = await openSections(where);
      const [depth, height, width] = source.info.shape;
      const plan = planResample([height, width], [pixelNm, pixelNm], [10, 10]);
      const shown = async (z: number) => {
        const { image } = normaliseSection(resampleSection(await source.read(z), plan));
        return { image, spectra: sectionSpectra(image) };
      };
      const pixel = pixelNm * plan.factor[0];
      for (let z = 0; z + 8 < depth; z += 4) {
        const [y, x] = visibleShift(await shown(z), await shown(z + 8), [pixel, pixel]) ?? [0, 0];
        expect(pixel * Math.hypot(y, x)).toBeLessThan(OBLIQUE_NM);
      }
      await source.close();
    },
  );
});
