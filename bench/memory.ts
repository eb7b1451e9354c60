/**
 * Peak memory against depth: `kyn segment` on a stack, and on the same stack repeated in depth, as processes of
 * their own. The repeated stack is written to a temporary OME-Zarr first.
 *
 *     npm run build && node bench/run.mjs bench/memory.ts [INPUT] [--times 10] [--voxel-size 4.6,4.6,45]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Vec3 } from '@kyn/core';
import { createRawZarr, openSections } from '@kyn/io/node';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '10' },
    'voxel-size': { type: 'string', default: '4.6,4.6,45' },
    model: { type: 'string', default: 'base' },
  },
});
const input = positionals[0] ?? join(process.env.KYN_DATA ?? '../shared/data', 'vnc-stack1/raw');
const times = Number(values.times);
const [x, y, z] = values['voxel-size'].split(',').map(Number);
const voxelSizeNm: Vec3 = [z, y, x];
const folder = mkdtempSync(join(tmpdir(), 'kyn-memory-'));

function peak(volume: string): number {
  const out = join(folder, 'out');
  const args = ['dist/kyn.js', 'segment', volume, '--out', out, '--voxel-size', values['voxel-size']];
  args.push('--model', values.model, '--quiet', '--json');
  const report = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e9 }));
  rmSync(out, { recursive: true });
  return report.peakMemoryBytes / 1e6;
}

try {
  const source = await openSections(input, { voxelSizeNm });
  const [depth, height, width] = source.info.shape;
  const deep = join(folder, 'deep.zarr');
  const shape: Vec3 = [depth * times, height, width];
  const dtype = source.info.dtype as 'uint8' | 'uint16' | 'float32';
  const sink = await createRawZarr(deep, { shape, voxelSizeNm, dtype });
  for (let section = 0; section < shape[0]; section++)
    await sink.write(section, await source.read(section % depth));
  await sink.close();
  await source.close();
  const [shallow, repeated] = [peak(input), peak(deep)];
  const change = (100 * (repeated - shallow)) / shallow;
  console.log(
    `${depth} sections: ${shallow.toFixed(0)} MB; ${depth * times} sections: ${repeated.toFixed(0)} MB (${change >= 0 ? '+' : ''}${change.toFixed(0)} %)`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
