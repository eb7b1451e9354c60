/** All commands, in the order help lists them. A new one is a file in `commands/` and a line here. */
import type { Command } from './command.ts';
import { convertCommand } from './commands/convert.ts';
import { demoCommand } from './commands/demo.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { infoCommand } from './commands/info.ts';
import { phantomCommand } from './commands/phantom.ts';
import { segmentCommand } from './commands/segment.ts';
import { trainBaseline3dCommand } from './commands/train-baseline3d.ts';
import { trainLinkerCommand } from './commands/train-linker.ts';
import { trainSegmenterCommand } from './commands/train-segmenter.ts';

export const commands: readonly Command[] = [
  segmentCommand,
  evaluateCommand,
  phantomCommand,
  infoCommand,
  convertCommand,
  trainSegmenterCommand,
  trainLinkerCommand,
  trainBaseline3dCommand,
  demoCommand,
];
