/** The output folder of `kyn segment`: what is in it, whose it is, and that a killed run can be finished. */
import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { isKynError, runPipeline } from '@kyn/core';
import { openLabels, takeSegmentationFolder } from '@kyn/io/node';
import { tableFromIPC } from 'apache-arrow';
import { build } from 'esbuild';
import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUN, SHAPE, segmentInto, smallRun } from './segment-child.ts';

const scratch = mkdtempSync(join(tmpdir(), 'kyn-folder-'));
const whole = join(scratch, 'whole');
const voxelSizeNm = [40, 10, 10] as const;

/** All files of a folder but the report, which has times in it. */
function contents(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'report.json') continue;
    const path = join(entry.parentPath, entry.name);
    found[relative(folder, path)] = readFileSync(path).toString('base64');
  }
  return found;
}

function take(
  folder: string,
  more: { resume?: boolean; overwrite?: boolean; run?: Record<string, unknown> } = {},
) {
  return takeSegmentationFolder(folder, { shape: SHAPE, voxelSizeNm, run: RUN, ...more });
}

beforeAll(() => segmentInto(whole));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('a complete folder', () => {
  it('holds what the design says and nothing else', () => {
    expect(readdirSync(whole).sort()).toEqual(
      [
        'assignment.arrow',
        'doubts.csv',
        'fragments.zarr',
        'graph.arrow',
        'neurons.csv',
        'preview.png',
        'report.json',
        'segmentation.zarr',
      ].sort(),
    );
  });

  it('has neurons that are the assignment of the fragments', async () => {
    const table = tableFromIPC(readFileSync(join(whole, 'assignment.arrow')));
    const neuronOf = new Map<number, number>();
    for (const row of table) neuronOf.set(row.fragment, row.neuron);
    const fragments = await openLabels(join(whole, 'fragments.zarr'));
    const segmentation = await openLabels(join(whole, 'segmentation.zarr'));
    expect(segmentation.info.shape).toEqual(SHAPE);
    expect(segmentation.info.voxelSizeNm).toEqual(voxelSizeNm);
    for (let z = 0; z < SHAPE[0]; z++) {
      const expected = (await fragments.read(z)).data.map((id) => neuronOf.get(id) ?? 0);
      expect((await segmentation.read(z)).data).toEqual(expected);
    }
  });

  it('has a graph whose edges join fragments that are there', () => {
    const table = tableFromIPC(readFileSync(join(whole, 'graph.arrow')));
    const fragments = tableFromIPC(readFileSync(join(whole, 'assignment.arrow'))).numRows;
    expect(table.schema.fields.map(({ name }) => name)).toEqual(['a', 'b', 'kind', 'area', 'probability']);
    const kinds = new Set<string>();
    for (const { a, b, kind, area, probability } of table) {
      kinds.add(kind);
      expect(a > 0 && a < b && b <= fragments && area > 0 && probability >= 0 && probability <= 1).toBe(true);
    }
    expect([...kinds].sort()).toEqual(['cross', 'in-plane']);
  });

  it('has a table, a picture and a report of it', () => {
    const lines = readFileSync(join(whole, 'neurons.csv'), 'utf8').trimEnd().split('\n');
    const report = JSON.parse(readFileSync(join(whole, 'report.json'), 'utf8'));
    expect(lines).toHaveLength(report.neurons + 1);
    const voxels = lines.slice(1).reduce((sum, line) => sum + Number(line.split(',')[1]), 0);
    expect(voxels).toBe(SHAPE[0] * SHAPE[1] * SHAPE[2]);
    expect(report).toMatchObject({ program: 'kyn', sections: SHAPE[0], run: RUN });
    const picture = decode(readFileSync(join(whole, 'preview.png')));
    expect(picture.width).toBeGreaterThan(2 * SHAPE[2]);
  });
});

const other = { ...RUN, options: { seed: 2 } };
const readReport = (folder: string) => JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
const refusal = (pattern: RegExp) => (error: unknown) =>
  isKynError(error) && error.code === 'output' && pattern.test(error.oneLine());

