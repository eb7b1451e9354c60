/**
 * Who may import whom (ARCHITECTURE.md). `core` imports nothing of the others, and inside it the stages go
 * one way; `nn` and `io` may import `core`; nothing imports an app.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, resolveImport, root, type SourceFile, sourceFiles } from './source-files.ts';

/** Core's folders in the order of the data. A stage sees the ones before it. */
const stages = ['predict', 'segment', 'link', 'repair', 'partition', 'project', 'neurons'];
const shared = ['errors.ts', 'volume', 'graph'];
const mayImport: Record<string, readonly string[]> = {
  'errors.ts': [],
  volume: ['errors.ts'],
  graph: ['errors.ts', 'volume'],
  evaluate: shared,
  phantom: ['errors.ts', 'volume'],
};
stages.forEach((stage, i) => {
  mayImport[stage] = [...shared, ...stages.slice(0, i)];
});
mayImport.pipeline = [...shared, ...stages, 'evaluate'];

const packageMayImport: Record<string, readonly string[]> = {
  core: [],
  nn: ['@kyn/core'],
  io: ['@kyn/core'],
};

const corePath = 'packages/core/src/';
const core = sourceFiles('packages/core/src').filter((file) => !file.isTest);

/** `link` for packages/core/src/link/overlap.ts, `pipeline.ts` for a file at the top. */
function partOfCore(path: string): string {
  return path.slice(corePath.length).split('/')[0];
}

function violations(file: SourceFile, allowed: (specifier: string) => boolean): string[] {
  return file.imports.filter((each) => !allowed(each)).map((each) => `${file.path} imports ${each}`);
}

describe('core', () => {
  it('imports nothing from outside itself', () => {
    const inside = (file: SourceFile) => (specifier: string) =>
      specifier.startsWith('.') && resolveImport(file.path, specifier).startsWith(corePath);
    expect(core.flatMap((file) => violations(file, inside(file)))).toEqual([]);
  });

  it('has no folder that the rules do not know', () => {
    const parts = new Set(core.map((file) => partOfCore(file.path)).filter((part) => !part.endsWith('.ts')));
    expect([...parts].filter((part) => !(part in mayImport))).toEqual([]);
  });

  it('has stages that import only shared parts and earlier stages', () => {
    const found = core.flatMap((file) => {
      const part = partOfCore(file.path);
      const allowed = mayImport[part];
      if (!allowed) return []; // index.ts and pipeline.ts put the stages together
      return violations(file, (specifier) => {
        const target = partOfCore(resolveImport(file.path, specifier));
        return target === part || allowed.includes(target);
      });
    });
    expect(found).toEqual([]);
  });

  it('is compiled without Node and DOM types', () => {
    const config = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
    const base = config('tsconfig.base.json').compilerOptions;
    const own = config('packages/core/tsconfig.json');
    expect(own.extends).toBe('../../tsconfig.base.json');
    const options = { ...base, ...own.compilerOptions };
    expect(options.types).toEqual([]);
    expect(options.lib).toEqual(['ES2023']);
  });
});

describe('packages', () => {
  it.each(Object.keys(packageMayImport))('%s imports no other package than it may', (name) => {
    const files = sourceFiles(`packages/${name}/src`).filter((file) => !file.isTest);
    const found = files.flatMap((file) =>
      violations(file, (specifier) => {
        if (specifier.startsWith('@kyn/')) return packageMayImport[name].includes(specifier);
        if (!specifier.startsWith('.')) return true;
        return resolveImport(file.path, specifier).startsWith(`packages/${name}/src/`);
      }),
    );
    expect(found).toEqual([]);
  });

  it('do not import an app, nor do the apps each other', () => {
    const files = [...sourceFiles('packages'), ...sourceFiles('apps')];
    const found = files.flatMap((file) =>
      violations(file, (specifier) => {
        if (/^@kyn\/(cli|web)\b/.test(specifier)) return false;
        if (!specifier.startsWith('.')) return true;
        const target = resolveImport(file.path, specifier);
        return !target.startsWith('apps/') || target.split('/')[1] === file.path.split('/')[1];
      }),
    );
    expect(found).toEqual([]);
  });

  it('import each other by package name, never by a path', () => {
    const files = [...sourceFiles('packages'), ...sourceFiles('apps')];
    const home = (path: string) => path.split('/').slice(0, 2).join('/');
    const found = files.flatMap((file) =>
      violations(
        file,
        (specifier) =>
          !specifier.startsWith('.') ||
          (file.isTest && specifier.endsWith('.json')) || // fixtures
          home(resolveImport(file.path, specifier)) === home(file.path),
      ),
    );
    expect(found).toEqual([]);
  });
});

describe('imports', () => {
  it('make no cycle', () => {
    const files = [...sourceFiles('packages'), ...sourceFiles('apps')].filter((file) => !file.isTest);
    const next = new Map(
      files.map((file) => [
        file.path,
        file.imports.filter((each) => each.startsWith('.')).map((each) => resolveImport(file.path, each)),
      ]),
    );
    expect(findCycles(next)).toEqual([]);
  });

  it('are found in all their forms', () => {
    const text = [
      "import { a,\n  b } from './one.ts';",
      "import './two.ts';",
      "export * from './three.ts';",
      "export type { T } from './four.ts';",
      "const five = await import('./five.ts');",
      "new Worker(new URL('./six.ts', import.meta.url));",
      "// import { no } from './comment.ts';",
      "/* import './comment.ts'; */",
    ].join('\n');
    const names = ['one', 'two', 'three', 'four', 'five', 'six'].map((name) => `./${name}.ts`);
    expect(importsOf(text).sort()).toEqual(names.sort());
  });

  it('in a cycle are seen', () => {
    const next = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(findCycles(next)).toEqual(['b → c → b']);
  });
});

/** Depth-first search; every cycle that a back edge closes, once. */
function findCycles(next: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const cycles = new Set<string>();
  const visit = (node: string, path: readonly string[]) => {
    const at = path.indexOf(node);
    if (at >= 0) cycles.add([...path.slice(at), node].join(' → '));
    if (at >= 0 || done.has(node)) return;
    for (const other of next.get(node) ?? []) visit(other, [...path, node]);
    done.add(node);
  };
  for (const node of next.keys()) visit(node, []);
  return [...cycles];
}
