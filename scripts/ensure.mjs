/**
 * Makes a clone ready before a command runs in it: installs the packages where some are missing or of another
 * version than the lock file says, and builds where `dist/` is older than a source (`--rebuild`: always).
 * Uses nothing but Node and npm, so it works in a fresh clone. Ready already, it takes some tens of
 * milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old; install Node 20.19 or newer`);
}
// Not `npm ci`: that throws away what is there first, under the feet of whatever runs from it.
const install = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
if (!installed()) run('npm', install, 'installing packages');
if (process.argv.includes('--rebuild') || !built()) {
  run(process.execPath, [at('scripts', 'build.mjs')], 'building');
}

/** True when every package of the lock file that this machine needs lies there in its version. */
function installed() {
  const mark = at('node_modules', '.package-lock.json');
  if (!existsSync(mark)) return false;
  const wanted = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(mark, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional, link }]) =>
      !path.startsWith('node_modules/') || link || optional || present[path]?.version === version,
  );
}

function built() {
  const out = at('dist', 'kyn.js');
  if (!existsSync(out)) return false;
  const builtAt = statSync(out).mtimeMs;
  return newest(['packages', 'apps', 'scripts/build.mjs', 'package.json']) <= builtAt;
}

/** Latest change of any source below these paths, in ms. */
function newest(paths) {
  let latest = 0;
  const visit = (path) => {
    const info = statSync(path);
    if (!info.isDirectory()) {
      if (!path.endsWith('.test.ts')) latest = Math.max(latest, info.mtimeMs);
      return;
    }
    for (const name of readdirSync(path)) {
      if (name !== 'node_modules' && name !== 'dist') visit(join(path, name));
    }
  };
  for (const path of paths) visit(at(path));
  return latest;
}

function run(command, args, doing) {
  process.stderr.write(`${doing} ...\n`);
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: isWindows() });
  if (done.status !== 0)
    fail(`${doing} failed: ${command} ${args.join(' ')} ended with ${done.status ?? done.signal}`);
}

function isWindows() {
  return process.platform === 'win32';
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
