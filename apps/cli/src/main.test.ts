/** The built command line as a process: signals, exit codes, pipes. `npm test` builds it first. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ndarray } from '@kyn/core';
import { createCremiHdf5 } from '@kyn/io/node';
import { unzipSync, zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';

const bundle = join(dirname(fileURLToPath(import.meta.url)), '../../../dist/kyn.js');
const built = existsSync(bundle);
const scratch = mkdtempSync(join(tmpdir(), 'kyn-main-'));
const home = join(scratch, 'home');
mkdirSync(home);
afterAll(() => rmSync(scratch, { recursive: true }), 120_000); // thousands of files

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Kill = (signal: NodeJS.Signals) => void;

/** Runs it; `onStderr` sees what it writes and may act, `onStart` is told how to end it. */
function run(args: string[], onStderr?: (text: string, kill: Kill) => void, onStart?: (kill: Kill) => void) {
  return new Promise<Ended>((resolve) => {
    const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
    const child = spawn(process.execPath, [bundle, ...args], { cwd: scratch, env: { ...env, HOME: home } });
    onStart?.((signal) => child.kill(signal));
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      onStderr?.(stderr, (signal) => child.kill(signal));
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs it, and sends SIGINT as soon as `underWay`, which sees what is on stderr, says so. */
async function interrupted(args: string[], underWay: (stderr: string) => boolean): Promise<Ended> {
  let told = '';
  let kill: Kill = () => {};
  const ended = run(
    args,
    (text) => (told = text),
    (by) => (kill = by),
  );
  const watch = setInterval(() => {
    if (!underWay(told)) return;
    clearInterval(watch);
    kill('SIGINT');
  }, 5);
  return ended.finally(() => clearInterval(watch));
}

describe.skipIf(!built)('the built kyn', () => {
  it('keeps nothing in the home of whoever runs it, not even where it computes in this thread', async () => {
    await writeVolume(join(scratch, 'private.h5'));
    expect((await run(['segment', 'private.h5', '--out', 'private', '--quiet'])).code).toBe(0);
    expect((await run(['info', join(dirname(bundle), '../models/base.kyn')])).code).toBe(0);
    expect(readdirSync(home)).toEqual([]);
  });

  it('leaves a segmentation alone that it is to replace with a network which cannot be loaded', async () => {
    await writeVolume(join(scratch, 'replaced.h5'));
    const args = ['segment', 'replaced.h5', '--out', 'kept', '--quiet'];
    expect((await run(args)).code).toBe(0);
    const before = readdirSync(join(scratch, 'kept')).sort();
    const files = unzipSync(readFileSync(join(dirname(bundle), '../models/base.kyn')));
    writeFileSync(
      join(scratch, 'broken.kyn'),
      zipSync({ 'model.json': files['model.json'], 'segmenter.onnx': new Uint8Array(99) }),
    );
    for (const more of [['--overwrite'], ['--overwrite', '--link', 'overlap']]) {
      const { code, stderr } = await run([...args, '--model', 'broken.kyn', ...more]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^kyn: broken\.kyn: not a network that ONNX Runtime can load[^\n]*\n$/);
      expect(readdirSync(join(scratch, 'kept')).sort()).toEqual(before);
    }
    const fresh = await run(['segment', 'replaced.h5', '--out', 'fresh', '--quiet', '--model', 'broken.kyn']);
    expect(fresh).toMatchObject({ code: 1 });
    expect(existsSync(join(scratch, 'fresh'))).toBe(false);
  });

  it('prints its version, and ends with 2 on wrong use', async () => {
    const { code, stdout } = await run(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await run(['evaluate', 'a', 'b', '--nope'])).toMatchObject({ code: 2, stdout: '' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'on %s stops cleanly with 130 and leaves nothing',
    async (signal) => {
      let killed = false;
      const args = ['phantom', '--out', `${signal}.h5`, '--shape', '4000,96,96', '--seed', '1'];
      const { code, stdout, stderr } = await run(args, (text, kill) => {
        if (!killed && text.includes('phantom:')) kill(signal);
        killed ||= text.includes('phantom:');
      });
      expect(killed).toBe(true);
      expect(code).toBe(130);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/kyn: stopped\n$/);
      expect(readdirSync(scratch).filter((name) => name.startsWith(signal))).toEqual([]);
    },
  );

  it.each([
    [
      'convert',
      ['convert', 'volume.h5:/volumes/labels/neuron_ids', 'converted.zarr'],
      () => existsSync(join(scratch, 'converted.zarr.partial/0/c/5')),
      /kyn: stopped\n$/,
    ],
    [
      'train segmenter',
      ['train', 'segmenter', '--volume', 'volume.h5', '--out', 'trained.kyn', '--workers', '1'],
      (stderr: string) => stderr.includes('train:'),
      /kyn: stopped; the steps that are done stay: .* --resume goes on\n$/,
    ],
  ] as [string, string[], (stderr: string) => boolean, RegExp][])(
    'stops %s on SIGINT, with nothing that looks whole',
    async (_, args, underWay, says) => {
      await writeVolume(join(scratch, 'volume.h5'));
      const { code, stdout, stderr } = await interrupted(args, underWay);
      expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
      expect(stderr).toMatch(says);
      const left = readdirSync(scratch).filter((name) =>
        /^(converted|trained)\.(zarr|kyn)(\.partial)?$/.test(name),
      );
      expect(left).toEqual([]);
    },
    300_000,
  );
});

describe.skipIf(!built)('kyn segment on SIGINT', () => {
  it.each([
    ['while it segments', 'stopped-early', '.sections/000005.bin'],
    ['while it writes neurons', 'stopped-late', 'segmentation.zarr/0/c/5'],
  ])(
    '%s stops cleanly, and is gone on with',
    async (_, out, underWay) => {
      await writeVolume(join(scratch, 'volume.h5'));
      const labels = 'volume.h5:/volumes/labels/neuron_ids';
      const words = ['segment', 'volume.h5', '--fragments', labels, '--link', 'overlap', '--out', out];
      const ended = await interrupted(words, () => existsSync(join(scratch, out, underWay)));
      const { code, stdout, stderr } = ended;
      expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
      expect(stderr).toMatch(/kyn: stopped; sections that are done stay: .* --resume goes on\n$/);
      const left = readdirSync(join(scratch, out));
      expect(left).toContain('INCOMPLETE');
      for (const name of ['report.json', '.kyn-lock']) expect(left).not.toContain(name);
      expect((await run([...words, '--resume', '--quiet'])).code).toBe(0);
      expect(readdirSync(join(scratch, out))).not.toContain('INCOMPLETE');
    },
    300_000,
  );
});

/** Enough sections that no command is through with them before it is stopped. */
async function writeVolume(path: string, depth = 1500): Promise<void> {
  if (existsSync(path)) return;
  const shape = [depth, 96, 96] as const;
  const file = await createCremiHdf5(path, {
    shape,
    voxelSizeNm: [40, 8, 8],
    raw: 'uint8',
    labels: 'uint64',
  });
  for (let z = 0; z < depth; z++) {
    const grey = Uint8Array.from({ length: 96 * 96 }, (_, i) => (i * 7 + z * 13) % 251);
    const ids = Uint32Array.from({ length: 96 * 96 }, (_, i) => 1 + ((i % 96) >> 4));
    await file.raw?.write(z, ndarray(grey, [96, 96]));
    await file.labels?.write(z, ndarray(ids, [96, 96]));
  }
  await file.close();
}
