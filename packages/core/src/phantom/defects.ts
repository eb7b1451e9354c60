/**
 * What goes wrong with sections: missing, folded, cracked, dark, shifted. Folds, cracks and shifts move tissue, and
 * the labels move with it, so the truth stays true; where no tissue is left the labels are 0.
 */
import { deriveSeed, hash3, randomSequence, unit3 } from './random.ts';

/** Fraction of sections (0..1) that each defect befalls; a section has at most one. */
export interface DefectFractions {
  readonly missing?: number;
  readonly folded?: number;
  readonly cracked?: number;
  readonly dark?: number;
  readonly shifted?: number;
}

export type DefectKind = 'missing' | 'folded' | 'cracked' | 'dark' | 'shifted';

const KINDS: readonly DefectKind[] = ['missing', 'folded', 'cracked', 'dark', 'shifted'];

/** The defect of section `z`, if it has one. */
export function defectOf(
  z: number,
  fractions: DefectFractions | undefined,
  seed: number,
): DefectKind | undefined {
  if (!fractions) return undefined;
  let u = unit3(z, 0, 0, deriveSeed(seed, 'defects'));
  for (const kind of KINDS) {
    u -= fractions[kind] ?? 0;
    if (u < 0) return kind;
  }
  return undefined;
}

/** Where each pixel of a defective section gets its tissue from, and what happens to its brightness. */
interface Displacement {
  /** Signed distance (pixels) of a pixel to the fold or crack; infinite where there is none. */
  line(y: number, x: number): number;
  readonly normal: readonly [number, number];
  /** Pixels of tissue swallowed (folds) or of bare support shown (cracks). */
  readonly width: number;
  readonly shift: readonly [number, number];
}

function displacement(
  kind: DefectKind,
  z: number,
  height: number,
  width: number,
  seed: number,
): Displacement {
  const random = randomSequence(hash3(z, 1, 0, deriveSeed(seed, 'defect shape')));
  const angle = 2 * Math.PI * random.next();
  const normal = [Math.sin(angle), Math.cos(angle)] as const;
  const size = Math.min(height, width);
  const offset = (random.next() - 0.5) * 0.5 * size;
  const bend = size * 0.06 * random.normal();
  const phase = 6 * random.next();
  const far = kind === 'shifted' ? Math.max(2, size * (0.012 + 0.03 * random.next())) : 0;
  const thickness = kind === 'folded' ? Math.max(2, size * (0.015 + 0.03 * random.next())) : 0;
  const gap = kind === 'cracked' ? Math.max(2, size * (0.006 + 0.02 * random.next())) : 0;
  return {
    normal,
    width: thickness + gap,
    shift: [far * normal[0], far * normal[1]],
    line(y, x) {
      const cy = y - height / 2;
      const cx = x - width / 2;
      const along = (cy * normal[1] - cx * normal[0]) / size;
      return cy * normal[0] + cx * normal[1] - offset - bend * Math.sin(5 * along + phase);
    },
  };
}

/** For each pixel the index of its source pixel, or -1 where no tissue is left; undefined if nothing moves. */
export function defectSources(
  kind: DefectKind,
  z: number,
  height: number,
  width: number,
  seed: number,
): Int32Array | undefined {
  if (kind === 'dark') return undefined;
  const sources = new Int32Array(height * width).fill(-1);
  if (kind === 'missing') return sources;
  const d = displacement(kind, z, height, width, seed);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [sy, sx] = [y + d.shift[0], x + d.shift[1]];
      if (kind !== 'shifted') {
        const line = d.line(y, x);
        const side = line < 0 ? -1 : 1;
        if (kind === 'cracked' && Math.abs(line) < d.width / 2) continue;
        // A fold hides tissue: both sides come from further out. A crack pulls them apart.
        const move = (kind === 'folded' ? 1 : -1) * side * (d.width / 2);
        sy += move * d.normal[0];
        sx += move * d.normal[1];
      }
      const ry = Math.round(sy);
      const rx = Math.round(sx);
      if (ry >= 0 && rx >= 0 && ry < height && rx < width) sources[y * width + x] = ry * width + rx;
    }
  }
  return sources;
}

/** The labels of a section with this defect (a new array). */
export function defectLabels(labels: Uint32Array, sources: Int32Array): Uint32Array {
  return Uint32Array.from(sources, (source) => (source < 0 ? 0 : labels[source]));
}

/** The image of a section with this defect (a new array). */
export function defectImage(
  image: Uint8Array,
  kind: DefectKind,
  sources: Int32Array | undefined,
  z: number,
  height: number,
  width: number,
  seed: number,
): Uint8Array {
  const random = randomSequence(hash3(z, 2, 0, deriveSeed(seed, 'defect tone')));
  if (kind === 'dark' || !sources) {
    const gain = 0.25 + 0.3 * random.next();
    return image.map((value) => value * gain);
  }
  const bare = kind === 'missing' ? 0 : kind === 'cracked' ? 225 + 25 * random.next() : 0;
  const out = Uint8Array.from(sources, (source) => (source < 0 ? bare : image[source]));
  if (kind === 'folded') {
    const d = displacement(kind, z, height, width, seed);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const inFold = 1 - Math.abs(d.line(y, x)) / (d.width * 0.6);
        if (inFold > 0) out[y * width + x] *= 1 - 0.85 * Math.min(1, 3 * inFold);
      }
    }
  }
  return out;
}
