/**
 * Pictures of the errors that cost most: a row an error, four sections each, where its two largest parts come nearest.
 * What the segment (of a merge) or the neuron (of a split) covers is coloured by the parts that it should not have:
 * orange and blue the two largest, green the others. Merges first.
 *
 *     node bench/run.mjs bench/error-pictures.ts RESULT VOLUME.h5[@Z_STEP] --out FILE.png [--count 3]
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  ContingencyTable,
  type CostlyError,
  costliestErrors,
  type LabelSection,
  type SectionSource,
} from '@kyn/core';
import { encodePng, openLabels } from '@kyn/io/node';
import { openVolume } from './volume-spec.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: 'errors.png' }, count: { type: 'string', default: '3' } },
});
const [result, spec] = positionals;
const { source: raw, truth } = await openVolume(spec);
const segmentation = await openLabels(join(result, 'segmentation.zarr'));

interface Plane {
  readonly grey: Awaited<ReturnType<SectionSource['read']>>;
  readonly found: LabelSection;
  readonly true: LabelSection;
}

const planes: Plane[] = [];
const table = new ContingencyTable();
for (let z = 0; z < truth.info.shape[0]; z++) {
  planes.push({ grey: await raw.read(z), found: await segmentation.read(z), true: await truth.read(z) });
  table.add(planes[z].found, planes[z].true);
}
const { merges, splits } = costliestErrors(table, Number(values.count));
const errors = [
  ...merges.map((error) => ({ error, whole: 'found', parts: 'true' }) as const),
  ...splits.map((error) => ({ error, whole: 'true', parts: 'found' }) as const),
];

const COLUMNS = 4;
const GAP = 4;
const COLOURS = [
  [255, 140, 0],
  [60, 130, 255],
  [0, 200, 90],
] as const;

/** Sections around those in which both of the largest parts are present, or come nearest. */
function sectionsOf(error: CostlyError, whole: 'found' | 'true', parts: 'found' | 'true'): number[] {
  const [first, second] = error.parts.map(({ id }) => id);
  const areas = planes.map((plane) => {
    const count = [0, 0];
    const { data } = plane[whole];
    for (let p = 0; p < data.length; p++) {
      if (data[p] !== error.id) continue;
      const part = plane[parts].data[p];
      if (part === first) count[0]++;
      else if (part === second) count[1]++;
    }
    return count;
  });
  const reach = (z: number, part: 0 | 1) =>
    Math.min(
      ...areas.map((count, other) => (count[part] > 0 ? Math.abs(other - z) : Number.POSITIVE_INFINITY)),
    );
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  areas.forEach((_, z) => {
    const apart = reach(z, 0) + reach(z, 1) - 1e-6 * Math.min(...areas[z]);
    if (apart < least) [best, least] = [z, apart];
  });
  const start = Math.min(Math.max(0, best - 1), Math.max(0, planes.length - COLUMNS));
  return Array.from({ length: Math.min(COLUMNS, planes.length) }, (_, i) => start + i);
}

const [height, width] = planes[0].grey.shape;
const canvas = {
  width: COLUMNS * (width + GAP) + GAP,
  height: errors.length * (height + GAP) + GAP,
};
const rgb = new Uint8Array(3 * canvas.width * canvas.height).fill(255);
errors.forEach(({ error, whole, parts }, row) => {
  const shown = sectionsOf(error, whole, parts);
  const title = whole === 'found' ? 'segment' : 'neuron';
  const list = error.parts.map(({ id, voxels }) => `${id} (${voxels})`).join(', ');
  console.log(
    `row ${row + 1}: ${title} ${error.id}, ${error.bits.toFixed(3)} bits, sections ${shown[0]} on: ${list}`,
  );
  shown.forEach((z, column) => {
    const plane = planes[z];
    for (let p = 0; p < height * width; p++) {
      const [y, x] = [Math.floor(p / width), p % width];
      const at = 3 * ((GAP + row * (height + GAP) + y) * canvas.width + GAP + column * (width + GAP) + x);
      const grey = Number(plane.grey.data[p]);
      const inside = plane[whole].data[p] === error.id;
      const part = error.parts.findIndex(({ id }) => id === plane[parts].data[p]);
      const colour = COLOURS[part < 0 ? 2 : Math.min(2, part)];
      for (let c = 0; c < 3; c++) rgb[at + c] = inside ? 0.6 * grey + 0.4 * colour[c] : grey;
    }
  });
});
writeFileSync(values.out, encodePng({ ...canvas, channels: 3, data: rgb }));
await Promise.all([raw.close(), truth.close(), segmentation.close()]);
