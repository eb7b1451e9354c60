/** A training run as one HTML page: curves drawn as SVG, sample pictures embedded, settings below. */
import type { TrainRecord } from './checkpoint.ts';

export interface ReportPicture {
  readonly title: string;
  /** `data:image/png;base64,...` */
  readonly url: string;
}

/** What a reader should know first. */
export interface ReportLead {
  /** Paragraphs. */
  readonly text: readonly string[];
  /** Heading row first. */
  readonly table?: readonly (readonly string[])[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [720, 220, 48, 24];
const escapeHtml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** One curve with its axes; runs of many points are thinned to the width. */
function chart(name: string, points: readonly (readonly [x: number, y: number])[]): string {
  const every = Math.ceil(points.length / WIDTH);
  const shown = points.filter((_, i) => i % every === 0 || i === points.length - 1);
  const xs = shown.map(([x]) => x);
  const ys = shown.map(([, y]) => y);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const place = ([x, y]: readonly [number, number]): string => {
    const across = x1 > x0 ? (x - x0) / (x1 - x0) : 0.5;
    const up = y1 > y0 ? (y - y0) / (y1 - y0) : 0.5;
    return `${(LEFT + across * (WIDTH - LEFT - 8)).toFixed(1)},${(HEIGHT - BOTTOM - up * (HEIGHT - BOTTOM - 12)).toFixed(1)}`;
  };
  const label = (x: number, y: number, text: string, anchor = 'start'): string =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`;
  return `<figure><figcaption>${escapeHtml(name)}: ${ys.at(-1)?.toPrecision(4)}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}"><rect x="${LEFT}" y="12" width="${WIDTH - LEFT - 8}" height="${HEIGHT - BOTTOM - 12}"/>
<polyline points="${shown.map(place).join(' ')}"/>
${label(LEFT - 4, 20, y1.toPrecision(3), 'end')}${label(LEFT - 4, HEIGHT - BOTTOM, y0.toPrecision(3), 'end')}
${label(LEFT, HEIGHT - 6, String(x0))}${label(WIDTH - 8, HEIGHT - 6, `step ${x1}`, 'end')}</svg></figure>`;
}

function leadHtml({ text, table = [] }: ReportLead): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  const rows = table.map((cells, i) => row(cells, i === 0 ? 'th' : 'td'));
  const paragraphs = text.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`);
  return [...paragraphs, ...(rows.length > 0 ? ['<table>', ...rows, '</table>'] : [])].join('\n');
}

/**
 * @param lead stands above pictures and curves, which then change places: the result is what is looked for
 * @returns a whole HTML document that needs no other file.
 */
export function trainingReport(
  title: string,
  history: readonly TrainRecord[],
  pictures: readonly ReportPicture[],
  settings: unknown,
  lead?: ReportLead,
): string {
  const names = [...new Set(history.flatMap((record) => Object.keys(record.values)))];
  const charts = names.map((name) => {
    const points = history.filter((r) => name in r.values).map((r) => [r.step, r.values[name]] as const);
    return chart(name, points);
  });
  const shown = pictures.map(
    ({ title: caption, url }) =>
      `<figure><figcaption>${escapeHtml(caption)}</figcaption><img src="${url}" alt=""></figure>`,
  );
  const parts = lead ? [leadHtml(lead), ...shown, ...charts] : [...charts, ...shown];
  const seconds = history.at(-1)?.seconds ?? 0;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style>body{font:15px system-ui;max-width:760px;margin:2em auto;padding:0 1em}figure{margin:1.5em 0}
svg{width:100%}rect{fill:none;stroke:#bbb}polyline{fill:none;stroke:#06c;stroke-width:1.5}text{font-size:11px;fill:#666}
img{max-width:100%;image-rendering:pixelated}td,th{padding:.2em .8em .2em 0;text-align:left}pre{background:#f5f5f5;padding:1em;overflow:auto}</style>
<h1>${escapeHtml(title)}</h1><p>${history.at(-1)?.step ?? 0} steps, ${(seconds / 60).toFixed(1)} minutes</p>
${parts.join('\n')}
<h2>Settings</h2><pre>${escapeHtml(JSON.stringify(settings, null, 2))}</pre></html>
`;
}
