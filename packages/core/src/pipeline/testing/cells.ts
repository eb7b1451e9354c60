/** A small stack for tests: cells that drift from section to section, dark membranes between them, some noise. */
import { ndarray, type Vec3 } from '../../volume/array.ts';
import type { LabelSection, RawSection, SectionSource, VolumeInfo } from '../../volume/contracts.ts';
import { Random } from '../../volume/random.ts';

export interface CellStack {
  readonly source: SectionSource;
  readonly truth: readonly LabelSection[];
  readonly sections: RawSection[];
}

export interface CellOptions {
  readonly shape: Vec3;
  readonly voxelSizeNm?: Vec3;
  readonly seed?: number;
  /** Cells in the plane. */
  readonly cells?: number;
  /** Pixels that a membrane is thick. */
  readonly membrane?: number;
  readonly info?: Partial<VolumeInfo>;
}

export function cellStack(options: CellOptions): CellStack {
  const { shape, seed = 1, cells = 30, membrane = 2.5, info = {} } = options;
  const [depth, height, width] = shape;
  const stream = new Random(seed);
  const random = () => stream.float();
  const centres = Array.from({ length: cells }, () => ({
    y: random() * height,
    x: random() * width,
    dy: (random() - 0.5) * 1.2,
    dx: (random() - 0.5) * 1.2,
  }));
  const sections: RawSection[] = [];
  const truth: LabelSection[] = [];
  for (let z = 0; z < depth; z++) {
    const grey = new Uint8Array(height * width);
    const labels = new Uint32Array(height * width);
    for (let y = 0, p = 0; y < height; y++) {
      for (let x = 0; x < width; x++, p++) {
        let first = Number.POSITIVE_INFINITY;
        let second = Number.POSITIVE_INFINITY;
        centres.forEach((c, i) => {
          const distance = Math.hypot(c.y + z * c.dy - y, c.x + z * c.dx - x);
          if (distance < first) {
            second = first;
            first = distance;
            labels[p] = i + 1;
          } else if (distance < second) second = distance;
        });
        const value = second - first < membrane ? 70 : 170;
        grey[p] = Math.round(value + (random() - 0.5) * 30);
      }
    }
    sections.push(ndarray(grey, [height, width]));
    truth.push(ndarray(labels, [height, width]));
  }
  return { source: sourceOf(sections, options.voxelSizeNm ?? [40, 10, 10], info), truth, sections };
}

/** Sections in memory as a source. */
export function sourceOf(
  sections: readonly RawSection[],
  voxelSizeNm: Vec3 | undefined,
  info: Partial<VolumeInfo> = {},
): SectionSource {
  const [height, width] = sections[0].shape;
  return {
    info: {
      shape: [sections.length, height, width],
      voxelSizeNm,
      dtype: 'uint8',
      format: 'memory',
      location: 'memory',
      notes: [],
      ...info,
    },
    read: async (z) => sections[z],
    close: async () => {},
  };
}
