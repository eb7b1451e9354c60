/**
 * From brightness to grey values: uneven illumination, drift of brightness and contrast from section to section,
 * electron shot noise, camera noise, 8 bits.
 */
import type { PhantomLook } from './look.ts';
import { addNoise, blurInPlace, blurredDeviation, byteNormal, type SectionGrid } from './noise.ts';
import { deriveSeed, hash3, unit3 } from './random.ts';

/** Exposes a section; `image` (brightness) is used up. */
export function expose(
  image: Float32Array,
  grid: SectionGrid,
  z: number,
  look: PhantomLook,
  seed: number,
  scratch: Float32Array,
): Uint8Array {
  const { height, width } = grid;
  const noiseSeed = deriveSeed(seed, 'noise') + z;
  const noise = new Float32Array(image.length);
  for (let p = 0; p < noise.length; p++) noise[p] = byteNormal(hash3(p, z, 1, noiseSeed));
  blurInPlace(noise, height, width, look.noiseBlur, scratch);
  // Blurring takes strength from the noise; give it back.
  const gain = 1 / blurredDeviation(look.noiseBlur);
  const illumination = new Float32Array(image.length);
  const field = 0.7 * Math.max(height * grid.pixelY, width * grid.pixelX);
  addNoise(illumination, grid, z * 0.37, field, 1, look.illumination, deriveSeed(seed, 'illumination'));
  const driftSeed = deriveSeed(seed, 'drift');
  const spread = (axis: number) => 3.4 * (unit3(z, axis, 0, driftSeed) + unit3(z, axis, 1, driftSeed) - 1);
  const brightness = look.drift * spread(0);
  const contrast = 1 + 1.5 * look.drift * spread(1);
  const out = new Uint8Array(image.length);
  const range = look.whiteLevel - look.blackLevel;
  for (let p = 0; p < out.length; p++) {
    const clean = Math.max(0, (image[p] - 0.5) * contrast + 0.5 + brightness + illumination[p]);
    const sigma = gain * Math.sqrt(look.shotNoise ** 2 * 2 * clean + look.cameraNoise ** 2);
    const value = look.blackLevel + range * (clean + sigma * noise[p]);
    out[p] = value < 0 ? 0 : value > 255 ? 255 : value + 0.5;
  }
  return out;
}
