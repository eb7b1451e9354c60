/**
 * Where each pixel of a patch comes from: flip, right-angle turn, free rotation, zoom, elastic bend and the
 * change of pixel size composed into one coordinate field, so that images and labels are resampled once.
 * A patch that is only flipped and turned falls on whole source pixels and is copied exactly.
 */
import type { Random } from '@kyn/core';
import type { AugmentOptions } from './augment-options.ts';
import { evaluateLattice, randomLattice, type SplineLattice } from './spline-field.ts';

/** Maps a step on the patch (down, right) to a step in the section (rows, columns): [yy, yx, xy, xx]. */
export type Linear2 = readonly [yy: number, yx: number, xy: number, xx: number];

export interface Warp {
  readonly linear: Linear2;
  /** Displacements in patch pixels; undefined: not bent. */
  readonly bend?: { readonly y: SplineLattice; readonly x: SplineLattice };
}

/** Section coordinates of each patch pixel, row by row; pixel centres are whole numbers. */
export interface CoordinateField {
  readonly side: number;
  readonly y: Float32Array;
  readonly x: Float32Array;
  readonly linear: Linear2;
}

function multiply(a: Linear2, b: Linear2): Linear2 {
  return [
    a[0] * b[0] + a[1] * b[2],
    a[0] * b[1] + a[1] * b[3],
    a[2] * b[0] + a[3] * b[2],
    a[2] * b[1] + a[3] * b[3],
  ];
}

const TURNS: readonly Linear2[] = [
  [1, 0, 0, 1],
  [0, -1, 1, 0],
  [-1, 0, 0, -1],
  [0, 1, -1, 0],
];

/**
 * Draws a warp.
 * @param side side of the patch with its margin, px
 * @param pixelNm pixel size of the patch
 * @param voxelNm row and column size of the section
 */
export function drawWarp(
  random: Random,
  options: AugmentOptions,
  side: number,
  pixelNm: number,
  voxelNm: readonly [row: number, column: number],
): Warp {
  const { flip, turn, rotate, scale, elastic } = options;
  let linear: Linear2 = [1, 0, 0, 1];
  if (random.chance(scale.probability)) {
    const zoom = Math.exp(random.uniform(Math.log(scale.min), Math.log(scale.max)));
    const squeeze = Math.exp(random.uniform(-scale.anisotropy, scale.anisotropy) / 2);
    linear = [1 / (zoom * squeeze), 0, 0, squeeze / zoom];
  }
  if (random.chance(rotate.probability)) {
    const angle = random.uniform(-rotate.maxRadians, rotate.maxRadians);
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    linear = multiply([cos, -sin, sin, cos], linear);
  }
  if (random.chance(turn.probability)) linear = multiply(TURNS[random.int(4)], linear);
  if (random.chance(flip.probability)) linear = multiply([1, 0, 0, -1], linear);
  linear = multiply([pixelNm / voxelNm[0], 0, 0, pixelNm / voxelNm[1]], linear);
  if (!random.chance(elastic.probability)) return { linear };
  const amplitude = elastic.amplitude * random.uniform(0.3, 1);
  const y = randomLattice(random, side, elastic.spacing, amplitude);
  const x = randomLattice(random, side, elastic.spacing, amplitude);
  return { linear, bend: { y, x } };
}

/** True when the warp takes whole pixels to whole pixels. */
export function isExact(warp: Warp): boolean {
  return warp.bend === undefined && warp.linear.every(Number.isInteger);
}

/** Half the extent in the section (rows, columns) of an unbent patch of `side` pixels. */
export function halfExtent(warp: Warp, side: number): [number, number] {
  const [yy, yx, xy, xx] = warp.linear;
  const half = (side - 1) / 2;
  return [half * (Math.abs(yy) + Math.abs(yx)), half * (Math.abs(xy) + Math.abs(xx))];
}

/** The coordinates of a `side` × `side` patch whose middle lies at `centre` (moved to whole pixels if exact). */
export function coordinateField(
  warp: Warp,
  side: number,
  centre: readonly [y: number, x: number],
): CoordinateField {
  const [yy, yx, xy, xx] = warp.linear;
  const half = (side - 1) / 2;
  let startY = centre[0] - half * (yy + yx);
  let startX = centre[1] - half * (xy + xx);
  if (isExact(warp)) {
    startY = Math.round(startY);
    startX = Math.round(startX);
  }
  const y = new Float32Array(side * side);
  const x = new Float32Array(side * side);
  if (warp.bend) {
    const bendY = evaluateLattice(warp.bend.y, side);
    const bendX = evaluateLattice(warp.bend.x, side);
    for (let row = 0, at = 0; row < side; row++) {
      for (let column = 0; column < side; column++, at++) {
        const r = row + bendY[at];
        const c = column + bendX[at];
        y[at] = startY + yy * r + yx * c;
        x[at] = startX + xy * r + xx * c;
      }
    }
  } else {
    for (let row = 0, at = 0; row < side; row++) {
      for (let column = 0; column < side; column++, at++) {
        y[at] = startY + yy * row + yx * column;
        x[at] = startX + xy * row + xx * column;
      }
    }
  }
  return { side, y, x, linear: warp.linear };
}
