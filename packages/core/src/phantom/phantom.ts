/**
 * Synthetic electron microscopy with ground truth. `createPhantom` grows neuropil and draws it; `renderOver` draws
 * over label sections that are given. Both are read section by section, in any order; a section is a pure function
 * of the options and its number, and only a few label slices are held.
 */
import { KynError, throwIfCancelled } from '../errors.ts';
import { ndarray, type Vec3 } from '../volume/array.ts';
import type { LabelSource, SectionSource, VolumeInfo } from '../volume/contracts.ts';
import {
  type DefectFractions,
  type DefectKind,
  defectImage,
  defectLabels,
  defectOf,
  defectSources,
} from './defects.ts';
import { type GeometryChoice, resolveGeometry } from './geometry.ts';
import { type LookChoice, resolveLook } from './look.ts';
import type { SectionGrid } from './noise.ts';
import { packNeuropil } from './packing.ts';
import { deriveSeed, unit3 } from './random.ts';
import { type Renderer, renderSection } from './render.ts';
import { type SubSections, tessellationSlices, volumeSlices } from './sub-sections.ts';
import { raggedLabels, tessellate } from './tessellation.ts';

export interface PhantomOptions {
  /** Sections, rows, columns. */
  readonly shape: Vec3;
  /** nm, z y x. */
  readonly voxelSizeNm: Vec3;
  readonly seed: number;
  readonly look: LookChoice;
  readonly geometry: GeometryChoice;
  /** Fractions of defective sections; none by default. */
  readonly defects?: DefectFractions;
}

export const PHANTOM_DEFAULTS: PhantomOptions = {
  shape: [32, 512, 512],
  voxelSizeNm: [40, 8, 8],
  seed: 0,
  look: 'varied',
  geometry: 'cortex',
};

/** How `renderOver` draws; shape and voxel size come from the labels. */
export type RenderOverOptions = Partial<Pick<PhantomOptions, 'seed' | 'look' | 'defects' | 'voxelSizeNm'>>;

/** An image volume and its truth. */
export interface Phantom {
  readonly raw: SectionSource;
  readonly labels: LabelSource;
}

/** The box that repeats is at most this large along each axis, at least this large, smaller for tiny volumes. */
const PERIOD_NM = { most: 7000, least: 3500, tiny: 2600 };

/** Of electron microscopy and then some. What is grown takes ever longer beyond. */
const VOXEL_NM = { least: 0.1, most: 1000 };

function checkOptions({ shape, voxelSizeNm, seed, defects }: PhantomOptions): void {
  if (!shape.every((n) => Number.isInteger(n) && n > 0)) {
    throw new KynError(
      'usage',
      `a phantom needs a shape of three positive whole numbers, not ${shape.join(',')}`,
    );
  }
  if (!voxelSizeNm.every((n) => n >= VOXEL_NM.least && n <= VOXEL_NM.most)) {
    const size = [...voxelSizeNm].reverse().join(',');
    throw new KynError(
      'usage',
      `voxels measure ${VOXEL_NM.least} to ${VOXEL_NM.most} nm, not ${size} (x, y, z)`,
      {
        where: 'phantom',
        hint: 'choose another voxel size',
      },
    );
  }
  if (!Number.isInteger(seed)) throw new KynError('usage', `a seed is a whole number, not ${seed}`);
  const fractions = Object.values(defects ?? {});
  if (fractions.some((f) => !(f >= 0 && f <= 1)) || fractions.reduce((sum, f) => sum + f, 0) > 1) {
    throw new KynError('usage', 'fractions of defective sections must lie in 0..1 and add up to at most 1');
  }
}

function sectionGrid(shape: Vec3, voxelSizeNm: Vec3): SectionGrid {
  return {
    height: shape[1],
    width: shape[2],
    originY: 0,
    originX: 0,
    pixelY: voxelSizeNm[1],
    pixelX: voxelSizeNm[2],
  };
}

/** One line for every kind of defect: which sections have it. */
function defectNotes(depth: number, defects: DefectFractions | undefined, seed: number): string[] {
  const sections = new Map<DefectKind, number[]>();
  for (let z = 0; z < depth; z++) {
    const kind = defectOf(z, defects, seed);
    if (kind) sections.set(kind, [...(sections.get(kind) ?? []), z]);
  }
  return [...sections].map(([kind, list]) => `${kind} sections: ${list.join(', ')}`);
}

interface Assembly {
  readonly shape: Vec3;
  readonly voxelSizeNm: Vec3;
  readonly seed: number;
  readonly defects?: DefectFractions;
  readonly location: string;
  readonly notes: readonly string[];
  readonly renderer: Renderer;
  /** Truth of section z, without defects. */
  truth(z: number): Promise<Uint32Array>;
}

