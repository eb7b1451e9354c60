/**
 * Makes a clone ready before a command runs in it: installs the packages where they are missing or older
 * than the lock file, and builds where `dist/` is older than a source. Uses nothing but Node and npm, so it
 * works in a fresh clone. Ready already, it takes some tens of milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old; install Node 20.19 or newer`);
}
if (!installed()) run('npm', ['ci', '--no-audit', '--no-fund'], 'installing packages (once)');
if (!built()) run(process.execPath, [at('scripts', 'build.mjs')], 'building');

function installed() {
  const mark = at('node_modules', '.package-lock.json');
  if (!existsSync(mark)) return false;
  return statSync(mark).mtimeMs >= statSync(at('package-lock.json')).mtimeMs - 2000 || lockMatches(mark);
}

/** A checkout touches the lock file without changing it: compare what it asks for with what is there. */
function lockMatches(mark) {
  const npm = spawnSync('npm', ['ls', '--all', '--silent'], {
    cwd: root,
    stdio: 'ignore',
    shell: isWindows(),
  });
  return npm.status === 0 && existsSync(mark);
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
