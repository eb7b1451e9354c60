/**
 * Command lines in the usual GNU form: `--name value`, `--name=value`, `--flag`, `--no-flag`, `--` ends the
 * options. Anything that does not fit is a usage error of one line that names the nearest thing that would.
 */
import type { Command, Invocation } from './command.ts';
import { nearestName } from './nearest-name.ts';
import { BadValue, commonOptions, flagOf, type OptionTable, usageError } from './options.ts';

export interface ParsedLine {
  readonly help: boolean;
  /** Absent where help was asked for. */
  readonly invocation?: Invocation<OptionTable>;
}

/** Splits off the command: the longest registered name that the words begin with. */
export function findCommand<C extends Pick<Command, 'name'>>(
  words: readonly string[],
  commands: readonly C[],
): { command?: C; rest: readonly string[]; group?: string } {
  const two = commands.find((each) => each.name === words.slice(0, 2).join(' '));
  if (two?.name.includes(' ')) return { command: two, rest: words.slice(2) };
  const one = commands.find((each) => each.name === words[0]);
  if (one) return { command: one, rest: words.slice(1) };
  const group = commands.some((each) => each.name.startsWith(`${words[0]} `)) ? words[0] : undefined;
  return { rest: group ? words.slice(1) : words, group };
}

export function parseArguments(command: Command, words: readonly string[]): ParsedLine {
  const table: OptionTable = { ...command.options, ...commonOptions };
  const keyOf = new Map(Object.keys(table).map((key) => [flagOf(key), key]));
  const seeHelp = `see kyn ${command.name} --help`;
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) values[key] = option.fallback;
  const given = new Set<string>();
  const operands: string[] = [];

  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '--') {
      operands.push(...words.slice(i + 1));
      break;
    }
    if (word === '--help' || word === '-h') return { help: true };
    if (!word.startsWith('--')) {
      if (/^-[a-zA-Z]/.test(word)) throw unknownOption(word, [...keyOf.keys()], seeHelp);
      if (word === '') throw usageError(command.name, 'an operand is empty', seeHelp);
      operands.push(word);
      continue;
    }
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const taken = name.startsWith('--no-') ? keyOf.get(`--${name.slice(5)}`) : undefined;
    if (taken !== undefined && table[taken].placeholder === undefined && !keyOf.has(name)) {
      values[taken] = table[taken].read('no', values[taken]);
      given.add(taken);
      continue;
    }
    const key = keyOf.get(name);
    if (key === undefined) throw unknownOption(name, [...keyOf.keys()], seeHelp);
    const option = table[key];
    let text = equals < 0 ? undefined : word.slice(equals + 1);
    if (option.placeholder === undefined) {
      if (text !== undefined) throw usageError(name, 'takes no value', `leave out '=${text}'`);
      text = 'yes';
    } else if (text === undefined) {
      text = words[++i];
      if (text === undefined || text.startsWith('--')) {
        throw usageError(name, 'a value is missing', `give ${name} ${option.placeholder}`);
      }
    }
    try {
      values[key] = option.read(text, values[key]);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      throw usageError(name, error.message, seeHelp);
    }
    given.add(key);
  }
  checkComplete(command, table, operands, given, seeHelp);
  // Every key of the table has its fallback or what the option read, so this is what `Values` says.
  return {
    help: false,
    invocation: { operands, values: values as Invocation<OptionTable>['values'], given },
  };
}

function unknownOption(name: string, flags: readonly string[], seeHelp: string) {
  const near = nearestName(name, flags);
  return usageError(name, 'no such option', near ? `did you mean ${near}?` : seeHelp);
}

function checkComplete(
  command: Command,
  table: OptionTable,
  operands: readonly string[],
  given: ReadonlySet<string>,
  seeHelp: string,
): void {
  const needed = command.operands.filter((operand) => !operand.optional);
  if (operands.length < needed.length) {
    const missing = needed.slice(operands.length).map((operand) => operand.name);
    throw usageError(command.name, `${missing.join(' and ')} missing`, seeHelp);
  }
  if (operands.length > command.operands.length) {
    throw usageError(command.name, `'${operands[command.operands.length]}' is one too many`, seeHelp);
  }
  for (const [key, option] of Object.entries(table)) {
    if (option.required && !given.has(key)) {
      throw usageError(command.name, `${flagOf(key)} missing`, `give ${flagOf(key)} ${option.placeholder}`);
    }
  }
}
