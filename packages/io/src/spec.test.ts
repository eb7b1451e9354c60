import { expect, it } from 'vitest';
import { parseVolumeSpec } from './spec.ts';

it.each([
  ['a/b.h5', 'a/b.h5', undefined, false],
  ['a.h5:/volumes/raw', 'a.h5', '/volumes/raw', false],
  ['a.h5:/volumes/raw/', 'a.h5', '/volumes/raw', false],
  ['a.zarr:/', 'a.zarr', '/', false],
  ['C:/data/a.h5', 'C:/data/a.h5', undefined, false],
  ['C:/data/a.h5:/x', 'C:/data/a.h5', '/x', false],
  ['https://host/a.zarr', 'https://host/a.zarr', undefined, true],
  ['https://host:8080/a.zarr:/labels/x', 'https://host:8080/a.zarr', '/labels/x', true],
])('%s', (spec, location, dataset, isUrl) => {
  expect(parseVolumeSpec(spec)).toEqual({ location, dataset, isUrl });
});
