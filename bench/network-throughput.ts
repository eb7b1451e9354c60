/**
 * Bare throughput of the networks in ONNX Runtime, in turns within one run: the shipped 2D segmenter on the tiles
 * that the pipeline gives it, and the 3D residual symmetric U-Net of the published SNEMI3D shape (Lee 2017; random
 * weights, whose values change nothing in the time).
 *
 *     node bench/run.mjs bench/network-throughput.ts [--threads 2] [--rounds 3] [--tile 1024] [--widths 28,36,48,64,80]
 *         [--device cpu|webgpu]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ndarray } from '@kyn/core';
import { decodeModel, randomNetwork3d } from '@kyn/nn';
import { nodeRuntime } from '@kyn/nn/node';

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    tile: { type: 'string', default: '1024' },
    widths: { type: 'string', default: '28,36,48,64,80' },
    model: { type: 'string', default: 'models/base.kyn' },
    device: { type: 'string', default: 'cpu' },
  },
});
const device = values.device === 'webgpu' ? 'webgpu' : 'cpu';
const runtime = await nodeRuntime({ threads: Number(values.threads), device });

/** Million pixels of a section a second; the first run warms up. */
async function measure(model: Uint8Array, shape: readonly number[]): Promise<() => Promise<number>> {
  const session = await runtime.load(model);
  const input = ndarray(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, Math.random), shape);
  await session.run({ input });
  return async () => {
    const start = performance.now();
    await session.run({ input });
    return (shape[2] * shape[3]) / (performance.now() - start) / 1000;
  };
}

const widths = values.widths.split(',').map(Number);
const network3d = await randomNetwork3d(runtime, widths);
const model2d = decodeModel(readFileSync(values.model), values.model);
const tile = Number(values.tile);
const run2d = await measure(model2d.segmenter, [
  1,
  1 + 2 * model2d.description.segmenter.contextSections,
  tile,
  tile,
]);
const ratios: number[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const [a, b] = [await run2d(), await network3d.megavoxelsPerSecond()];
  ratios.push(a / b);
  console.log(`2D ${a.toFixed(2)} MVx/s, 3D ${b.toFixed(3)} MVx/s: ratio ${(a / b).toFixed(1)}`);
}
ratios.sort((a, b) => a - b);
console.log(
  `median ratio ${ratios[ratios.length >> 1].toFixed(1)}; FLOP a voxel: 2D ${model2d.description.segmenter.flopPerPixel}, ` +
    `3D ${network3d.flopPerVoxel} (widths ${values.widths}), ${runtime.description}`,
);
