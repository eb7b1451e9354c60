import { describe, expect, it } from 'vitest';
import { ndarray } from '../volume/array.ts';
import { Random } from '../volume/random.ts';
import { enlargeLabels, planResample, resampleSection } from './resample.ts';

const square = (nm: number) => [nm, nm] as const;

describe('planResample', () => {
  it.each([
    [10, 10, 1],
    [8, 10, 1],
    [7.5, 10, 1],
    [13.3, 10, 1],
    [4.6, 10, 2],
    [5, 10, 2],
    [4, 8, 2],
    [3.3, 10, 3],
    [2, 10, 5],
    [7, 10, 10 / 7],
    [20, 10, 0.5],
    [1000, 10, 0.25],
  ])('brings %f nm to a network of %f nm by %f', (pixel, target, factor) => {
    const plan = planResample([100, 120], square(pixel), square(target));
    expect(plan.factor[0]).toBeCloseTo(factor);
    expect(plan.identity).toBe(factor === 1);
    expect(plan.small[1]).toBe(Number.isInteger(factor) ? Math.ceil(120 / factor) : Math.round(120 / factor));
  });

  it('treats the axes one by one', () => {
    const plan = planResample([101, 50], [5, 10], [10, 10]);
    expect(plan.factor).toEqual([2, 1]);
    expect(plan.small).toEqual([51, 50]);
  });

  it('never comes down to nothing', () => {
    expect(planResample([1, 1], square(1), square(10)).small).toEqual([1, 1]);
  });
});

/** Mean of the image over the area of every network pixel, the plain way. */
function areaMeans(data: ArrayLike<number>, height: number, width: number, small: readonly [number, number]) {
  const [h, w] = small;
  return Float32Array.from({ length: h * w }, (_, p) => {
    const [y0, y1] = [Math.floor(p / w) * (height / h), (Math.floor(p / w) + 1) * (height / h)];
    const [x0, x1] = [(p % w) * (width / w), ((p % w) + 1) * (width / w)];
    let sum = 0;
    let total = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const wy = Math.max(0, Math.min(y + 1, y1) - Math.max(y, y0));
        const wx = Math.max(0, Math.min(x + 1, x1) - Math.max(x, x0));
        sum += wy * wx * data[y * width + x];
        total += wy * wx;
      }
    }
    return sum / total;
  });
}

describe('resampleSection', () => {
  const random = new Random(5);
  const data = Float32Array.from({ length: 42 * 56 }, () => random.float() * 200);

  it.each([5, 3.4, 7, 6.2])('averages %f nm down to 10 nm by area', (nm) => {
    const plan = planResample([42, 56], square(nm), square(10));
    const out = resampleSection(ndarray(data, [42, 56]), plan);
    expect(out.shape).toEqual(plan.small);
    const [fy, fx] = plan.factor;
    if (!Number.isInteger(fy) || (42 % fy === 0 && 56 % fx === 0)) {
      const expected = areaMeans(data, 42, 56, plan.small);
      out.data.forEach((value, p) => {
        expect(value).toBeCloseTo(expected[p], 2);
      });
    }
  });

  it.each(['uint8', 'float32'] as const)('keeps constant %s exactly constant', (dtype) => {
    const flat = dtype === 'uint8' ? new Uint8Array(99 * 41).fill(77) : new Float32Array(99 * 41);
    for (const nm of [5, 7, 6.3, 3, 20, 30]) {
      const out = resampleSection(ndarray(flat, [99, 41]), planResample([99, 41], square(nm), square(10)));
      expect(out.data.every((value) => value === flat[0])).toBe(true);
    }
  });

  it('averages the valued pixels where some are NaN', () => {
    const holes = data.slice();
    holes[0] = Number.NaN;
    for (const p of [2, 3, 58, 59]) holes[p] = Number.NaN;
    const half = resampleSection(ndarray(holes, [42, 56]), planResample([42, 56], square(5), square(10)));
    expect(half.data[0]).toBeCloseTo((data[1] + data[56] + data[57]) / 3, 3);
    expect(half.data[1]).toBeNaN();
    expect(half.data.filter((value) => Number.isNaN(value))).toHaveLength(1);
    const odd = resampleSection(ndarray(holes, [42, 56]), planResample([42, 56], square(7), square(10)));
    expect(odd.data.filter((value) => Number.isNaN(value)).length).toBeLessThanOrEqual(1);
  });

  it('rises evenly over a ramp when it enlarges', () => {
    const ramp = Float32Array.from({ length: 8 * 8 }, (_, p) => p % 8);
    const out = resampleSection(ndarray(ramp, [8, 8]), planResample([8, 8], square(20), square(10)));
    expect(out.shape).toEqual([16, 16]);
    expect([...out.data.subarray(0, 6)]).toEqual([0, 0.25, 0.75, 1.25, 1.75, 2.25]);
  });

  it('copies where nothing is to do', () => {
    const out = resampleSection(ndarray(data, [42, 56]), planResample([42, 56], square(10), square(10)));
    expect(out.data).toEqual(data);
    expect(out.data).not.toBe(data);
  });
});

describe('enlargeLabels', () => {
  it.each([
    [10, 12, 5],
    [11, 13, 5],
    [30, 31, 3.4],
    [23, 19, 7],
    [9, 9, 20],
    [1, 7, 4.6],
  ])('gives every pixel of %i×%i at %f nm the label it lies in', (height, width, nm) => {
    const plan = planResample([height, width], square(nm), square(10));
    const [h, w] = plan.small;
    const labels = Uint32Array.from({ length: h * w }, (_, p) => (p % 7 === 3 ? 0 : p + 1));
    const out = enlargeLabels(labels, plan, 1000);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (i: number, full: number, small: number, factor: number) =>
          Number.isInteger(factor) ? Math.floor(i / factor) : Math.floor(((i + 0.5) * small) / full);
        const label = labels[at(y, height, h, plan.factor[0]) * w + at(x, width, w, plan.factor[1])];
        expect(out[y * width + x]).toBe(label === 0 ? 0 : label + 1000);
      }
    }
  });
});
