import { describe, expect, it } from 'vitest';
import { Random } from '../volume/random.ts';
import { fft2InPlace } from './fft.ts';

describe('fft2InPlace', () => {
  it.each([2, 4, 8, 16])('agrees with the sum it stands for, side %i', (side) => {
    const random = new Random(side);
    const re = Float32Array.from({ length: side * side }, () => random.normal());
    const im = Float32Array.from({ length: side * side }, () => random.normal());
    const out = { side, re: re.slice(), im: im.slice() };
    fft2InPlace(out);
    for (let ky = 0; ky < side; ky++) {
      for (let kx = 0; kx < side; kx++) {
        let real = 0;
        let imaginary = 0;
        for (let p = 0; p < re.length; p++) {
          const angle = (-2 * Math.PI * (ky * Math.floor(p / side) + kx * (p % side))) / side;
          real += re[p] * Math.cos(angle) - im[p] * Math.sin(angle);
          imaginary += re[p] * Math.sin(angle) + im[p] * Math.cos(angle);
        }
        expect(out.re[ky * side + kx]).toBeCloseTo(real, 3);
        expect(out.im[ky * side + kx]).toBeCloseTo(imaginary, 3);
      }
    }
    fft2InPlace(out, true);
    out.re.forEach((value, p) => {
      expect(value / side ** 2).toBeCloseTo(re[p], 4);
    });
  });
});
