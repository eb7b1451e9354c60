/** What must not get into the repository: paths of one machine, and files larger than they need be. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './source-files.ts';

const LARGEST_TEXT = 2_000_000;
const LARGEST_BINARY = 25_000_000;
const binary = /\.(png|onnx|kyn|h5|tif|npy|bin|zip|gz)$/;
/** Folders that exist on one machine only: homes, temporary folders, mounts. Written so as not to match itself. */
const machinePath = new RegExp(
  `(?<![\\w.~\\-\\]])/(?:${['home', 'Users', 'root', 'work', 'mnt', 'opt'].join('|')})/\\w`,
);

const inGit = existsSync(join(root, '.git'));
const tracked = inGit
  ? execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
      .split('\0')
      .filter((path) => path !== '' && existsSync(join(root, path)))
  : [];

describe('tracked files', () => {
  it.skipIf(!inGit)('name no folder of one machine', () => {
    const found = tracked
      .filter((path) => !binary.test(path) && statSync(join(root, path)).isFile())
      .flatMap((path) =>
        readFileSync(join(root, path), 'utf8')
          .split('\n')
          .flatMap((line, i) => (machinePath.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
      );
    expect(found).toEqual([]);
  });

  it.skipIf(!inGit)('are not larger than they need be', () => {
    const size = (path: string) => statSync(join(root, path)).size;
    const limit = (path: string) => (binary.test(path) ? LARGEST_BINARY : LARGEST_TEXT);
    expect(tracked.filter((path) => size(path) > limit(path))).toEqual([]);
  });

  it('are looked through by a pattern that works', () => {
    const sample = (...parts: string[]) => parts.join('/');
    expect(machinePath.test(`cd ${sample('', 'home', 'ann', 'x')}`)).toBe(true);
    expect(machinePath.test(`'${sample('', 'opt', 'py')}'`)).toBe(true);
    expect(machinePath.test(sample('https:', '', 'example.org', 'home', 'x'))).toBe(false);
    expect(machinePath.test(sample('..', 'work', 'x'))).toBe(false);
  });
});
