/**
 * Bundles the command line into `dist/`: our own packages are compiled in, native and WASM runtimes stay
 * outside (they find their binaries beside themselves). Worker entry points become files of their own
 * beside it, because `new Worker(new URL('./x.js', import.meta.url))` loads them by name.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Output name → source. Workers are added here. */
const entries = {
  kyn: 'apps/cli/src/main.ts',
  'sample-worker': 'packages/nn/src/sample/sample-worker.ts',
  'session-worker': 'packages/nn/src/runtime/session-worker.ts',
};

/** Licences of the packages that are bundled in. */
const NOTICES = 'THIRD-PARTY.txt';

for (const source of Object.values(entries)) {
  if (!existsSync(join(root, source))) throw new Error(`build: ${source} is missing`);
}
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: entries,
  outdir: 'dist',
  bundle: true,
  // What is imported on demand (codecs above all) stays in files of its own, which cost nothing until then.
  splitting: true,
  chunkNames: 'part-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['onnxruntime-node', 'onnxruntime-web', 'h5wasm', 'h5wasm/node'],
  define: { KYN_VERSION: JSON.stringify(version) },
  banner: {
    js: [
      '#!/usr/bin/env node',
      // CommonJS packages that are bundled in call `require` for Node's own modules.
      "import { createRequire as __createRequire } from 'node:module';",
      'const require = __createRequire(import.meta.url);',
    ].join('\n'),
  },
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none', // THIRD-PARTY.txt has them all
  metafile: true,
  logLevel: 'warning',
});
writeFileSync(join(root, 'dist', NOTICES), notices(Object.keys(metafile.inputs)));
// Leftovers of entries that are no more; what is there stays whole for a process that runs from it.
for (const name of readdirSync(join(root, 'dist'))) {
  if (name !== NOTICES && !(`dist/${name}` in metafile.outputs))
    rmSync(join(root, 'dist', name), { recursive: true });
}

/** Name, version and licence text of every package that one of these files is of. */
function notices(inputs) {
  const folders = new Set(
    inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []),
  );
  const sections = [...folders].sort().map((folder) => {
    const {
      name,
      version: found,
      license,
    } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const texts = readdirSync(join(root, folder))
      .filter((file) => /^(licen[cs]e|notice)/i.test(file))
      .map((file) => readFileSync(join(root, folder, file), 'utf8').trim());
    return [`${name} ${found} (${license})`, ...texts].join('\n\n');
  });
  return `${sections.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
