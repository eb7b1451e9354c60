/** Guards against writing over what is being read. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { KynError } from '@kyn/core';
import { parseVolumeSpec } from '@kyn/io';

/** The path with links resolved as far as it exists. */
function place(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(place(parent), basename(whole));
  }
}

/**
 * @param input a volume as the command line names it.
 * @throws KynError `output` where `output` is the input's file or folder, or lies in it, or holds it.
 */
export function refuseSamePlace(input: string | undefined, output: string): void {
  if (input === undefined || parseVolumeSpec(input).isUrl) return;
  const [from, to] = [place(parseVolumeSpec(input).location), place(output)];
  const within = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(outer + sep);
  // A result may well be kept in a folder beside its input, but not inside it, nor around it.
  if (!within(from, to) && !within(to, from)) return;
  const lies = from === to ? 'is the input' : within(to, from) ? 'lies in the input' : 'holds the input';
  throw new KynError('output', `it ${lies} ${input}`, {
    where: output,
    hint: 'name another place to write to, beside the input',
  });
}