describe('whose a folder is', () => {
  it('refuses a complete one without --overwrite, and has nothing to resume in it', async () => {
    await expect(take(whole)).rejects.toSatisfy(refusal(/holds a segmentation.*--overwrite/));
    await expect(take(whole, { resume: true })).resolves.toMatchObject({ complete: true });
    await expect(take(whole, { resume: true, run: other })).rejects.toSatisfy(refusal(/options \(options\)/));
  });

  it('refuses to trust a complete one that has lost something', async () => {
    for (const lost of ['graph.arrow', 'segmentation.zarr/0/c/2/0/0', 'fragments.zarr/zarr.json']) {
      const folder = join(scratch, 'lost');
      cpSync(whole, folder, { recursive: true });
      rmSync(join(folder, lost));
      const says = new RegExp(`complete, but ${lost} is not there.*--overwrite`);
      await expect(take(folder, { resume: true })).rejects.toSatisfy(refusal(says));
      rmSync(folder, { recursive: true });
    }
  });

  it.skipIf(!existsSync('/proc/self'))('refuses where no folder can be made', async () => {
    await expect(take('/proc/nowhere/out')).rejects.toSatisfy(refusal(/no folder or file can be made there/));
  });

  it('refuses one that is not ours, and leaves it as it was', async () => {
    const folder = join(scratch, 'foreign');
    mkdirSync(folder);
    writeFileSync(join(folder, 'thesis.txt'), 'mine');
    await expect(take(folder)).rejects.toSatisfy(refusal(/not empty/));
    writeFileSync(join(folder, 'preview.png'), 'mine too');
    await expect(take(folder, { overwrite: true })).rejects.toSatisfy(refusal(/preview\.png is not ours/));
    expect(readdirSync(folder).sort()).toEqual(['preview.png', 'thesis.txt']);
    rmSync(join(folder, 'preview.png'));
    const taken = await take(folder, { overwrite: true });
    if (taken.complete) throw new Error('it is not complete');
    await taken.store.discard();
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
  });

  it('refuses a file', async () => {
    const path = join(scratch, 'file');
    writeFileSync(path, '');
    await expect(take(path)).rejects.toSatisfy(refusal(/file of this name/));
  });

  it('replaces a segmentation, and only that, with --overwrite, when the new one is complete', async () => {
    const folder = join(scratch, 'replaced');
    cpSync(whole, folder, { recursive: true });
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const taken = await take(folder, { overwrite: true, run: other });
    if (taken.complete) throw new Error('it is not complete');
    expect(contents(folder)).toMatchObject(contents(whole));
    expect(existsSync(join(folder, 'INCOMPLETE'))).toBe(false);
    await runPipeline(smallRun(), taken.store);
    rmSync(join(folder, 'notes.txt'));
    expect(contents(folder)).toEqual(contents(whole));
    expect(readReport(folder).run).toEqual(other);
  });

  it('says so where it cannot write, and leaves the run marked as incomplete', async () => {
    const folder = join(scratch, 'blocked');
    const taken = await take(folder);
    if (taken.complete) throw new Error('it is not complete');
    writeFileSync(join(folder, '.sections'), 'in the way');
    await expect(runPipeline(smallRun(), taken.store)).rejects.toSatisfy(refusal(/\.sections/));
    expect(existsSync(join(folder, 'INCOMPLETE'))).toBe(true);
    expect(existsSync(join(folder, 'report.json'))).toBe(false);
  });
});

describe('a replacement that was interrupted', () => {
  const interrupted = async (folder: string) => {
    cpSync(whole, folder, { recursive: true });
    const taken = await take(folder, { overwrite: true, run: other });
    if (taken.complete) throw new Error('it is not complete');
    const run = smallRun();
    const signal = { aborted: false };
    const onProgress = ({ done }: { done: number }) => {
      signal.aborted = done === 3;
    };
    await expect(runPipeline(run, taken.store, undefined, { signal, onProgress })).rejects.toThrow(/stopped/);
    expect(await taken.store.worthResuming()).toBe(true);
    await taken.store.release();
  };

  it('leaves the old result as it was, and is finished by --resume', async () => {
    const folder = join(scratch, 'kept');
    await interrupted(folder);
    expect(contents(folder)).toMatchObject(contents(whole));
    expect(readReport(folder).run).toEqual(RUN);
    await expect(take(folder, { run: other })).rejects.toSatisfy(refusal(/interrupted run.*--resume/));
    await expect(take(folder, { resume: true })).rejects.toSatisfy(refusal(/options \(options\)/));
    const taken = await take(folder, { resume: true, run: other });
    if (taken.complete) throw new Error('it is not complete');
    expect(taken.store.sectionsDone).toBeGreaterThan(0);
    await runPipeline(smallRun(), taken.store);
    expect(contents(folder)).toEqual(contents(whole));
    expect(readReport(folder).run).toEqual(other);
  });

  it('leaves the old result as it was where it is given up', async () => {
    const folder = join(scratch, 'given-up');
    await interrupted(folder);
    const taken = await take(folder, { overwrite: true });
    if (taken.complete) throw new Error('it is not complete');
    await taken.store.discard();
    expect(contents(folder)).toEqual(contents(whole));
  });

  it('never looks whole while the new result is moved to its place, and is gone on with', async () => {
    const moving = join(scratch, 'moving');
    const next = join(moving, '.kyn-next');
    const names = [...readdirSync(whole).filter((name) => name !== 'report.json'), 'report.json'];
    for (const count of [0, 1, 3, names.length - 1, names.length]) {
      const moved = names.slice(0, count);
      cpSync(whole, moving, { recursive: true });
      cpSync(whole, next, { recursive: true });
      const { run: _, ...report } = readReport(whole);
      writeFileSync(join(next, 'report.json'), JSON.stringify({ ...report, run: other }));
      if (count > 0) {
        writeFileSync(join(moving, 'INCOMPLETE'), JSON.stringify({ program: 'kyn', run: other }));
        rmSync(join(moving, 'report.json'));
      }
      for (const name of moved) {
        rmSync(join(moving, name), { recursive: true, force: true });
        renameSync(join(next, name), join(moving, name));
      }
      if (count === names.length) rmSync(join(moving, 'INCOMPLETE'));
      expect(existsSync(join(moving, 'INCOMPLETE'))).toBe(count > 0 && count < names.length);
      await expect(take(moving, { resume: true, run: other })).resolves.toMatchObject({ complete: true });
      expect(contents(moving)).toEqual(contents(whole));
      expect(readReport(moving).run).toEqual(other);
      rmSync(moving, { recursive: true });
    }
  });
});

