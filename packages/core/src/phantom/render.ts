/**
 * Draws one section of EM from label slices: cytoplasm with its texture and organelles, walls darkened by the part
 * of the slab they fill, the microscope's blur, the camera's noise. A pure function of what lies around the section.
 */
import { expose } from './camera.ts';
import type { PhantomLook } from './look.ts';
import { addWalls } from './membranes.ts';
import { addNoise, blurInPlace, grain, type SectionGrid } from './noise.ts';
import { type Interior, paintMicrotubules, paintMitochondria, paintReticulum } from './organelles.ts';
import { deriveSeed, unit3 } from './random.ts';
import type { SubSections } from './sub-sections.ts';
import { paintSynapses, paintVesicles } from './synapses.ts';

export interface Renderer {
  readonly slices: SubSections;
  readonly grid: SectionGrid;
  readonly sectionNm: number;
  readonly look: PhantomLook;
  readonly seed: number;
  isGlia(id: number): boolean;
}

/** Cytoplasm of every pixel: its cell's own brightness plus texture. */
function cytoplasm(
  labels: Uint32Array,
  renderer: Renderer,
  zNm: number,
  scratch: Float32Array,
): Float32Array {
  const { grid, look, seed } = renderer;
  const cellSeed = deriveSeed(seed, 'cells');
  const grainNm = Math.max(look.textureNm, grid.pixelX * 1.6);
  const granular = grain(grid, zNm, grainNm, Math.max(25, grainNm), deriveSeed(seed, 'granules'), scratch);
  // Both tails of one grain serve: the upper one makes granules, all of it the fine texture.
  const image = granular;
  const from = 1.7 - 3 * look.granuleCover;
  const fine = look.texture * (1 - 0.5 * look.blotches);
  for (let p = 0; p < image.length; p++) {
    const value = granular[p];
    image[p] = (value > from ? -look.granules * Math.min(1, 0.7 * (value - from)) : 0) - fine * value;
  }
  const coarse = look.texture * look.blotches * 0.8;
  addNoise(image, grid, zNm, grainNm * 3, 70, coarse, deriveSeed(seed, 'blotches'));
  let last = -1;
  let level = 0;
  for (let p = 0; p < image.length; p++) {
    const id = labels[p];
    if (id !== last) {
      last = id;
      const own = 3.4 * (unit3(id, 1, 0, cellSeed) + unit3(id, 2, 0, cellSeed) - 1);
      level = look.cytoplasm + look.cellVariation * own + (renderer.isGlia(id) ? look.gliaShift : 0);
    }
    image[p] += level;
  }
  return image;
}

/** Section `z` as 8-bit grey values, rows of `grid.width`. */
export async function renderSection(renderer: Renderer, z: number): Promise<Uint8Array> {
  const { slices, grid, sectionNm, look, seed } = renderer;
  const below = await slices.face(z - 1);
  const middle = await slices.middle(z);
  const above = await slices.face(z);
  const zNm = (z + 0.5) * sectionNm;
  const { labels } = middle;
  const scratch = new Float32Array(labels.length);
  const image = cytoplasm(labels, renderer, zNm, scratch);
  const interior: Interior = {
    labels,
    field: middle,
    grid,
    zNm,
    thicknessNm: sectionNm,
    look,
    seed,
    isGlia: renderer.isGlia,
  };
  const winding = new Float32Array(image.length);
  const depth = paintMitochondria(image, interior);
  if (look.reticulum >= 0.02) {
    addNoise(winding, grid, zNm, 240, 240, 1, deriveSeed(seed, 'reticulum'));
    addNoise(scratch, grid, zNm, 600, 600, 1, deriveSeed(seed, 'reticulum patches'));
    paintReticulum(image, interior, depth, winding, scratch);
  }
  paintMicrotubules(image, interior, depth);

  const walls = winding.fill(0);
  const profile = { widthNm: look.membraneNm, cleftNm: look.cleftNm, cleftLight: look.cleft };
  addWalls(walls, below, middle, grid.pixelX, sectionNm / 2, profile);
  addWalls(walls, middle, above, grid.pixelX, sectionNm / 2, profile);
  // Labels have stair-stepped walls; half a pixel of blur makes lines of them again.
  blurInPlace(walls, grid.height, grid.width, 0.6, scratch);
  scratch.fill(1);
  addNoise(scratch, grid, zNm, 110, 110, look.membraneUnevenness, deriveSeed(seed, 'stain'));
  for (let p = 0; p < image.length; p++) {
    const dark = walls[p] * scratch[p];
    if (dark > 0) image[p] += Math.min(1, dark) * (look.membrane - image[p]);
  }
  const cloud = paintSynapses(image, interior);
  paintVesicles(image, interior, depth, cloud);
  blurInPlace(image, grid.height, grid.width, look.blurNm / grid.pixelX, scratch);
  return expose(image, grid, z, look, seed, scratch);
}
