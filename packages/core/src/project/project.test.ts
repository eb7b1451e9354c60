import { expect, it } from 'vitest';
import { ndarray } from '../volume/array.ts';
import { project } from './project.ts';

it('maps fragments to neurons, any stride, offset added, 0 kept', () => {
  const assignment = Uint32Array.of(0, 7, 7, 9, 4);
  const dense = ndarray(Uint32Array.of(0, 1, 2, 2, 0, 1), [2, 3]);
  expect(project(dense, assignment).data).toEqual(Uint32Array.of(0, 7, 7, 7, 0, 7));
  expect(project(dense, assignment, 2).data).toEqual(Uint32Array.of(0, 9, 4, 4, 0, 9));
  const turned = { data: dense.data, shape: [3, 2], stride: [1, 3] };
  expect(project(turned, assignment)).toEqual(ndarray(Uint32Array.of(0, 7, 7, 0, 7, 7), [3, 2]));
  expect(project(ndarray(new Uint32Array(0), [0, 0]), assignment).data.length).toBe(0);
});

it('refuses a fragment that the assignment does not know', () => {
  const section = ndarray(Uint32Array.of(5), [1, 1]);
  expect(() => project(section, Uint32Array.of(0, 1))).toThrow(/fragment 5/);
});
