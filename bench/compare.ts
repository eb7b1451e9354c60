/**
 * 2D + link against the 3D baseline on the seven volumes of the first table of docs/know-your-neighbour.md: `kyn compare` for each, one after
 * the other, then tables in Markdown and a drawing. Volumes that are drawn over labels or grown are made first, where
 * they are missing. Needs the built command line, and an otherwise idle machine for speeds worth quoting; CPU time
 * stands beside wall time since it suffers less from company.
 *
 *     npm run build && node bench/run.mjs bench/compare.ts [--out runs/compare] [--made runs/data] [--data ../shared/data]
 *         [--only val,val4] [--tables] [--svg docs/compare.svg]
 *
 * `--only` runs some; `--tables` runs none. What is printed and drawn is all that lies in `--out`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Comparison, compareSvg } from './compare-svg.ts';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'runs/compare' },
    made: { type: 'string', default: 'runs/data' },
    data: { type: 'string', default: process.env.KYN_DATA ?? '../shared/data' },
    only: { type: 'string' },
    tables: { type: 'boolean', default: false },
    svg: { type: 'string' },
  },
});

interface Volume {
  readonly key: string;
  readonly name: string;
  readonly file: string;
  readonly part?: readonly string[];
  /** What `kyn phantom` makes it with. */
  readonly made?: readonly string[];
}

const val = join(values.data, 'flyem-medulla/val.h5');
const pinky = ['--from', join(values.data, 'pinky40-labels/labels.h5'), '--bbox', '0:768,768:1024,230:262'];
const VOLUMES: readonly Volume[] = [
  { key: 'val', name: '`flyem-medulla/val.h5`, 10 nm', file: val },
  { key: 'val4', name: 'the same, `--z-step 4`', file: val, part: ['--z-step', '4'] },
  { key: 'gala', name: '`gala-medulla/test.h5`', file: join(values.data, 'gala-medulla/test.h5') },
  {
    key: 'pk',
    name: 'EM over `pinky40-labels`',
    file: join(values.made, 'pk.h5'),
    made: [...pinky, '--look', 'sstem', '--seed', '5'],
  },
  ...[901, 902, 903].map((seed) => ({
    key: `ph${seed}`,
    name: `phantom, seed ${seed}`,
    file: join(values.made, `ph${seed}.h5`),
    made: ['--shape', '32,512,512', '--seed', `${seed}`],
  })),
];

function kyn(...words: readonly string[]): void {
  execFileSync(process.execPath, ['dist/kyn.js', ...words, '--quiet'], { stdio: ['ignore', 2, 2] });
}

function run({ key, file, part = [], made }: Volume): void {
  if (made && !existsSync(file)) {
    mkdirSync(values.made, { recursive: true });
    kyn('phantom', '--out', file, ...made);
  }
  mkdirSync(values.out, { recursive: true });
  kyn('compare', file, '--truth', file, ...part, '--out', join(values.out, key), '--overwrite');
}

interface Row extends Comparison {
  readonly volume: Volume;
}

function stored(volume: Volume): Row[] {
  const path = join(values.out, volume.key, 'compare.json');
  if (!existsSync(path)) return [];
  return [{ ...JSON.parse(readFileSync(path, 'utf8')), volume, name: volume.name.replaceAll('`', '') }];
}

const table = (rows: readonly (readonly string[])[]): string =>
  rows
    .flatMap((row, i) => [`| ${row.join(' | ')} |`, ...(i === 0 ? [`|${'---|'.repeat(row.length)}`] : [])])
    .join('\n');

/** Both figures, the better (lower) one bold. */
function beside(a: number, b: number, show: (value: number) => string): string[] {
  const bold = (text: string, is: boolean) => (is ? `**${text}**` : text);
  return [bold(show(a), show(a) !== show(b) && a < b), bold(show(b), show(a) !== show(b) && b < a)];
}

function accuracy(rows: readonly Row[]): string {
  const heading = [
    'volume',
    'VOI split + merge: 2D+link',
    '3D',
    'ARAND: 2D+link',
    '3D',
    'CREMI: 2D+link',
    '3D',
  ];
  const voi = (f: Comparison['link2d']) => `${f.voi_split.toFixed(2)} + ${f.voi_merge.toFixed(2)} = `;
  return table([
    heading,
    ...rows.map(({ volume, link2d, baseline3d }) => {
      const [flat, solid] = beside(link2d.voi, baseline3d.voi, (v) => v.toFixed(2));
      return [
        volume.name,
        `${voi(link2d)}${flat}`,
        `${voi(baseline3d)}${solid}`,
        ...beside(link2d.arand, baseline3d.arand, (v) => v.toFixed(3)),
        ...beside(link2d.cremi, baseline3d.cremi, (v) => v.toFixed(3)),
      ];
    }),
  ]);
}

const cpuSeconds = ({ stages }: Comparison['link2d']): number =>
  Object.values(stages).reduce((sum, value) => sum + value, 0);

function cost(rows: readonly Row[]): string {
  const heading = [
    'volume',
    'seconds: 2D+link',
    '3D',
    'times as fast',
    'CPU-s: 2D+link',
    '3D',
    'times less',
    'over the published 3D network alone',
    'peak MB: 2D+link',
    '3D',
  ];
  return table([
    heading,
    ...rows.map(({ volume, link2d, baseline3d, published3d }) => [
      volume.name,
      link2d.seconds.toFixed(1),
      baseline3d.seconds.toFixed(1),
      (baseline3d.seconds / link2d.seconds).toFixed(1),
      cpuSeconds(link2d).toFixed(1),
      cpuSeconds(baseline3d).toFixed(1),
      (cpuSeconds(baseline3d) / cpuSeconds(link2d)).toFixed(1),
      (link2d.mvx_per_s / published3d.mvx_per_s).toFixed(1),
      (link2d.peak_memory_bytes / 1e6).toFixed(0),
      (baseline3d.peak_memory_bytes / 1e6).toFixed(0),
    ]),
  ]);
}

function networks({ link2d, baseline3d }: Comparison): string {
  const kilo = (value: number) => (value / 1e3).toFixed(0);
  return table([
    ['network', 'kFLOP a voxel', 'model, kB'],
    ['2D+link', kilo(link2d.flop_per_voxel), kilo(link2d.model_bytes)],
    ['3D baseline', kilo(baseline3d.flop_per_voxel), kilo(baseline3d.model_bytes)],
  ]);
}

const wanted = values.only?.split(',') ?? VOLUMES.map(({ key }) => key);
if (!values.tables) for (const volume of VOLUMES) if (wanted.includes(volume.key)) run(volume);
const rows = VOLUMES.flatMap(stored);
if (rows.length === 0) throw new Error(`no comparison in ${values.out}`);
console.log([accuracy(rows), cost(rows), networks(rows[0])].join('\n\n'));
if (values.svg !== undefined) writeFileSync(values.svg, compareSvg(rows));
