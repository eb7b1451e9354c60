/**
 * A result that is to be replaced stays until the new one is complete: a run makes that in `.kyn-next`, within the output
 * folder and like one itself, and moves it out when it has finished. Where that is cut short, the next run does the rest.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, outputError } from '../atomic.ts';
import { folderState, INCOMPLETE, markIncomplete, NEXT, REPORT, RESULTS, remove } from './folder-state.ts';

/** The folder that a run is to write into: `folder`, or where a result in it is being replaced, the one for the new one. */
export async function workFolder(folder: string, overwrite: boolean): Promise<string> {
  await moveOut(folder);
  if ((await folderState(folder)).kind !== 'complete') return folder;
  const next = join(folder, NEXT);
  return overwrite || (await folderState(next)).kind === 'interrupted' ? next : folder;
}

/** Puts a new result, where a complete one is waiting, in the place of the one in `folder`. */
export async function moveOut(folder: string): Promise<void> {
  const next = join(folder, NEXT);
  const state = await folderState(next);
  if (state.kind !== 'complete') return;
  await markIncomplete(folder, state.run);
  await remove(folder, REPORT);
  // the report goes last: as long as it is in there, this is to be gone on with
  for (const name of RESULTS.filter((each) => each !== REPORT)) await moveUp(next, folder, name);
  await remove(folder, INCOMPLETE);
  await moveUp(next, folder, REPORT);
  await remove(folder, NEXT);
}

async function moveUp(from: string, to: string, name: string): Promise<void> {
  if (!(await exists(join(from, name)))) return; // moved by who was cut short
  await remove(to, name);
  await rename(join(from, name), join(to, name)).catch((error: unknown) => {
    throw outputError(error, join(to, name));
  });
}
