/** `preview.png`: a few sections, raw on the left, their neurons in colour on the right, with a scale bar. */
import type { PreviewPanel } from '@kyn/core';
import { encodePng } from '../png-encode.ts';
import { drawText, textSize } from './bitmap-font.ts';

/** Pixels between panels and around them. */
const GAP = 8;

/** Small sections are shown larger, up to this side. */
const SHOWN_SIDE = 384;

/** Share of the colour over the grey image. */
const OPACITY = 0.55;

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export function drawPreview(panels: readonly PreviewPanel[]): Uint8Array {
  const [first] = panels;
  if (!first) return encodePng({ width: 1, height: 1, channels: 3, data: new Uint8Array(3) });
  const [panelHeight, panelWidth] = first.image.shape;
  const zoom = Math.max(1, Math.floor(SHOWN_SIDE / Math.max(panelHeight, panelWidth)));
  const height = panelHeight * zoom;
  const width = panelWidth * zoom;
  const canvas: Canvas = {
    width: 2 * width + 3 * GAP,
    height: panels.length * (height + GAP) + GAP,
    rgb: new Uint8Array((2 * width + 3 * GAP) * (panels.length * (height + GAP) + GAP) * 3).fill(255),
  };
  panels.forEach((panel, i) => {
    const top = GAP + i * (height + GAP);
    drawPanel(canvas, panel, top, zoom);
    label(canvas, `z ${panel.z}`, GAP + 4, top + 4);
  });
  const pixelNm = first.pixelNm[1] / zoom;
  drawScaleBar(canvas, GAP, canvas.height - GAP, width, pixelNm);
  return encodePng({ ...canvas, channels: 3, data: canvas.rgb });
}

function drawPanel(canvas: Canvas, { image, neurons }: PreviewPanel, top: number, zoom: number): void {
  const [height, width] = image.shape;
  const shift = (GAP + width * zoom) * 3; // from a pixel on the left to its like on the right
  const { rgb } = canvas;
  let last = 0;
  let colour: readonly [number, number, number] = [0, 0, 0];
  for (let y = 0; y < height * zoom; y++) {
    const row = Math.floor(y / zoom) * width;
    let at = ((top + y) * canvas.width + GAP) * 3;
    for (let x = 0; x < width * zoom; x++, at += 3) {
      const p = zoom === 1 ? row + x : row + Math.floor(x / zoom);
      const grey = image.data[p];
      const neuron = neurons.data[p];
      if (neuron !== last) {
        colour = neuronColour(neuron);
        last = neuron;
      }
      const opacity = neuron === 0 ? 0.5 : OPACITY; // nothing there: darker
      for (let c = 0; c < 3; c++) {
        rgb[at + c] = grey;
        rgb[at + shift + c] = opacity * (neuron === 0 ? 0 : colour[c]) + (1 - opacity) * grey;
      }
    }
  }
}

function paint({ width, height, rgb }: Canvas, x: number, y: number, r: number, g: number, b: number): void {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  const at = (y * width + x) * 3;
  rgb[at] = r;
  rgb[at + 1] = g;
  rgb[at + 2] = b;
}

/** A colour of its own for every neuron: a hash picks hue, saturation and lightness. */
export function neuronColour(neuron: number): [r: number, g: number, b: number] {
  let hash = Math.imul(neuron ^ (neuron >>> 16), 0x45d9f3b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  hash = (hash ^ (hash >>> 16)) >>> 0;
  const hue = (hash & 0xffff) / 0x10000;
  const saturation = 0.65 + (0.35 * ((hash >>> 16) & 0xff)) / 255;
  const lightness = 0.45 + (0.2 * (hash >>> 24)) / 255;
  const a = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + hue * 12) % 12;
    return Math.round(255 * (lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** A round length of about a third of the panel: 1, 2 or 5 times a power of ten. */
export function scaleBarNm(panelNm: number): number {
  const wanted = panelNm / 3;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const digit = wanted / power;
  return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
}

export function lengthText(nm: number): string {
  return nm >= 1000 ? `${nm / 1000} µm` : `${nm} nm`;
}

function drawScaleBar(
  canvas: Canvas,
  left: number,
  bottom: number,
  panelWidth: number,
  pixelNm: number,
): void {
  const nm = scaleBarNm(panelWidth * pixelNm);
  const length = Math.max(1, Math.round(nm / pixelNm));
  const x = left + 6;
  const y = bottom - 10;
  label(canvas, lengthText(nm), x, y - 16);
  for (let i = -1; i <= length; i++) {
    for (let j = -1; j <= 4; j++) {
      const inside = i >= 0 && i < length && j >= 0 && j < 4;
      paint(canvas, x + i, y + j, inside ? 255 : 0, inside ? 255 : 0, inside ? 255 : 0);
    }
  }
}

/** White text on black. */
function label(canvas: Canvas, text: string, x: number, y: number): void {
  const scale = 2;
  const size = textSize(text, scale);
  for (let j = -2; j < size.height + 2; j++) {
    for (let i = -2; i < size.width + 2; i++) paint(canvas, x + i, y + j, 0, 0, 0);
  }
  drawText(text, x, y, scale, (dx, dy) => paint(canvas, dx, dy, 255, 255, 255));
}
