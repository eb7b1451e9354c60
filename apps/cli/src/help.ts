/** Help texts, made from what the commands say about themselves. */
import type { Command } from './command.ts';
import { commonOptions, flagOf, type OptionTable } from './options.ts';
import { columns } from './text-table.ts';

export const exitCodes = 'Exit codes: 0 done, 1 failed, 2 wrong use, 130 interrupted.';

function usageLine(command: Command): string {
  const operands = command.operands.map((each) => (each.optional ? `[${each.name}]` : each.name));
  const needed = Object.entries(command.options)
    .filter(([, option]) => option.required)
    .map(([key, option]) => `${flagOf(key)} ${option.placeholder}`);
  return ['kyn', command.name, ...operands, ...needed, '[options]'].join(' ');
}

function optionRows(table: OptionTable): string[][] {
  return Object.entries(table).map(([key, option]) => [
    `  ${flagOf(key)}${option.placeholder === undefined ? '' : ` ${option.placeholder}`}`,
    option.required ? `${option.summary} (required)` : option.summary,
  ]);
}

export function commandHelp(command: Command): string {
  const parts = [`Usage: ${usageLine(command)}`, '', command.description ?? command.summary];
  const rows: string[][] = [];
  for (const operand of command.operands) rows.push([`  ${operand.name}`, operand.summary]);
  const own = optionRows(command.options);
  const common = optionRows({ ...commonOptions });
  const width = Math.min(34, Math.max(...[...rows, ...own, ...common].map((row) => row[0].length)));
  if (rows.length > 0) parts.push('', columns(rows, width));
  if (own.length > 0) parts.push('', 'Options', columns(own, width));
  parts.push('', 'Common options', columns(common, width));
  if (command.examples.length > 0) {
    parts.push('', 'Examples');
    for (const { line, says } of command.examples) parts.push(`  # ${says}`, `  ${line}`);
  }
  parts.push('', exitCodes);
  return parts.join('\n');
}

export function generalHelp(commands: readonly Command[], version: string): string {
  const rows = commands.map((command) => [`  ${command.name}`, command.summary]);
  const width = Math.max(...rows.map((row) => row[0].length));
  return [
    `kyn ${version}: electron-microscopy sections to 3D neurons`,
    '',
    'Usage: kyn COMMAND [operands] [options]',
    '',
    'Commands',
    columns(rows, width),
    '',
    'A volume is a path or URL; inside a container FILE.h5:/volumes/raw; an output folder of',
    'kyn segment stands for its segmentation.',
    '',
    'kyn COMMAND --help tells more about one; kyn --version prints the version.',
    exitCodes,
  ].join('\n');
}
