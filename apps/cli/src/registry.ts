/** All commands, in the order help lists them. A new one is a file in `commands/` and a line here. */
import type { Command } from './command.ts';

export const commands: readonly Command[] = [];