/** Sources over a renderer and a truth, with the defects put in. */
function assemble(assembly: Assembly): Phantom {
  const { shape, seed, defects, renderer } = assembly;
  const [depth, height, width] = shape;
  const info = (dtype: string): VolumeInfo => ({
    shape,
    voxelSizeNm: assembly.voxelSizeNm,
    dtype,
    format: 'phantom',
    location: assembly.location,
    notes: [...assembly.notes, ...defectNotes(depth, defects, seed)],
  });
  const check = (z: number) => {
    if (!Number.isInteger(z) || z < 0 || z >= depth) {
      throw new KynError('shape', `no section ${z}: there are ${depth}`, { where: assembly.location });
    }
  };
  return {
    raw: {
      info: info('uint8'),
      async read(z, signal) {
        check(z);
        throwIfCancelled(signal);
        const kind = defectOf(z, defects, seed);
        if (kind === 'missing') return ndarray(new Uint8Array(height * width), [height, width]);
        const image = await renderSection(renderer, z);
        if (!kind) return ndarray(image, [height, width]);
        const sources = defectSources(kind, z, height, width, seed);
        return ndarray(defectImage(image, kind, sources, z, height, width, seed), [height, width]);
      },
      async close() {},
    },
    labels: {
      info: info('uint32'),
      async read(z, signal) {
        check(z);
        throwIfCancelled(signal);
        const kind = defectOf(z, defects, seed);
        const sources = kind && defectSources(kind, z, height, width, seed);
        const labels = await assembly.truth(z);
        return ndarray(sources ? defectLabels(labels, sources) : labels, [height, width]);
      },
      async close() {},
    },
  };
}

/**
 * Grown neuropil, drawn. Growing takes a few seconds for boxes of 7 µm, much less for small volumes; after that
 * each section costs about a microsecond a pixel.
 */
export function createPhantom(given: Partial<PhantomOptions> = {}): Phantom {
  const options = { ...PHANTOM_DEFAULTS, ...given };
  checkOptions(options);
  const { shape, voxelSizeNm, seed } = options;
  const geometry = resolveGeometry(options.geometry);
  const extent = shape.map((n, axis) => n * voxelSizeNm[axis]);
  const least = Math.min(PERIOD_NM.least, Math.max(PERIOD_NM.tiny, ...extent));
  const side = (axis: number) =>
    Math.min(PERIOD_NM.most, Math.max(least, extent[axis] * 1.2 + 200)) * Math.max(1, geometry.scale);
  const packing = packNeuropil(geometry, [side(0), side(1), side(2)], deriveSeed(seed, 'tissue'));
  const tissue = tessellate(packing, geometry, [extent[0], extent[1], extent[2]], deriveSeed(seed, 'walls'));
  const grid = sectionGrid(shape, voxelSizeNm);
  const slices: SubSections = tessellationSlices(tissue, grid, voxelSizeNm[0]);
  const glia = geometry.kinds.length;
  const ragged = deriveSeed(seed, 'ragged');
  return assemble({
    ...options,
    location: `phantom, seed ${seed}`,
    notes: [`synthetic: ${geometry.name} geometry, ${packing.neurites} neurites in the box that repeats`],
    renderer: {
      slices,
      grid,
      sectionNm: voxelSizeNm[0],
      look: resolveLook(options.look, seed),
      seed: deriveSeed(seed, 'drawing'),
      isGlia: (id) => tissue.kindOf(id) === glia,
    },
    async truth(z) {
      const { labels } = await slices.middle(z);
      return raggedLabels(labels, grid.height, grid.width, geometry.raggedness, ragged + z);
    },
  });
}

/** Share of given labels that is drawn as glia. */
const GLIA_SHARE = 0.07;
/** Majority passes that take the stair-steps and specks out of given labels before drawing. */
const SMOOTHING_PASSES = 3;

/**
 * EM drawn over given labels. The labels come back as they are (with defects applied); for drawing, their walls
 * are smoothed and holes of 0 are closed by their neighbours.
 */
export function renderOver(labels: LabelSource, given: RenderOverOptions = {}): Phantom {
  const { shape } = labels.info;
  const voxelSizeNm = given.voxelSizeNm ?? labels.info.voxelSizeNm ?? PHANTOM_DEFAULTS.voxelSizeNm;
  const options = { ...PHANTOM_DEFAULTS, ...given, shape, voxelSizeNm };
  checkOptions(options);
  const { seed } = options;
  const gliaSeed = deriveSeed(seed, 'glia');
  return assemble({
    ...options,
    location: `phantom over ${labels.info.location}, seed ${seed}`,
    notes: ['synthetic: drawn over given labels'],
    renderer: {
      slices: volumeSlices(labels, SMOOTHING_PASSES),
      grid: sectionGrid(shape, voxelSizeNm),
      sectionNm: voxelSizeNm[0],
      look: resolveLook(options.look, seed),
      seed: deriveSeed(seed, 'drawing'),
      isGlia: (id) => unit3(id, 0, 0, gliaSeed) < GLIA_SHARE,
    },
    async truth(z) {
      const section = await labels.read(z);
      const [strideY, strideX] = section.stride;
      const out = new Uint32Array(shape[1] * shape[2]);
      for (let y = 0, p = 0; y < shape[1]; y++) {
        for (let x = 0; x < shape[2]; x++, p++) out[p] = section.data[y * strideY + x * strideX];
      }
      return out;
    },
  });
}
