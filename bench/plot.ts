/** Lines over a few named positions as one SVG: what the pages in docs/ show of an experiment. */

export interface Line {
  readonly name: string;
  /** One value per run at every position, in order; none where it was not measured. Drawn as dots, with a line through their means. */
  readonly values: readonly (readonly number[])[];
}

export interface Panel {
  readonly title: string;
  readonly positions: readonly string[];
  readonly axis: string;
  readonly lines: readonly Line[];
}

const [WIDTH, HEIGHT] = [360, 300];
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 14, 30, 86];
const COLOURS = ['#0072b2', '#e69f00', '#888888', '#009e73', '#cc79a7'];
const TICKS = 4;

const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** A round step that makes about {@link TICKS} of a range. */
function niceStep(range: number): number {
  const rough = range / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * (([1, 2, 5, 10] as const).find((factor) => factor * power >= rough) ?? 10);
}

function panelSvg({ title, positions, axis, lines }: Panel, left: number): string {
  const all = lines.flatMap(({ values }) => values.flat());
  const step = niceStep(Math.max(...all) - Math.min(...all) || 1);
  const low = Math.floor(Math.min(...all) / step) * step;
  const high = Math.ceil(Math.max(...all) / step) * step;
  const across = (i: number): number => LEFT + ((i + 0.5) / positions.length) * (WIDTH - LEFT - RIGHT);
  const up = (value: number): number =>
    HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - BOTTOM - TOP);
  const text = (x: number, y: number, words: string, anchor = 'middle'): string =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeXml(words)}</text>`;
  const parts = [text(LEFT, 16, title, 'start')];
  for (let i = 0; low + i * step <= high + step / 2; i++) {
    const y = up(low + i * step);
    parts.push(`<path d="M${LEFT} ${y.toFixed(1)}H${WIDTH - RIGHT}" stroke="#ddd"/>`);
    parts.push(text(LEFT - 6, y + 4, String(Number((low + i * step).toPrecision(6))), 'end'));
  }
  positions.forEach((name, i) => {
    parts.push(text(across(i), HEIGHT - BOTTOM + 18, name));
  });
  parts.push(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 36, axis));
  lines.forEach(({ name, values }, k) => {
    const colour = COLOURS[k % COLOURS.length];
    const means = values.flatMap((runs, i) =>
      runs.length > 0 ? [`${across(i).toFixed(1)},${up(mean(runs)).toFixed(1)}`] : [],
    );
    parts.push(`<polyline points="${means.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [i, runs] of values.entries()) {
      for (const value of runs) {
        const at = `cx="${across(i).toFixed(1)}" cy="${up(value).toFixed(1)}"`;
        parts.push(`<circle ${at} r="3.5" fill="${colour}" fill-opacity="0.55"/>`);
      }
    }
    const [x, y] = [LEFT + (k % 2) * 155, HEIGHT - 28 + 18 * Math.floor(k / 2)];
    parts.push(
      `<rect x="${x}" y="${y - 9}" width="10" height="10" fill="${colour}"/>${text(x + 15, y, name, 'start')}`,
    );
  });
  return `<g transform="translate(${left} 0)">${parts.join('\n')}</g>`;
}

/** Panels side by side, on white. */
export function plotSvg(panels: readonly Panel[]): string {
  const width = panels.length * WIDTH;
  const drawn = panels.map((panel, i) => panelSvg(panel, i * WIDTH));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="${width}" height="${HEIGHT}" fill="#fff"/>
${drawn.join('\n')}</svg>
`;
}
