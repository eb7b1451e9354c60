/**
 * How the tissue looks: stain, microscope and camera as numbers. A look is drawn from ranges: `sstem` for
 * serial-section transmission EM (crisp, granular, strong membranes), `fibsem` for block-face ion-beam EM (smoother,
 * dark plain mitochondria, weaker membranes), `varied` for anything a laboratory may bring, which is what a network
 * that has to generalise should train on. Brightness runs from 0 (black) to 1 (white).
 */
import { deriveSeed, randomSequence } from './random.ts';

export interface PhantomLook {
  /** Mean brightness of cytoplasm, and its deviation between cells. */
  readonly cytoplasm: number;
  readonly cellVariation: number;
  /** Brightness of glia relative to other cytoplasm. */
  readonly gliaShift: number;
  /** Deviation of the fine cytoplasmic texture, its grain in nm, and the share of coarse blotches. */
  readonly texture: number;
  readonly textureNm: number;
  readonly blotches: number;
  /** Darkness of granules (ribosomes, filaments cut across) and how much of the cytoplasm they cover. */
  readonly granules: number;
  readonly granuleCover: number;
  /** Brightness of membranes; nm from outer side to outer side of a pair; brightness of the cleft between them. */
  readonly membrane: number;
  readonly membraneNm: number;
  readonly cleft: number;
  readonly cleftNm: number;
  /** Deviation of membrane darkness along the walls (uneven stain). */
  readonly membraneUnevenness: number;
  /** Mitochondria: matrix brightness, contrast of cristae, number per µm³ of lattice, typical radius in nm. */
  readonly mitochondria: number;
  readonly cristae: number;
  readonly mitochondriaDensity: number;
  readonly mitochondriaNm: number;
  /** Darkness of vesicle rims, of reticulum membranes, of microtubules. */
  readonly vesicles: number;
  readonly reticulum: number;
  readonly microtubules: number;
  /** Synapses: fraction of cell pairs that may synapse, brightness of the density. */
  readonly synapseDensity: number;
  readonly density: number;
  /** 1 draws T-bars (insects), 0 postsynaptic densities (vertebrates); between: mixed. */
  readonly tBars: number;
  /** Deviation of the point spread in nm. */
  readonly blurNm: number;
  /** Electron shot noise and camera noise (deviations at mid brightness), and blur of the noise in pixels. */
  readonly shotNoise: number;
  readonly cameraNoise: number;
  readonly noiseBlur: number;
  /** Deviation of brightness and contrast from section to section; uneven illumination over a section. */
  readonly drift: number;
  readonly illumination: number;
  /** Grey values that black and white become. */
  readonly blackLevel: number;
  readonly whiteLevel: number;
}

type Range = readonly [low: number, high: number];
type Ranges = { readonly [Key in keyof PhantomLook]: Range };

export type LookName = 'sstem' | 'fibsem' | 'varied';
/** A named look, or numbers over a drawn one (`varied` where none is named). */
export type LookChoice = LookName | (Partial<PhantomLook> & { readonly base?: LookName });

const SSTEM: Ranges = {
  cytoplasm: [0.68, 0.78],
  cellVariation: [0.02, 0.05],
  gliaShift: [-0.12, 0.06],
  texture: [0.04, 0.07],
  textureNm: [13, 19],
  blotches: [0.3, 0.6],
  granules: [0.18, 0.36],
  granuleCover: [0.15, 0.32],
  membrane: [0, 0.1],
  membraneNm: [22, 30],
  cleft: [0.25, 0.4],
  cleftNm: [6, 12],
  membraneUnevenness: [0.1, 0.2],
  mitochondria: [0.34, 0.48],
  cristae: [0.14, 0.26],
  mitochondriaDensity: [0.5, 0.9],
  mitochondriaNm: [120, 180],
  vesicles: [0.35, 0.6],
  reticulum: [0.2, 0.4],
  microtubules: [0.2, 0.4],
  synapseDensity: [0.1, 0.25],
  density: [0.03, 0.14],
  tBars: [0, 0],
  blurNm: [2.5, 5.5],
  shotNoise: [0.015, 0.04],
  cameraNoise: [0.01, 0.03],
  noiseBlur: [0, 0.4],
  drift: [0.015, 0.04],
  illumination: [0.01, 0.04],
  blackLevel: [0, 20],
  whiteLevel: [225, 255],
};

