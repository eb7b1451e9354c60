/**
 * Truth for a stack that has only membrane masks: the 4-connected components between the membranes of every
 * section, as a label TIFF; 0 on the membranes, which are not scored.
 *
 *     node bench/run.mjs bench/membrane-components.ts MASKS OUT.tif [--voxel-size 4.6,4.6,45]
 *
 * MASKS is a folder of images, white = membrane.
 */
import { parseArgs } from 'node:util';
import { labelProfiles, ndarray, toDense, type Vec3 } from '@kyn/core';
import { createLabelTiff, openSections } from '@kyn/io/node';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'voxel-size': { type: 'string', default: '4.6,4.6,45' } },
});
const [masks, out] = positionals;
const [x, y, z] = values['voxel-size'].split(',').map(Number);
const voxelSizeNm: Vec3 = [z, y, x];
const source = await openSections(masks, { voxelSizeNm });
const { shape } = source.info;
const sink = await createLabelTiff(out, { shape, voxelSizeNm, overwrite: true });
for (let section = 0; section < shape[0]; section++) {
  const mask = toDense(await source.read(section)).data;
  const inside = Uint32Array.from(mask, (value) => (value > 127 ? 0 : 1));
  const { labels } = labelProfiles(ndarray(inside, shape.slice(1)));
  await sink.write(section, labels);
}
await sink.close();
await source.close();
console.log(`${out}: ${shape.join('×')}`);
