/** Comparisons as one SVG: a pair of bars a volume, VOI (split and merge) on the left, CPU time a megavoxel on the right. */

interface Figures {
  readonly voi: number;
  readonly voi_split: number;
  readonly voi_merge: number;
  readonly arand: number;
  readonly cremi: number;
  readonly seconds: number;
  readonly mvx_per_s: number;
  readonly peak_memory_bytes: number;
  readonly model_bytes: number;
  readonly flop_per_voxel: number;
  /** CPU-seconds. */
  readonly stages: Readonly<Record<string, number>>;
}

/** What `kyn compare --json` says, as far as it is used here. */
export interface Comparison {
  readonly name: string;
  readonly link2d: Figures;
  readonly baseline3d: Figures;
  readonly published3d: { readonly mvx_per_s: number; readonly flop_per_voxel: number };
}

interface Bar {
  readonly parts: readonly { readonly value: number; readonly fill: string }[];
  readonly label: string;
}

const [BAR, PAIR_GAP, TOP, NAMES, PANEL, PANEL_GAP] = [13, 11, 44, 190, 260, 70];
const WIDTH = NAMES + 2 * PANEL + PANEL_GAP + 60;
const BLUE = { split: '#0072b2', merge: '#7fb8d8' };
const ORANGE = { split: '#c46a00', merge: '#f0b96b' };

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Rows of bars from `left` on, the longest as wide as a panel. */
function panel(title: string, left: number, rows: readonly (readonly Bar[])[]): string[] {
  const sum = ({ parts }: Bar) => parts.reduce((total, { value }) => total + value, 0);
  const longest = Math.max(...rows.flat().map(sum));
  const drawn = [`<text x="${left}" y="${TOP - 12}" font-weight="bold">${escaped(title)}</text>`];
  rows.forEach((bars, row) => {
    bars.forEach((bar, i) => {
      const top = TOP + row * (2 * BAR + PAIR_GAP) + i * BAR;
      let x = left;
      for (const { value, fill } of bar.parts) {
        const width = (value / longest) * PANEL;
        drawn.push(
          `<rect x="${x.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${fill}"/>`,
        );
        x += width;
      }
      drawn.push(`<text x="${(x + 5).toFixed(1)}" y="${top + BAR - 3}">${bar.label}</text>`);
    });
  });
  return drawn;
}

function accuracyBar({ voi, voi_split, voi_merge }: Figures, { split, merge }: typeof BLUE): Bar {
  const parts = [
    { value: voi_split, fill: split },
    { value: voi_merge, fill: merge },
  ];
  return { parts, label: voi.toFixed(2) };
}

function timeBar({ stages, seconds, mvx_per_s }: Figures, { split }: typeof BLUE): Bar {
  const cpu = Object.values(stages).reduce((sum, value) => sum + value, 0);
  const value = cpu / (seconds * mvx_per_s);
  return { parts: [{ value, fill: split }], label: value.toFixed(1) };
}

/** @returns an SVG file. */
export function compareSvg(comparisons: readonly Comparison[]): string {
  const height = TOP + comparisons.length * (2 * BAR + PAIR_GAP) + 30;
  const both = (bar: typeof accuracyBar) =>
    comparisons.map(({ link2d, baseline3d }) => [bar(link2d, BLUE), bar(baseline3d, ORANGE)]);
  const names = comparisons.map(({ name }, row) => {
    const middle = TOP + row * (2 * BAR + PAIR_GAP) + BAR + 3;
    return `<text x="${NAMES - 10}" y="${middle}" text-anchor="end">${escaped(name)}</text>`;
  });
  const key = [
    { name: '2D+link: split', fill: BLUE.split },
    { name: 'merge', fill: BLUE.merge },
    { name: '3D baseline: split', fill: ORANGE.split },
    { name: 'merge', fill: ORANGE.merge },
  ].map(({ name, fill }, i) => {
    const x = NAMES + i * 130;
    const y = height - 22;
    return `<rect x="${x}" y="${y}" width="11" height="11" fill="${fill}"/><text x="${x + 16}" y="${y + 10}">${name}</text>`;
  });
  const lines = [
    ...names,
    ...panel('VOI, bits', NAMES, both(accuracyBar)),
    ...panel('CPU-seconds a megavoxel', NAMES + PANEL + PANEL_GAP, both(timeBar)),
    ...key,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${lines.join('\n')}
</svg>
`;
}
