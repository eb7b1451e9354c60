/** A comparison as one HTML page: bars drawn as SVG, both previews side by side; it needs no other file. */

/** One of the two ways, as the page shows it. */
export interface ComparedWay {
  readonly name: string;
  readonly voiSplit: number;
  readonly voiMerge: number;
  /** CPU-seconds by stage. */
  readonly stages: Readonly<Record<string, number>>;
  /** PNG file; undefined where there is none. */
  readonly preview: Uint8Array | undefined;
}

interface Segment {
  readonly name: string;
  readonly value: number;
}

const [WIDTH, LEFT, RIGHT, BAR, GAP] = [720, 110, 60, 30, 12];
const COLOURS = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#999',
  '#f0e442',
  '#332288',
  '#7f5539',
];
/** Stages with a smaller share of the longest bar are shown together. */
const LEAST_SHARE = 0.01;

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Bars made of segments end to end, one a row, on a common scale from 0. */
function stackedBars(title: string, rows: readonly { name: string; segments: readonly Segment[] }[]): string {
  const sum = (segments: readonly Segment[]) => segments.reduce((total, { value }) => total + value, 0);
  const longest = Math.max(...rows.map(({ segments }) => sum(segments)), Number.MIN_VALUE);
  const names = [...new Set(rows.flatMap(({ segments }) => segments.map(({ name }) => name)))];
  const colour = (name: string) => COLOURS[names.indexOf(name) % COLOURS.length];
  const bars = rows.map(({ name, segments }, row) => {
    const top = row * (BAR + GAP);
    const middle = top + BAR / 2 + 4;
    let x = LEFT;
    const boxes = segments.map((segment) => {
      const width = (segment.value / longest) * (WIDTH - LEFT - RIGHT);
      const box =
        `<rect x="${x.toFixed(1)}" y="${top}" width="${width.toFixed(1)}" height="${BAR}" ` +
        `fill="${colour(segment.name)}"><title>${escapeHtml(segment.name)} ${segment.value.toFixed(3)}</title></rect>`;
      x += width;
      return box;
    });
    return (
      `<text x="${LEFT - 8}" y="${middle}" text-anchor="end">${escapeHtml(name)}</text>${boxes.join('')}` +
      `<text x="${(x + 6).toFixed(1)}" y="${middle}">${sum(segments).toPrecision(3)}</text>`
    );
  });
  const key = names.map(
    (name) => `<span><i style="background:${colour(name)}"></i>${escapeHtml(name)}</span>`,
  );
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${rows.length * (BAR + GAP)}">${bars.join('\n')}</svg>
<p class="key">${key.join(' ')}</p></figure>`;
}

/** Stages by name, those that hardly show put together. */
function stageSegments(stages: Readonly<Record<string, number>>, longest: number): Segment[] {
  const all = Object.entries(stages).map(([name, value]) => ({ name, value }));
  const small = all.filter(({ value }) => value < LEAST_SHARE * longest);
  const rest = small.reduce((sum, { value }) => sum + value, 0);
  return [...all.filter((each) => !small.includes(each)), { name: 'other', value: rest }];
}

/**
 * @param table the figures as a heading row and rows of cells.
 * @param notes sentences below the table.
 */
export function comparePage(
  title: string,
  ways: readonly ComparedWay[],
  table: readonly (readonly string[])[],
  notes: readonly string[],
): string {
  const accuracy = ways.map(({ name, voiSplit, voiMerge }) => ({
    name,
    segments: [
      { name: 'split', value: voiSplit },
      { name: 'merge', value: voiMerge },
    ],
  }));
  const totals = ways.map(({ stages }) => Object.values(stages).reduce((sum, value) => sum + value, 0));
  const times = ways.map(({ name, stages }) => ({
    name,
    segments: stageSegments(stages, Math.max(...totals)),
  }));
  const [heading, ...rows] = table.map((row, r) => {
    const cell = r === 0 ? 'th' : 'td';
    return `<tr>${row.map((text) => `<${cell}>${escapeHtml(text)}</${cell}>`).join('')}</tr>`;
  });
  const pictures = ways.map(({ name, preview }) => {
    if (!preview) return '';
    const url = `data:image/png;base64,${Buffer.from(preview).toString('base64')}`;
    return `<figure><figcaption>${escapeHtml(name)}</figcaption><img src="${url}" alt="sections beside neurons"></figure>`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>body{font:15px system-ui;max-width:960px;margin:2em auto;padding:0 1em}figure{margin:1.5em 0}
svg{width:100%}text{font-size:13px}table{border-collapse:collapse}td,th{padding:.2em 1em .2em 0;text-align:left}
tr+tr{border-top:1px solid #ddd}.key i{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 1em}
.pair{display:flex;gap:1em}.pair figure{flex:1;min-width:0}img{width:100%}</style>
<h1>${escapeHtml(title)}</h1>
<table>${heading}${rows.join('\n')}</table>
${notes.map((note) => `<p>${escapeHtml(note)}</p>`).join('\n')}
${stackedBars('VOI in bits: 0 is perfect', accuracy)}
${stackedBars('CPU-seconds by stage', times)}
<div class="pair">${pictures.join('\n')}</div></html>
`;
}
