/**
 * All commands, in the order help lists them. A new one is a file in `commands/` and a line here. Only the one that is
 * asked for is loaded: the others, and what they need, cost no time at the start.
 */
import type { CommandEntry } from './command.ts';

export const commands: readonly CommandEntry[] = [
  { name: 'segment', load: async () => (await import('./commands/segment.ts')).segmentCommand },
  { name: 'evaluate', load: async () => (await import('./commands/evaluate.ts')).evaluateCommand },
  { name: 'compare', load: async () => (await import('./commands/compare.ts')).compareCommand },
  { name: 'phantom', load: async () => (await import('./commands/phantom.ts')).phantomCommand },
  { name: 'info', load: async () => (await import('./commands/info.ts')).infoCommand },
  { name: 'convert', load: async () => (await import('./commands/convert.ts')).convertCommand },
  {
    name: 'train segmenter',
    load: async () => (await import('./commands/train-segmenter.ts')).trainSegmenterCommand,
  },
  {
    name: 'train linker',
    load: async () => (await import('./commands/train-linker.ts')).trainLinkerCommand,
  },
  {
    name: 'train baseline3d',
    load: async () => (await import('./commands/train-baseline3d.ts')).trainBaseline3dCommand,
  },
  { name: 'adapt', load: async () => (await import('./commands/adapt.ts')).adaptCommand },
  { name: 'demo', load: async () => (await import('./commands/demo.ts')).demoCommand },
];
