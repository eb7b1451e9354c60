/** Tells whether a run that is resumed is given the very sections that it began with. */
import { createHash } from 'node:crypto';
import {
  KynError,
  type LabelSection,
  type NdArray,
  type SectionSource,
  type Signal,
  type StageContext,
  throwIfCancelled,
  toDense,
} from '@kyn/core';

/** A volume whose sections are noted as they are read. */
export class NotedSource<A extends NdArray> {
  readonly digests = new Map<number, string>();

  constructor(
    private readonly source: Pick<SectionSource, 'info' | 'close'> & {
      read(z: number, signal?: Signal): Promise<A>;
    },
    private readonly digestOf: (section: A) => string,
  ) {}

  get info() {
    return this.source.info;
  }

  async read(z: number, signal?: Signal): Promise<A> {
    const section = await this.source.read(z, signal);
    if (!this.digests.has(z)) this.digests.set(z, this.digestOf(section));
    return section;
  }

  close(): Promise<void> {
    return this.source.close();
  }
}

type AnySource = Pick<NotedSource<NdArray>, 'digests'> & {
  read(z: number, signal?: Signal): Promise<unknown>;
};

/** What section `z` was made from, one digest a volume; empty where none of it was read. */
export function madeFrom(volumes: readonly Pick<AnySource, 'digests'>[], z: number): string {
  return volumes.map(({ digests }) => digests.get(z) ?? '').join(' ');
}

/**
 * Reads the sections that are done once more. The few after them that their network has seen, too, are not known.
 * @param before what section `z` was made from, as {@link madeFrom} told then; undefined where nobody knows
 * @throws KynError `output` at the first that is another now, `cancelled`, and what reading throws
 */
export async function checkSectionsDone(
  volumes: readonly AnySource[],
  done: number,
  before: (z: number) => Promise<string | undefined>,
  folder: string,
  { signal, onProgress }: StageContext,
): Promise<void> {
  for (let z = 0; z < done; z++) {
    throwIfCancelled(signal);
    onProgress?.({ stage: 'check', done: z, total: done, unit: 'sections' });
    const then = (await before(z))?.split(' ') ?? [];
    for (const [i, volume] of volumes.entries()) {
      if (!then[i]) continue;
      await volume.read(z, signal);
      if (volume.digests.get(z) === then[i]) continue;
      throw new KynError('output', `section ${z} is another one now than when the run there was begun`, {
        where: folder,
        hint: 'resume with the same input, or begin anew with --overwrite',
      });
    }
  }
}

/** Of the pixels, whatever their layout. */
export function digestOfImage(section: NdArray): string {
  const { buffer, byteOffset, byteLength } = toDense(section).data;
  return digest(new Uint8Array(buffer, byteOffset, byteLength));
}

/** Of labels up to their numbers: ids beyond 32 bit are numbered in the order in which sections are read. */
export function digestOfLabels(section: LabelSection): string {
  const numbers = new Map<number, number>([[0, 0]]);
  const renumbered = toDense(section).data.slice();
  let [last, number] = [0, 0];
  for (let p = 0; p < renumbered.length; p++) {
    const id = renumbered[p];
    if (id !== last) {
      last = id;
      number = numbers.get(id) ?? numbers.size;
      numbers.set(id, number);
    }
    renumbered[p] = number;
  }
  return digestOfImage({ ...section, data: renumbered, stride: [section.shape[1], 1] });
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
