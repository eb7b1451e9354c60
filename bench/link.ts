/**
 * Linking by plain overlap and partition, over their options: 3D VOI on a volume's true 2D profiles and on fragments
 * from a model's affinities, every section and every 4th.
 *
 *     node bench/run.mjs bench/link.ts VOLUME.h5 [MODEL.kyn]
 */
import {
  ContingencyTable,
  type EdgeColumns,
  EdgeList,
  type FragmentTable,
  fragmentTable,
  fragmentVoxels,
  type LabelSection,
  LINK_DEFAULTS,
  labelProfiles,
  linkByOverlap,
  OVERLAP_DEFAULTS,
  type PartitionOptions,
  partition,
  project,
  SEGMENT_DEFAULTS,
  type SectionFragments,
  type SectionTable,
  scorePerfectLinks,
  scoreTable,
  segment,
} from '@kyn/core';
import { openLabels } from '@kyn/io/node';
import { affinityVolume } from './affinity-cache.ts';

interface Stack {
  readonly truth: readonly LabelSection[];
  readonly sections: readonly SectionFragments[];
  readonly inPlane: EdgeList;
  readonly fragments: number;
  readonly voxels: Float64Array;
}

interface CutSection {
  readonly labels: LabelSection;
  readonly stats: FragmentTable;
  readonly edges?: EdgeColumns;
}

const [volume, model] = process.argv.slice(2);
const labels = await openLabels(`${volume}:/volumes/labels/neuron_ids`);
const truth: LabelSection[] = [];
for (let z = 0; z < labels.info.shape[0]; z++) truth.push(await labels.read(z));
const predicted = model ? await affinityVolume(model, volume) : undefined;

for (const step of [1, 4]) {
  const zs = truth.map((_, z) => z).filter((z) => z % step === 0);
  report(`true profiles, every ${step}`, stackOf(zs, trueProfiles));
  if (predicted) report(`fragments of ${model}, every ${step}`, stackOf(zs, fragmentsOf));
}

function trueProfiles(z: number): CutSection {
  const { labels: profiles, count } = labelProfiles(truth[z]);
  const [height, width] = profiles.shape;
  return { labels: profiles, stats: fragmentTable(profiles.data, height, width, count) };
}

function fragmentsOf(z: number): CutSection {
  if (!predicted) throw new Error('no model');
  return segment(predicted.affinities(z), { ...SEGMENT_DEFAULTS, offsets: predicted.offsets });
}

function stackOf(zs: number[], cut: (z: number) => CutSection): Stack {
  const inPlane = new EdgeList();
  const sections: SectionFragments[] = [];
  let idOffset = 0;
  const tables: SectionTable[] = [];
  for (const z of zs) {
    const { labels: cutLabels, stats, edges } = cut(z);
    if (edges) inPlane.append(edges, idOffset);
    sections.push({ labels: cutLabels, area: stats.area, idOffset });
    tables.push({ z, idOffset, stats });
    idOffset += stats.count;
  }
  return {
    truth: zs.map((z) => truth[z]),
    sections,
    inPlane,
    fragments: idOffset,
    voxels: fragmentVoxels(tables, idOffset),
  };
}

function report(title: string, stack: Stack): void {
  const perfect = new ContingencyTable();
  const ids = Uint32Array.from({ length: stack.fragments + 1 }, (_, i) => i);
  stack.sections.forEach((s, i) => {
    perfect.add(project(s.labels, ids, s.idOffset), stack.truth[i]);
  });
  console.log(
    `\n${title}: ${stack.fragments} fragments, every link right: VOI ${scorePerfectLinks(perfect).voi.toFixed(3)}`,
  );
  const evenScores = [0.03, 0.06, 0.09, 0.12, 0.15, 0.2, 0.3, 0.4];
  const rows: [string, Partial<PartitionOptions>][] = [
    ['components', { method: 'components', inPlaneWeight: 0 }],
    ['gaec, no demand', { method: 'gaec', inPlaneWeight: 0, demand: undefined }],
    ['gaec', { method: 'gaec', inPlaneWeight: 0 }],
    ['mean', { method: 'mean', inPlaneWeight: 0 }],
    ['mutex', { method: 'mutex', inPlaneWeight: 0 }],
  ];
  if (stack.inPlane.count > 0) {
    for (const w of [0.1, 0.3, 1]) rows.push([`gaec, in-plane ${w}`, { method: 'gaec', inPlaneWeight: w }]);
    rows.push(['gaec, in-plane 0.3, area^0', { method: 'gaec', inPlaneWeight: 0.3, areaPower: 0 }]);
  }
  console.log(
    ['split/merge at even score'.padEnd(30), ...evenScores.map((e) => String(e).padEnd(9))].join(' '),
  );
  for (const [name, options] of rows) {
    const cells = evenScores.map((evenScore) => {
      const edges = new EdgeList();
      edges.append(stack.inPlane);
      for (let i = 1; i < stack.sections.length; i++) {
        const link = { ...LINK_DEFAULTS, evenScore };
        edges.append(linkByOverlap(stack.sections[i - 1], stack.sections[i], link));
      }
      const chosen = { ...OVERLAP_DEFAULTS.partition, threshold: 0.5, ...options };
      const neurons = partition(edges.columns(), stack.voxels, chosen);
      const table = new ContingencyTable();
      stack.sections.forEach((s, i) => {
        table.add(project(s.labels, neurons, s.idOffset), stack.truth[i]);
      });
      const { voi_split, voi_merge } = scoreTable(table);
      return `${voi_split.toFixed(2)}/${voi_merge.toFixed(2)}`.padEnd(9);
    });
    console.log([name.padEnd(30), ...cells].join(' '));
  }
}