describe('two runs in one folder', () => {
  const lock = (folder: string) => join(folder, '.kyn-lock');

  it('refuses the second in one line, and lets the next in when the first has ended', async () => {
    const folder = join(scratch, 'twice');
    const first = await take(folder);
    if (first.complete) throw new Error('it is not complete');
    for (const more of [{}, { resume: true }, { overwrite: true }]) {
      await expect(take(folder, more)).rejects.toSatisfy(
        refusal(new RegExp(`^[^\\n]*another run \\(process ${process.pid} [^\\n]*${lock(folder)}$`)),
      );
    }
    await runPipeline(smallRun(), first.store);
    expect(contents(folder)).toEqual(contents(whole));
    await expect(take(folder, { resume: true })).resolves.toMatchObject({ complete: true });
    expect(existsSync(lock(folder))).toBe(false);
  });

  it('takes over from a process that is no more, and from no other', async () => {
    const folder = join(scratch, 'stale');
    mkdirSync(folder);
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
    const writeLock = (host: string) => writeFileSync(lock(folder), JSON.stringify({ pid: other.pid, host }));
    writeLock(hostname());
    await expect(take(folder)).rejects.toSatisfy(refusal(/another run/));
    const ended = new Promise((resolve) => other.on('exit', resolve));
    other.kill('SIGKILL');
    await ended;
    writeLock('elsewhere');
    await expect(take(folder)).rejects.toSatisfy(refusal(/another run \(process \d+ on elsewhere\)/));
    writeLock(hostname());
    const taken = await take(folder);
    if (taken.complete) throw new Error('it is not complete');
    await taken.store.discard();
    expect(existsSync(folder)).toBe(false);
  });
});

it.each(['segment', 'project'])(
  'a run stopped at a section of stage %s goes on with the same bytes',
  async (stage) => {
    const folder = join(scratch, `stopped-${stage}`);
    const taken = await take(folder);
    if (taken.complete) throw new Error('it is not complete');
    const signal = { aborted: false };
    const onProgress = (at: { stage: string; done: number }) => {
      signal.aborted ||= at.stage === stage && at.done === SHAPE[0];
    };
    await expect(runPipeline(smallRun(), taken.store, undefined, { signal, onProgress })).rejects.toThrow(
      /stopped/,
    );
    await taken.store.release();
    expect(existsSync(join(folder, 'report.json'))).toBe(false);
    await segmentInto(folder, 0, true);
    expect(contents(folder)).toEqual(contents(whole));
  },
);

describe('a run that was killed', () => {
  const child = join(scratch, 'segment-child.mjs');
  beforeAll(() =>
    build({
      entryPoints: [new URL('./segment-child.ts', import.meta.url).pathname],
      outfile: child,
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['h5wasm', 'h5wasm/node'],
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
    }),
  );

  /** Starts a run and kills it as soon as `sections` of it are done. */
  async function killed(folder: string, sections: number): Promise<void> {
    const running = spawn(process.execPath, [child, folder, '15'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = new Promise((resolve) => running.on('exit', resolve));
    const done = () =>
      existsSync(join(folder, '.sections')) ? readdirSync(join(folder, '.sections')).length : 0;
    while (running.exitCode === null && done() < sections)
      await new Promise((resolve) => setTimeout(resolve, 5));
    running.kill('SIGKILL');
    await ended;
  }

  it.each([1, 4, 7])('after section %i is finished by --resume with the same bytes', async (sections) => {
    const folder = join(scratch, `killed-${sections}`);
    await killed(folder, sections);
    expect(existsSync(join(folder, 'INCOMPLETE'))).toBe(true);
    expect(existsSync(join(folder, 'report.json'))).toBe(false);
    await expect(take(folder)).rejects.toThrow(/interrupted run/);
    const other = { ...RUN, input: 'other cells' };
    await expect(take(folder, { resume: true, run: other })).rejects.toThrow(/options \(input\)/);
    await segmentInto(folder, 0, true);
    expect(contents(folder)).toEqual(contents(whole));
  });
});
