/**
 * Whose an output folder is, and in what state. While a run goes on, the folder holds `INCOMPLETE` (which run it
 * is, as JSON); a complete one holds a `report.json` of ours. Only files that a run writes are ever deleted.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KynError } from '@kyn/core';
import { errorCode, makeFolder, outputError, partialName, writeFileAtomic } from '../atomic.ts';
import { missingPiece } from '../zarr-writer.ts';
import { LOCK } from './folder-lock.ts';

export const INCOMPLETE = 'INCOMPLETE';
export const REPORT = 'report.json';
export const RECORDS = '.sections';
/** A run that is to replace a complete one. */
export const NEXT = '.kyn-next';
export const SEGMENTATION = 'segmentation.zarr';
export const FRAGMENTS = 'fragments.zarr';
export const GRAPH = 'graph.arrow';
export const ASSIGNMENT = 'assignment.arrow';
export const NEURONS = 'neurons.csv';
export const DOUBTS = 'doubts.csv';
export const PREVIEW = 'preview.png';

/** What a complete run has written; the report goes first, so that the rest never looks complete. */
export const RESULTS = [REPORT, PREVIEW, NEURONS, DOUBTS, ASSIGNMENT, GRAPH, SEGMENTATION, FRAGMENTS];

const PROGRAM = 'kyn';

/** What tells runs apart: a resumed run must have the same. Values are compared as JSON. */
export type RunIdentity = Readonly<Record<string, unknown>>;

export type FolderState =
  | { readonly kind: 'free' }
  | { readonly kind: 'interrupted'; readonly run: RunIdentity }
  | { readonly kind: 'complete'; readonly run: RunIdentity }
  | { readonly kind: 'foreign'; readonly taken: readonly string[] };

/** @throws KynError `output` where the path is a file or cannot be read. */
export async function folderState(folder: string): Promise<FolderState> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { kind: 'free' };
    if (errorCode(error) === 'ENOTDIR') {
      throw new KynError('output', 'there is a file of this name, or of a folder above it', {
        where: folder,
        hint: 'choose another name',
      });
    }
    throw outputError(error, folder);
  }
  // a run killed while it wrote its mark left only a part of that
  const aside = [LOCK, NEXT, partialName(INCOMPLETE)];
  if (names.every((name) => aside.includes(name))) return { kind: 'free' };
  const interrupted = names.includes(INCOMPLETE) && (await identityIn(join(folder, INCOMPLETE)));
  if (interrupted) return { kind: 'interrupted', run: interrupted };
  const complete = names.includes(REPORT) && (await identityIn(join(folder, REPORT)));
  if (complete) return { kind: 'complete', run: complete };
  return { kind: 'foreign', taken: names.filter((name) => [...RESULTS, RECORDS, INCOMPLETE].includes(name)) };
}

async function identityIn(path: string): Promise<RunIdentity | undefined> {
  try {
    const { program, run } = JSON.parse(await readFile(path, 'utf8'));
    return program === PROGRAM && typeof run === 'object' && run !== null ? run : undefined;
  } catch {
    return undefined;
  }
}

/** The first of a complete run's results that is not there, as far as names tell. */
export async function missingResult(folder: string): Promise<string | undefined> {
  const names = await readdir(folder);
  const lost = RESULTS.find((name) => !names.includes(name));
  if (lost) return lost;
  for (const volume of [SEGMENTATION, FRAGMENTS]) {
    const piece = await missingPiece(join(folder, volume));
    if (piece) return join(volume, piece);
  }
  return undefined;
}

/** The first property that two runs differ in. */
export function firstDifference(before: RunIdentity, now: RunIdentity): string | undefined {
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (JSON.stringify(before[key]) !== JSON.stringify(now[key])) return key;
  }
  return undefined;
}

/** Makes the folder and marks it as holding an incomplete run. */
export async function markIncomplete(folder: string, run: RunIdentity): Promise<void> {
  await makeFolder(folder).catch((error: unknown) => {
    throw outputError(error, folder);
  });
  const says = 'This segmentation is not complete: run the same command with --resume to finish it.';
  await writeFileAtomic(
    join(folder, INCOMPLETE),
    `${JSON.stringify({ program: PROGRAM, says, run }, null, 2)}\n`,
  );
}

export function reportText(run: RunIdentity, content: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ program: PROGRAM, ...content, run }, null, 2)}\n`;
}

/** Removes what a run wrote but its mark, and nothing else. */
export async function removeResults(folder: string): Promise<void> {
  for (const name of [...RESULTS, RECORDS, NEXT]) await remove(folder, name);
}

export async function remove(folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
    throw outputError(error, path);
  });
}
