import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refuseSamePlace } from './same-place.ts';

const folder = mkdtempSync(join(tmpdir(), 'kyn-place-'));
mkdirSync(join(folder, 'stack'));
writeFileSync(join(folder, 'a.h5'), '');
symlinkSync(join(folder, 'stack'), join(folder, 'link'));
const at = (name: string) => join(folder, name);

describe('refuseSamePlace', () => {
  it('refuses the input itself, a place inside it or around it, and through links', () => {
    expect(() => refuseSamePlace(at('stack'), at('stack'))).toThrow(/it is the input/);
    expect(() => refuseSamePlace(at('stack'), at('stack/out'))).toThrow(/it lies in the input/);
    expect(() => refuseSamePlace(at('stack'), at('link'))).toThrow(/it is the input/);
    expect(() => refuseSamePlace(`${at('a.h5')}:/volumes/raw`, at('a.h5'))).toThrow(/it is the input/);
    expect(() => refuseSamePlace(at('stack'), folder)).toThrow(/it holds the input/);
  });

  it('lets other places be', () => {
    refuseSamePlace(at('stack'), at('stack-out'));
    refuseSamePlace(at('a.h5'), at('new/deep'));
    refuseSamePlace(undefined, at('stack'));
    refuseSamePlace('https://example.org/a.zarr', at('stack'));
  });
});
