/** Runs a command from within another one, through the same parser, so that its defaults hold there too. */
import type { Command, CommandContext } from './command.ts';
import { parseArguments } from './parse-arguments.ts';

/** The JSON result of `words` (operands and options) given to `command`; nothing is printed. */
export async function runInner(
  command: Command,
  words: readonly string[],
  context: CommandContext,
): Promise<unknown> {
  const { invocation } = parseArguments(command, words);
  if (!invocation) throw new TypeError('help cannot be asked for from within');
  let result: unknown;
  await command.run(invocation, {
    ...context,
    result(json) {
      result = json;
    },
  });
  context.endProgress();
  return result;
}
