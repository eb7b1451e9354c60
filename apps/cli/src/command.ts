/**
 * What a command is. Each lives in one file under `commands/` and is listed by name in `registry.ts`:
 *
 *     export const info = defineCommand({ name: 'info', summary: '...', operands: [...], options: {...},
 *       examples: [...], async run({ operands, values }, context) { ... } });
 *
 * A name may have two words (`train segmenter`); `kyn train --help` then lists all that begin with `train`.
 */
import type { StageContext } from '@kyn/core';
import type { commonOptions, OptionTable, Values } from './options.ts';

export interface Operand {
  /** As shown in help: `INPUT`. */
  readonly name: string;
  readonly summary: string;
  readonly optional?: boolean;
}

export interface Example {
  readonly line: string;
  readonly says: string;
}

export interface Invocation<O extends OptionTable> {
  /** As many as `operands` lists (fewer where the last are optional). */
  readonly operands: readonly string[];
  readonly values: Values<O & typeof commonOptions>;
  /** Keys of the options that stand on the command line. */
  readonly given: ReadonlySet<string>;
}

/** A command's way to the outside: cancellation, progress, notes, and its one result. */
export interface CommandContext {
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal;
  /** For `stage(input, options, context.stage)`: signal, progress bar and notes in one. */
  readonly stage: Required<StageContext> & { readonly signal: AbortSignal };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The command's result: `text` for people on stdout, or with `--json` the object, as one document. */
  result(json: unknown, text: string): void;
  /** Takes the progress bar off the terminal (before the result; done at the end anyway). */
  endProgress(): void;
}

export interface Command<O extends OptionTable = OptionTable> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** More for the command's own help, lines broken at about 90 columns. */
  readonly description?: string;
  readonly operands: readonly Operand[];
  readonly options: O;
  readonly examples: readonly Example[];
  run(invocation: Invocation<O>, context: CommandContext): Promise<void>;
}

/** A command that is loaded when it is asked for. */
export interface CommandEntry {
  /** As the command has it. */
  readonly name: string;
  load(): Promise<Command>;
}

/** Checks a command's types against its own option table and hands it on as any command. */
export function defineCommand<const O extends OptionTable>(command: Command<O>): Command {
  return command as unknown as Command;
}
