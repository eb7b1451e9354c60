import { expect, it } from 'vitest';
import { fragmentTable } from '../segment/fragment-table.ts';
import { neuronCsv } from './neuron-csv.ts';
import { neuronTable } from './neuron-table.ts';

const first = fragmentTable(Uint32Array.of(1, 1, 2, 0, 1, 2), 2, 3, 2); // 1: 3 px, 2: 2 px
const second = fragmentTable(Uint32Array.of(0, 0, 1, 2, 0, 1), 2, 3, 2); // 1: 2 px, 2: 1 px

it('adds fragments up to neurons', () => {
  const sections = [
    { z: 0, idOffset: 0, stats: first },
    { z: 2, idOffset: 2, stats: second },
  ];
  const rows = neuronTable(sections, Uint32Array.of(0, 1, 2, 2, 2), [40, 4, 8]);
  expect(rows).toHaveLength(2);
  const [, neuron] = rows;
  expect(neuron).toMatchObject({
    id: 2,
    voxels: 5,
    fragments: 3,
    sections: 2,
    firstSection: 0,
    lastSection: 2,
  });
  expect([neuron.min, neuron.max]).toEqual([
    [0, 0, 0],
    [3, 2, 3],
  ]);
  expect(neuron.volumeUm3).toBeCloseTo(5 * 1280e-9, 15);
  expect(neuron.centroidNm).toEqual([(6 / 5 + 0.5) * 40, (3 / 5 + 0.5) * 4, (8 / 5 + 0.5) * 8]);
  expect(neuronCsv(rows)).toBe(
    [
      'neuron,voxels,volume_um3,fragments,sections,first_section,last_section,min_y,min_x,max_y,max_x,' +
        'centroid_z_nm,centroid_y_nm,centroid_x_nm,ends_inside',
      '1,3,0.00000384,1,1,0,0,0,0,2,2,20,3.3,9.3,0',
      '2,5,0.0000064,3,2,0,2,0,0,2,3,68,4.4,16.8,0',
      '',
    ].join('\n'),
  );
});

it('counts ends within the tissue', () => {
  // 1 is all around; 2 begins and ends inside, 3 goes through, 4 begins and ends at the edge,
  // 5 is in the first section alone
  const planes = ['1111/1531/1111/1111', '1111/1231/1111/1141', '1111/1131/1141/1114', '1111/1131/1111/1111'];
  const sections = planes.map((plane, z) => {
    const pixels = [...plane.replaceAll('/', '')];
    const ids = [...new Set(pixels)].sort();
    const labels = Uint32Array.from(pixels, (id) => 1 + ids.indexOf(id));
    return { z, ids, stats: fragmentTable(labels, 4, 4, ids.length) };
  });
  const assignment = Uint32Array.from([0, ...sections.flatMap(({ ids }) => ids.map(Number))]);
  let idOffset = 0;
  const placed = sections.map(({ z, stats }) => {
    const section = { z, idOffset, stats };
    idOffset += stats.count;
    return section;
  });
  const ends = (some: typeof placed) =>
    neuronTable(some, assignment, [40, 4, 4]).map(({ id, endsInside }) => [id, endsInside]);
  expect(ends(placed)).toEqual([
    [1, 0],
    [2, 2],
    [3, 0],
    [4, 0],
    [5, 0],
  ]);
  expect(ends([...placed].reverse())).toEqual(ends(placed));
});

it('leaves out fragments of no neuron, and takes none at all', () => {
  expect(neuronTable([{ z: 0, idOffset: 0, stats: first }], Uint32Array.of(0, 0, 0), [1, 1, 1])).toEqual([]);
  expect(neuronCsv([]).split('\n')).toHaveLength(2);
});
