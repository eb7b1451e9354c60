// Bundles one TypeScript file and runs it: `node bench/run.mjs bench/some-bench.ts arguments...`
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [entry, ...args] = process.argv.slice(2);
if (!entry) {
  console.error('usage: node bench/run.mjs FILE.ts [arguments]');
  process.exit(2);
}
const folder = join(root, '.cache', 'bench');
mkdirSync(folder, { recursive: true });
const outfile = join(folder, `${basename(entry, '.ts')}-${process.pid}.mjs`);
try {
  await build({
    entryPoints: [resolve(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    packages: 'bundle',
    external: ['h5wasm', 'h5wasm/*', 'onnxruntime-node', 'onnxruntime-web', 'esbuild'],
    logLevel: 'warning',
  });
  const flags = ['--enable-source-maps', ...(process.env.KYN_NODE_FLAGS?.split(' ') ?? [])];
  process.exitCode =
    spawnSync(process.execPath, [...flags, outfile, ...args], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(outfile, { force: true });
}
