/**
 * `kyn evaluate` beside the independent scorer: the same two files, whole processes from start to printed
 * scores, one after the other in turn. Checks that all scores agree to 1e-9 before it prints a time.
 *
 *     node scripts/ensure.mjs && KYN_PYTHON=python3 node bench/run.mjs bench/evaluate.ts [--runs N]
 *
 * Reads the ground truths that KYN_DATA names (default ../shared/data), as they lie there or some sections of them; the
 * segmentation is the truth moved by 3 px, cut every 8 sections, as kyn writes it. KYN_SCORER is the scorer (default ../shared/tools/score.py).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ndarray, subvolume, toDense, type Vec3 } from '@kyn/core';
import { createCremiHdf5, openLabels } from '@kyn/io/node';

const data = process.env.KYN_DATA ?? '../shared/data';
const scorer = process.env.KYN_SCORER ?? '../shared/tools/score.py';
const python = process.env.KYN_PYTHON ?? 'python3';
const runsAt = process.argv.indexOf('--runs');
const runs = runsAt < 0 ? 3 : Number(process.argv[runsAt + 1]);
const inside = ':/volumes/labels/neuron_ids';

const cases: [name: string, file: string, sections: [number, number] | undefined][] = [
  ['flyem-medulla/val (3.4 MVx)', 'flyem-medulla/val.h5', undefined],
  ['flyem-medulla/train (6.9 MVx)', 'flyem-medulla/train.h5', undefined],
  ['pinky40-labels, 32 sections (33.6 MVx)', 'pinky40-labels/labels.h5', [96, 128]],
];

/** A segmentation made from a truth, and that truth: as it lies, or the sections of it that are asked for. */
async function pairOf(
  file: string,
  sections: [number, number] | undefined,
  [segmented, part]: [string, string],
): Promise<[string, string]> {
  for (const path of [segmented, part]) rmSync(path, { force: true });
  const whole = await openLabels(join(data, file) + inside);
  const [z0, z1] = sections ?? [0, whole.info.shape[0]];
  const source = subvolume(whole, { bbox: { min: [z0, 0, 0], max: [z1, undefined, undefined] } });
  const shape = source.info.shape;
  const voxelSizeNm: Vec3 = source.info.voxelSizeNm ?? [40, 8, 8];
  const truth = sections && (await createCremiHdf5(part, { shape, voxelSizeNm, labels: 'uint64' }));
  const seg = await createCremiHdf5(segmented, { shape, voxelSizeNm, labels: 'uint64' });
  for (let z = 0; z < shape[0]; z++) {
    const section = toDense(await source.read(z));
    const moved = new Uint32Array(section.data.length);
    for (let i = 3; i < moved.length; i++) moved[i] = section.data[i - 3] * 64 + (z >> 3);
    await truth?.labels?.write(z, section);
    await seg.labels?.write(z, ndarray(moved, section.shape));
  }
  await truth?.close();
  await seg.close();
  await source.close();
  return [segmented, truth ? part : join(data, file) + inside];
}

function timed(command: string, args: string[]): { seconds: number; scores: Record<string, number> } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  return { seconds: (performance.now() - start) / 1000, scores: JSON.parse(stdout) };
}

if (!existsSync(data) || !existsSync(scorer)) {
  console.log('skipped: no data or no scorer here (KYN_DATA, KYN_SCORER)');
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'kyn-bench-'));
try {
  console.log('volume | mode | kyn s | score.py s | ratio | largest difference');
  for (const [name, file, sections] of cases) {
    const pair = await pairOf(file, sections, [join(folder, 'seg.h5'), join(folder, 'truth.h5')]);
    for (const mode of [[], ['--per-slice']]) {
      let ours = Infinity;
      let theirs = Infinity;
      let difference = 0;
      for (let run = 0; run < runs; run++) {
        const a = timed(process.execPath, ['dist/kyn.js', 'evaluate', ...pair, ...mode, '--json', '--quiet']);
        const b = timed(python, [scorer, ...pair, ...mode, '--json']);
        ours = Math.min(ours, a.seconds);
        theirs = Math.min(theirs, b.seconds);
        for (const [key, value] of Object.entries(b.scores)) {
          difference = Math.max(difference, Math.abs(value - a.scores[key]));
        }
      }
      if (!(difference <= 1e-9)) throw new Error(`${name}: scores differ by ${difference}`);
      const cells = [
        name,
        mode[0] ?? 'volume',
        ours.toFixed(2),
        theirs.toFixed(2),
        (theirs / ours).toFixed(1),
      ];
      console.log([...cells, difference.toExponential(1)].join(' | '));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
