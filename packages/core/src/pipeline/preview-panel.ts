/** A section made small for the preview: its image beside its neurons. */
import { normaliseInPlace } from '../predict/normalise.ts';
import { planResample, resampleSection } from '../predict/resample.ts';
import { type NdArray, ndarray } from '../volume/array.ts';
import type { LabelSection, RawSection } from '../volume/contracts.ts';
import { spreadOver } from './survey.ts';

/** Longest side of a panel in pixels. */
const PANEL_SIDE = 512;

/** Panels of a preview. */
const PANELS = 3;

export interface PreviewPanel {
  readonly z: number;
  /** Grey image [height, width]. */
  readonly image: NdArray<Uint8Array>;
  /** Neurons [height, width], same size. */
  readonly neurons: LabelSection;
  /** Pixel size of the panel, y and x. */
  readonly pixelNm: readonly [number, number];
}

/** The sections that a preview shows, evenly spread over those that have tissue. */
export function previewSections(withTissue: readonly number[]): number[] {
  const count = Math.min(PANELS, withTissue.length);
  return spreadOver(withTissue.length, count).map((i) => withTissue[i]);
}

/** Section pixels a panel pixel. */
export function panelStep(height: number, width: number): number {
  return Math.max(1, Math.ceil(Math.max(height, width) / PANEL_SIDE));
}

/** Every `step`th label of a section. */
export function shrinkLabels({ data, shape, stride }: LabelSection, step: number): LabelSection {
  const height = Math.max(1, Math.floor(shape[0] / step));
  const width = Math.max(1, Math.floor(shape[1] / step));
  const out = new Uint32Array(height * width);
  const middle = step >> 1;
  for (let y = 0, p = 0; y < height; y++) {
    const row = Math.min(shape[0] - 1, y * step + middle) * stride[0];
    for (let x = 0; x < width; x++, p++) {
      out[p] = data[row + Math.min(shape[1] - 1, x * step + middle) * stride[1]];
    }
  }
  return ndarray(out, [height, width]);
}

/** A raw section as grey values of even contrast, averaged over `step` × `step` pixels. */
export function greyPanel(raw: RawSection, step: number): NdArray<Uint8Array> {
  const [fullHeight, fullWidth] = raw.shape;
  const plan = planResample([fullHeight, fullWidth], [1, 1], [step, step]);
  const { data } = normaliseInPlace(resampleSection(raw, plan)).image;
  const height = Math.max(1, Math.floor(fullHeight / step));
  const width = Math.max(1, Math.floor(fullWidth / step));
  const out = new Uint8Array(height * width);
  for (let y = 0, p = 0; y < height; y++) {
    const row = y * plan.small[1];
    for (let x = 0; x < width; x++, p++) {
      out[p] = Math.min(255, Math.max(0, Math.round(128 + 52 * data[row + x])));
    }
  }
  return ndarray(out, [height, width]);
}