const FIBSEM: Ranges = {
  cytoplasm: [0.6, 0.7],
  cellVariation: [0.04, 0.09],
  gliaShift: [-0.12, 0.02],
  texture: [0.03, 0.055],
  textureNm: [18, 28],
  blotches: [0.5, 0.9],
  granules: [0.06, 0.16],
  granuleCover: [0.1, 0.25],
  membrane: [0.2, 0.32],
  membraneNm: [20, 29],
  cleft: [0.35, 0.5],
  cleftNm: [4, 10],
  membraneUnevenness: [0.1, 0.25],
  mitochondria: [0.26, 0.36],
  cristae: [0.01, 0.05],
  mitochondriaDensity: [0.5, 0.9],
  mitochondriaNm: [120, 190],
  vesicles: [0.08, 0.2],
  reticulum: [0.06, 0.2],
  microtubules: [0.03, 0.12],
  synapseDensity: [0.1, 0.25],
  density: [0.15, 0.25],
  tBars: [0.5, 1],
  blurNm: [8, 13],
  shotNoise: [0.015, 0.035],
  cameraNoise: [0.01, 0.025],
  noiseBlur: [0.2, 0.7],
  drift: [0.003, 0.012],
  illumination: [0.01, 0.03],
  blackLevel: [0, 40],
  whiteLevel: [215, 255],
};

const VARIED: Ranges = {
  cytoplasm: [0.52, 0.8],
  cellVariation: [0.01, 0.09],
  gliaShift: [-0.2, 0.12],
  texture: [0.015, 0.1],
  textureNm: [12, 32],
  blotches: [0.2, 1],
  granules: [0, 0.4],
  granuleCover: [0.05, 0.35],
  membrane: [0, 0.36],
  membraneNm: [18, 42],
  cleft: [0.15, 0.55],
  cleftNm: [2, 16],
  membraneUnevenness: [0.03, 0.35],
  mitochondria: [0.25, 0.6],
  cristae: [0, 0.28],
  mitochondriaDensity: [0.25, 1],
  mitochondriaNm: [90, 210],
  vesicles: [0.05, 0.6],
  reticulum: [0, 0.45],
  microtubules: [0, 0.35],
  synapseDensity: [0.05, 0.35],
  density: [0.06, 0.3],
  tBars: [0, 1],
  blurNm: [3, 14],
  shotNoise: [0.005, 0.08],
  cameraNoise: [0.005, 0.07],
  noiseBlur: [0, 0.8],
  drift: [0.005, 0.07],
  illumination: [0, 0.08],
  blackLevel: [0, 70],
  whiteLevel: [170, 255],
};

export const LOOKS: Readonly<Record<LookName, Ranges>> = { sstem: SSTEM, fibsem: FIBSEM, varied: VARIED };

/** Draws a look; the same (choice, seed) gives the same numbers. */
export function resolveLook(choice: LookChoice, seed: number): PhantomLook {
  const { base = 'varied', ...given } = typeof choice === 'string' ? { base: choice } : choice;
  const ranges = LOOKS[base];
  const drawn: Record<string, number> = {};
  for (const [name, [low, high]] of Object.entries(ranges)) {
    drawn[name] = low + (high - low) * randomSequence(deriveSeed(seed, `look ${name}`)).next();
  }
  return legible({ ...(drawn as unknown as PhantomLook), ...given });
}

/**
 * Keeps a look within what a person could still trace: walls stay darker than any cytoplasm, wider than the blur
 * and stronger than texture and noise.
 */
function legible(look: PhantomLook): PhantomLook {
  const membrane = Math.min(look.membrane, look.cytoplasm - 0.25);
  const contrast = look.cytoplasm - membrane;
  return {
    ...look,
    membrane,
    cellVariation: Math.min(look.cellVariation, 0.17 * contrast),
    gliaShift: Math.max(look.gliaShift, -0.35 * contrast),
    texture: Math.min(look.texture, 0.2 * contrast),
    granules: Math.min(look.granules, 0.55 * contrast),
    blurNm: Math.min(look.blurNm, 0.4 * look.membraneNm),
    shotNoise: Math.min(look.shotNoise, 0.16 * contrast),
    cameraNoise: Math.min(look.cameraNoise, 0.16 * contrast),
  };
}
