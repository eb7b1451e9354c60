/**
 * The names that other code can import from each package, pinned: a change here is a change of the public
 * interface and wants a line in CHANGELOG.md. After an intended one: `npx vitest run tests/public-api -u`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveImport, root } from './source-files.ts';

/** Names that a module exports, types as `type Name`. Follows `export * from`. */
function exportedNames(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '');
  const names: string[] = [];
  for (const [, typeWord, , list] of text.matchAll(/^export\s+(type\s+)?(\{([^}]*)\})/gm)) {
    for (const part of list.split(',').map((each) => each.trim())) {
      if (part === '') continue;
      const isType = typeWord !== undefined || part.startsWith('type ');
      const name = part
        .replace(/^type\s+/, '')
        .split(/\s+as\s+/)
        .pop();
      names.push(isType ? `type ${name}` : `${name}`);
    }
  }
  for (const [, typeWord, specifier] of text.matchAll(/^export\s+(type\s+)?\*\s+from\s+['"]([^'"]+)['"]/gm)) {
    const inner = exportedNames(resolveImport(path, specifier));
    names.push(
      ...(typeWord ? inner.map((name) => (name.startsWith('type ') ? name : `type ${name}`)) : inner),
    );
  }
  const declarations =
    /^export\s+(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(function\*?|class|const|let|interface|type|enum)\s+(\w+)/gm;
  for (const [, kind, name] of text.matchAll(declarations)) {
    names.push(kind === 'interface' || kind === 'type' ? `type ${name}` : name);
  }
  return [...new Set(names)].sort((a, b) => {
    const bare = (name: string) => name.replace(/^type /, '');
    return bare(a) < bare(b) ? -1 : bare(a) > bare(b) ? 1 : 0;
  });
}

const entries: [name: string, path: string][] = ['core', 'nn', 'io'].flatMap((name) => {
  const manifest = JSON.parse(readFileSync(join(root, `packages/${name}/package.json`), 'utf8'));
  return Object.entries<string>(manifest.exports)
    .map(([subpath, file]): [string, string] => [
      `${name}${subpath.slice(1)}`,
      `packages/${name}/${file.slice(2)}`,
    ])
    .filter(([, path]) => existsSync(join(root, path)));
});

describe('the public interface of', () => {
  it.each(entries)('@kyn/%s is as it was', async (name, path) => {
    const names = exportedNames(path);
    await expect(`${names.join('\n')}\n`).toMatchFileSnapshot(`public-api/${name.replace('/', '-')}.txt`);
  });

  it('@kyn/core is read as the runtime reads it', async () => {
    const values = exportedNames('packages/core/src/index.ts').filter((name) => !name.startsWith('type '));
    expect(values).toEqual(Object.keys(await import('@kyn/core')).sort());
  });
});
