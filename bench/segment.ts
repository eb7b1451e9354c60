/**
 * Fragments from real affinities, over the options of `segment`: mean per-slice VOI and ARAND, and CPU time per
 * megapixel on a mosaic of 16 sections.
 *
 *     node bench/run.mjs bench/segment.ts MODEL.kyn VOLUME.h5 [--every N] [--only '{"bias":0.5}']
 */
import {
  ContingencyTable,
  type LabelSection,
  labelProfiles,
  linkByOverlap,
  meanScores,
  type NdArray,
  ndarray,
  SEGMENT_DEFAULTS,
  type SegmentOptions,
  scoreTable,
  segment,
} from '@kyn/core';
import { affinityVolume } from './affinity-cache.ts';

const [model, path, ...flags] = process.argv.slice(2);
const flag = (name: string): string | undefined => {
  const at = flags.indexOf(name);
  return at < 0 ? undefined : flags[at + 1];
};
const volume = await affinityVolume(model, path);
const { offsets } = volume;
const every = Number(flag('--every') ?? 4);
const zs = Array.from({ length: volume.shape[0] }, (_, z) => z).filter((z) => z % every === 0);
const profiles = new Map(zs.map((z) => [z, labelProfiles(volume.truth(z)).labels]));

const VARIANTS: Partial<SegmentOptions>[] = [
  {},
  { linkage: 'mutex' },
  { linkage: 'sum' },
  ...[0.2, 0.25, 0.35, 0.4, 0.45, 0.5].map((bias) => ({ bias })),
  ...[1, 9].map((reachPixels) => ({ reachPixels })),
  ...[0, 1, 3].map((smoothing) => ({ smoothing })),
  ...[1, 3, 27].map((evidenceReachPixels) => ({ evidenceReachPixels })),
  ...[1, 2, 4].map((stride) => ({ stride })),
];
const only = flag('--only');
for (const variant of only ? [JSON.parse(only) as Partial<SegmentOptions>] : VARIANTS) {
  const options = { ...SEGMENT_DEFAULTS, offsets, ...variant };
  let fragments = 0;
  const rows = zs.map((z) => {
    const { labels, count } = segment(volume.affinities(z), options);
    fragments += count;
    return scoreTable(tableOf(labels, profiles.get(z)));
  });
  const { voi_split, voi_merge, voi, arand } = meanScores(rows);
  const [split, merge, sum] = [voi_split, voi_merge, voi].map((v) => v.toFixed(3));
  console.log(
    `${JSON.stringify(variant).padEnd(28)} VOI ${sum} = split ${split} + merge ${merge}  ARAND ${arand.toFixed(4)}  ` +
      `${(fragments / zs.length).toFixed(0)} fragments a section`,
  );
}
timeStages(mosaic());

function tableOf(labels: LabelSection, truth: LabelSection | undefined): ContingencyTable {
  const table = new ContingencyTable();
  if (truth) table.add(labels, truth);
  return table;
}

/** 4×4 sections as one image. */
function mosaic(): NdArray<Float32Array> {
  const [depth, h, w] = volume.shape;
  const [height, width] = [4 * h, 4 * w];
  const data = new Float32Array(offsets.length * height * width);
  for (let k = 0; k < 16; k++) {
    const part = volume.affinities(Math.floor((k * depth) / 16)).data;
    for (let row = 0; row < offsets.length * h; row++) {
      const to = (Math.floor(row / h) * height + (k >> 2) * h + (row % h)) * width + (k & 3) * w;
      data.set(part.subarray(row * w, (row + 1) * w), to);
    }
  }
  return ndarray(data, [offsets.length, height, width]);
}

function timeStages(affinities: NdArray<Float32Array>): void {
  const [, height, width] = affinities.shape;
  const options = { ...SEGMENT_DEFAULTS, offsets };
  const cpuMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const best = { segment: Infinity, link: Infinity };
  const timed = <T>(name: keyof typeof best, work: () => T): T => {
    const start = cpuMs();
    const result = work();
    best[name] = Math.min(best[name], (cpuMs() - start) / ((height * width) / 1e6));
    return result;
  };
  for (let run = 0; run < 8; run++) {
    const { labels, stats, count } = timed('segment', () => segment(affinities, options));
    const section = { labels, area: stats.area, idOffset: 0 };
    timed('link', () => linkByOverlap(section, { ...section, idOffset: count }));
  }
  const [segmentMs, linkMs] = [best.segment, best.link].map((ms) => ms.toFixed(1));
  console.log(`CPU-ms per megapixel, best of 8: segment ${segmentMs}, link to a section like it ${linkMs}`);
}
