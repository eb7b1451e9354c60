/**
 * From a command line to an exit code: finds the command, parses, runs it, and turns whatever goes wrong into
 * one line on stderr. Nothing here touches the process, so tests run it as it is.
 */
import { isKynError, KynError } from '@kyn/core';
import type { Command, CommandContext, CommandEntry } from './command.ts';
import { explainError } from './explain-error.ts';
import { commandHelp, generalHelp } from './help.ts';
import { nearestName } from './nearest-name.ts';
import type { CommonValues } from './options.ts';
import { usageError } from './options.ts';
import { findCommand, parseArguments } from './parse-arguments.ts';
import { ProgressDisplay, type TextStream } from './progress.ts';

export interface CliSurroundings {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly version: string;
  readonly commands: readonly CommandEntry[];
}

export const EXIT = { done: 0, failed: 1, wrongUse: 2, interrupted: 130 } as const;

/** Runs one command line (without `node` and the script); never throws. */
export async function runCli(words: readonly string[], around: CliSurroundings): Promise<number> {
  try {
    return await dispatch(words, around);
  } catch (error) {
    const known = isKynError(error) ? error : explainError(error);
    const stopped = around.signal.aborted || known.code === 'cancelled';
    around.stderr.write(`kyn: ${stopped ? stoppedLine(known) : known.oneLine()}\n`);
    if (around.env.KYN_DEBUG === '1') around.stderr.write(`${debugTrace(error)}\n`);
    if (stopped) return EXIT.interrupted;
    return known.code === 'usage' ? EXIT.wrongUse : EXIT.failed;
  }
}

/** What a command says of going on, where it was stopped; any other error is what came of stopping it. */
function stoppedLine({ code, hint }: KynError): string {
  return code === 'cancelled' && hint ? `stopped; ${hint}` : 'stopped';
}

async function dispatch(words: readonly string[], around: CliSurroundings): Promise<number> {
  const { stdout, commands, version } = around;
  const [first] = words;
  if (first === undefined || first === '--help' || first === '-h') {
    stdout.write(`${generalHelp(await loadAll(commands), version)}\n`);
    return first === undefined ? EXIT.wrongUse : EXIT.done;
  }
  if (first === '--version' || first === '-v') {
    stdout.write(`${version}\n`);
    return EXIT.done;
  }
  if (first === 'help')
    return dispatch(words.length > 1 ? [...words.slice(1), '--help'] : ['--help'], around);
  const { command: entry, rest, group } = findCommand(words, commands);
  if (!entry) return unknownCommand(words, rest, group, around);
  const command = await entry.load();
  const parsed = parseArguments(command, rest);
  if (!parsed.invocation) {
    stdout.write(`${commandHelp(command)}\n`);
    return EXIT.done;
  }
  const { context, end } = makeContext(around, parsed.invocation.values);
  try {
    await command.run(parsed.invocation, context);
  } finally {
    context.endProgress();
  }
  if (around.signal.aborted) throw new KynError('cancelled', 'stopped by the user');
  end();
  return EXIT.done;
}

function loadAll(entries: readonly CommandEntry[]): Promise<Command[]> {
  return Promise.all(entries.map((entry) => entry.load()));
}

async function unknownCommand(
  words: readonly string[],
  rest: readonly string[],
  group: string | undefined,
  around: CliSurroundings,
): Promise<number> {
  const members = group
    ? around.commands.filter((each) => each.name.startsWith(`${group} `))
    : around.commands;
  if (group && (rest[0] === '--help' || rest[0] === '-h')) {
    around.stdout.write(`${generalHelp(await loadAll(members), around.version)}\n`);
    return EXIT.done;
  }
  const [first] = words;
  if (first.startsWith('-')) throw usageError(first, 'no such option here', 'see kyn --help');
  const typed = group ? `${group} ${rest[0] ?? ''}`.trim() : first;
  const near = nearestName(
    typed,
    members.map((each) => each.name),
  );
  const hint =
    near && near !== typed ? `did you mean kyn ${near}?` : `see kyn ${group ? `${group} ` : ''}--help`;
  if (group && !rest[0]) {
    throw usageError(
      group,
      'needs a second word',
      `give one of ${members.map((each) => each.name).join(', ')}`,
    );
  }
  throw usageError(typed, 'no such command', hint);
}

function makeContext(around: CliSurroundings, common: CommonValues) {
  const display = new ProgressDisplay(around.stderr, common.quiet);
  let result: { json: unknown; text: string } | undefined;
  const context: CommandContext = {
    signal: around.signal,
    env: around.env,
    stage: {
      signal: around.signal,
      onProgress: (progress) => display.update(progress),
      onNote: (note) => display.note(note),
    },
    result(json, text) {
      result = { json, text };
    },
    endProgress: () => display.clear(),
  };
  const end = () => {
    if (common.json) around.stdout.write(`${JSON.stringify(result?.json ?? {}, null, 2)}\n`);
    else if (result && result.text !== '') around.stdout.write(`${result.text}\n`);
  };
  return { context, end };
}

function debugTrace(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${debugTrace(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
