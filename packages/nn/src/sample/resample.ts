/**
 * Reads a patch out of a section along a coordinate field: grey values bilinear (averaged over several
 * points a pixel where the section is finer than the patch), labels nearest. Beyond its edges the section
 * is mirrored, images and labels alike, and such label pixels are marked as not known.
 */
import { mirrorIndex } from '@kyn/core';
import type { CoordinateField } from './coordinates.ts';
import type { SectionView } from './volume.ts';

/** From this many section pixels a patch pixel on, grey values are averaged. */
const AVERAGE_FROM = 1.5;

/** A section's displacement against the field, in section pixels. */
export interface Shift {
  readonly y: number;
  readonly x: number;
}

/**
 * Grey values of the inner `size` × `size` of the field, each passed through `curve` (256 values).
 * @param margin pixels of the field around the inner square
 */
export function resampleRaw(
  view: SectionView<Uint8Array>,
  field: CoordinateField,
  margin: number,
  size: number,
  curve: Float32Array,
  shift: Shift,
): Float32Array {
  const out = new Float32Array(size * size);
  const [yy, yx, xy, xx] = field.linear;
  const stepDown = Math.hypot(yy, xy);
  const stepRight = Math.hypot(yx, xx);
  const down = stepDown >= AVERAGE_FROM ? Math.ceil(stepDown - 0.25) : 1;
  const right = stepRight >= AVERAGE_FROM ? Math.ceil(stepRight - 0.25) : 1;
  for (let i = 0; i < down; i++) {
    const r = (i + 0.5) / down - 0.5;
    for (let j = 0; j < right; j++) {
      const c = (j + 0.5) / right - 0.5;
      addBilinear(
        out,
        view,
        field,
        margin,
        size,
        curve,
        shift.y + yy * r + yx * c,
        shift.x + xy * r + xx * c,
      );
    }
  }
  const points = down * right;
  if (points > 1) for (let i = 0; i < out.length; i++) out[i] /= points;
  return out;
}

function addBilinear(
  out: Float32Array,
  view: SectionView<Uint8Array>,
  field: CoordinateField,
  margin: number,
  size: number,
  curve: Float32Array,
  shiftY: number,
  shiftX: number,
): void {
  const { data, start, rowStride, columnStride, height, width } = view;
  for (let row = 0, to = 0; row < size; row++) {
    let from = (row + margin) * field.side + margin;
    for (let column = 0; column < size; column++, to++, from++) {
      const y = field.y[from] + shiftY;
      const x = field.x[from] + shiftX;
      const y0 = Math.floor(y);
      const x0 = Math.floor(x);
      const fy = y - y0;
      const fx = x - x0;
      let a: number;
      let b: number;
      let c: number;
      let d: number;
      if (y0 >= 0 && x0 >= 0 && y0 < height - 1 && x0 < width - 1) {
        const at = start + y0 * rowStride + x0 * columnStride;
        a = curve[data[at]];
        b = curve[data[at + columnStride]];
        c = curve[data[at + rowStride]];
        d = curve[data[at + rowStride + columnStride]];
      } else {
        const top = start + mirrorIndex(y0, height) * rowStride;
        const bottom = start + mirrorIndex(y0 + 1, height) * rowStride;
        const left = mirrorIndex(x0, width) * columnStride;
        const right = mirrorIndex(x0 + 1, width) * columnStride;
        a = curve[data[top + left]];
        b = curve[data[top + right]];
        c = curve[data[bottom + left]];
        d = curve[data[bottom + right]];
      }
      const upper = a + fx * (b - a);
      const lower = c + fx * (d - c);
      out[to] += upper + fy * (lower - upper);
    }
  }
}

export interface LabelPatch {
  /** `side` × `side`, margin included. */
  readonly ids: Uint32Array;
  /** 1 where the section has a label there and it was painted. */
  readonly known: Uint8Array;
  readonly side: number;
}

/** How a volume writes what is not a neuron; see `TrainingVolume`. */
export interface LabelMeaning {
  readonly boundaryLabel?: 0;
  readonly maskAt?: number;
}

/** Labels of the whole field. */
export function resampleLabels(
  view: SectionView<Uint32Array>,
  field: CoordinateField,
  meaning: LabelMeaning,
  shift: Shift,
): LabelPatch {
  const { data, start, rowStride, columnStride, height, width } = view;
  const { side } = field;
  const ids = new Uint32Array(side * side);
  const known = new Uint8Array(side * side);
  const zeroKnown = meaning.boundaryLabel === 0 ? 1 : 0;
  const maskAt = meaning.maskAt ?? -1;
  for (let i = 0; i < ids.length; i++) {
    const y = Math.floor(field.y[i] + shift.y + 0.5);
    const x = Math.floor(field.x[i] + shift.x + 0.5);
    const inside = y >= 0 && x >= 0 && y < height && x < width;
    const at = inside
      ? start + y * rowStride + x * columnStride
      : start + mirrorIndex(y, height) * rowStride + mirrorIndex(x, width) * columnStride;
    const id = data[at];
    if (id === maskAt) continue;
    ids[i] = id;
    if (inside) known[i] = id === 0 ? zeroKnown : 1;
  }
  return { ids, known, side };
}
