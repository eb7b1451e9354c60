import { decode } from 'fast-png';
import { expect, it } from 'vitest';
import { memoryBytes } from '../byte-source.ts';
import { decodePng } from '../formats/png.ts';
import { inflateStream } from '../inflate.ts';
import { encodePng } from './png-encode.ts';

it('writes pictures that read back the same', async () => {
  const data = Uint8Array.from({ length: 7 * 5 }, (_, i) => (i * 37) % 256);
  const file = encodePng({ width: 7, height: 5, channels: 1, data });
  expect(await decodePng(memoryBytes('a.png', file), 'sections', inflateStream)).toEqual({
    width: 7,
    height: 5,
    data,
  });
  const grey = Uint8Array.from({ length: 7 * 5 * 3 }, (_, i) => data[Math.floor(i / 3)]);
  const colour = encodePng({ width: 7, height: 5, channels: 3, data: grey });
  expect((await decodePng(memoryBytes('b.png', colour), 'labels', inflateStream)).data).toEqual(data);
  const seeThrough = Uint8Array.from({ length: 7 * 5 * 4 }, (_, i) => (i * 53) % 256);
  const kept = decode(encodePng({ width: 7, height: 5, channels: 4, data: seeThrough }));
  expect([...kept.data]).toEqual([...seeThrough]);
});

it('refuses data of another size', () => {
  expect(() => encodePng({ width: 2, height: 2, channels: 3, data: new Uint8Array(11) })).toThrow('2×2×3');
});
