/** All commands, in the order help lists them. A new one is a file in `commands/` and a line here. */
import type { Command } from './command.ts';
import { evaluateCommand } from './commands/evaluate.ts';

export const commands: readonly Command[] = [evaluateCommand];
