/** Writes a phantom (raw and truth) as one HDF5 file in CREMI layout; shared by `kyn phantom` and `kyn demo`. */
import { type Phantom, throwIfCancelled, type Vec3 } from '@kyn/core';
import { createCremiHdf5 } from '@kyn/io/node';
import type { CommandContext } from './command.ts';

export const RAW_DATASET = '/volumes/raw';
export const TRUTH_DATASET = '/volumes/labels/neuron_ids';

export async function writePhantom(
  path: string,
  phantom: Phantom,
  options: { readonly voxelSizeNm: Vec3; readonly comment: string; readonly overwrite: boolean },
  { stage, signal }: CommandContext,
): Promise<void> {
  const { shape, notes } = phantom.raw.info;
  const file = await createCremiHdf5(path, { shape, ...options, raw: 'uint8', labels: 'uint64' });
  try {
    for (let z = 0; z < shape[0]; z++) {
      throwIfCancelled(signal);
      const [raw, labels] = await Promise.all([phantom.raw.read(z, signal), phantom.labels.read(z, signal)]);
      await file.raw?.write(z, raw);
      await file.labels?.write(z, labels);
      stage.onProgress({ stage: 'phantom', done: z + 1, total: shape[0], unit: 'sections' });
      // Drawing never waits for the disk, so a Ctrl-C gets its turn here.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await file.close();
  } catch (error) {
    await file.discard();
    throw error;
  }
  for (const note of notes) stage.onNote(note);
}
