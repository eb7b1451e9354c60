/**
 * Draws what `bench/transfer.ts` and `bench/adapt.ts` found, from their CSV files:
 *
 *     node bench/run.mjs bench/curves.ts docs/transfer.csv docs/transfer.svg
 *     node bench/run.mjs bench/curves.ts docs/adapt.csv docs/adapt.svg
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Line, plotSvg } from './plot.ts';

type Row = Readonly<Record<string, string>>;

function readCsv(path: string): Row[] {
  const [heading, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const names = heading.split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i], cell])));
}

/** One line a name: the figures of all rows of that name, at every position. */
function lines(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
  [position, positions]: readonly [column: string, values: readonly string[]],
  figure: string,
): Line[] {
  const known = rows.filter((row) => row[figure] !== '');
  return [...new Set(known.map(nameOf))].map((name) => ({
    name,
    values: positions.map((value) =>
      known
        .filter((row) => nameOf(row) === name && row[position] === value)
        .map((row) => Number(row[figure])),
    ),
  }));
}

function transferPlot(rows: readonly Row[]): string {
  const patches = ['15', '150', '1500'];
  const short = rows.filter(({ transfer, steps }) => transfer === 'overlap' || steps === rows[0].steps);
  const names: Row = {
    frozen: 'transferred, kept',
    tuned: 'transferred, trained on',
    scratch: 'from scratch',
    overlap: 'no network',
  };
  const nameOf = ({ transfer }: Row): string => names[transfer];
  const panel = (title: string, figure: string) => ({
    title,
    positions: ['1 %', '10 %', '100 %'],
    axis: 'training pairs',
    lines: lines(short, nameOf, ['patches', patches], figure),
  });
  return plotSvg([
    panel('Head alone: average precision, contested pairs', 'affinity_ap'),
    panel('Linker: average precision, all overlapping pairs', 'link_ap'),
  ]);
}

function adaptPlot(rows: readonly Row[]): string {
  const counts = ['0', '1', '2', '3'];
  const names = [...new Set(rows.map(({ name }) => name))];
  return plotSvg(
    names.map((name) => ({
      title: name,
      positions: counts,
      axis: 'painted sections',
      lines: lines(
        rows.filter((row) => row.name === name),
        () => 'ARAND of the other sections',
        ['painted', counts],
        'arand',
      ),
    })),
  );
}

const [from, to] = process.argv.slice(2);
const rows = readCsv(from);
writeFileSync(to, 'transfer' in rows[0] ? transferPlot(rows) : adaptPlot(rows));
