/** Walks two or more label volumes of one shape section by section, reading one ahead. */
import { KynError, throwIfCancelled } from '../errors.ts';
import type { LabelSection, LabelSource, StageContext } from '../volume/contracts.ts';

/**
 * Calls `visit` with section `z` of every source, in order of z.
 * @throws KynError `shape` when the volumes differ in shape, `cancelled` when the signal fires.
 */
export async function forEachSection(
  sources: readonly LabelSource[],
  visit: (z: number, sections: readonly LabelSection[]) => void,
  stage: string,
  context: StageContext = {},
): Promise<void> {
  const [first, ...others] = sources;
  const { shape } = first.info;
  for (const other of others) {
    if (other.info.shape.some((extent, axis) => extent !== shape[axis])) {
      throw new KynError(
        'shape',
        `${other.info.shape.join('×')} against ${shape.join('×')} voxels of ${first.info.location}`,
        {
          where: other.info.location,
          hint: 'give volumes of the same shape, or cut them with --bbox and --z-step',
        },
      );
    }
  }
  const { signal, onProgress } = context;
  const read = (z: number) => {
    const sections = Promise.all(sources.map((source) => source.read(z, signal)));
    sections.catch(() => {}); // told when it is awaited; what is thrown before that must not leave it unheard
    return sections;
  };
  const total = shape[0];
  let ahead = read(0);
  for (let z = 0; z < total; z++) {
    throwIfCancelled(signal);
    const sections = await ahead;
    if (z + 1 < total) ahead = read(z + 1);
    visit(z, sections);
    onProgress?.({ stage, done: z + 1, total, unit: 'sections' });
  }
}
