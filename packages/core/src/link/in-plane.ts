/**
 * Fragments of one section that touch: are they one neuron? Most are not, since a membrane lies between them; the
 * answer, calibrated, is what makes them repel each other softly in the partition.
 */
import { type EdgeColumns, withColumns } from '../graph/edge-list.ts';
import { type Classifier, classify } from './classifier.ts';
import type { LinkSection } from './section-view.ts';

export const PLANE_FEATURES = [
  'affinity, mean',
  'contact (log)',
  'contact over size',
  'area, smaller (log)',
  'area, larger (log)',
  'elongation, smaller',
  'elongation, larger',
  'cut at the border',
] as const;

type Section = Pick<LinkSection, 'profiles' | 'pixelSide'>;

/**
 * Rows of {@link PLANE_FEATURES}, one an edge, lengths and areas in pixels of the network.
 * @param edges in-plane edges of one section with its ids, areas in pixels of the volume; probability is the mean affinity
 * between the two
 */
export function planeFeatures(
  { count, a, b, area, probability }: EdgeColumns,
  { profiles, pixelSide }: Section,
): Float32Array {
  const rows = new Float32Array(count * PLANE_FEATURES.length);
  for (let i = 0, at = 0; i < count; i++) {
    const [m, n] = [a[i], b[i]];
    const [small, large] = [
      Math.min(profiles.area[m], profiles.area[n]),
      Math.max(profiles.area[m], profiles.area[n]),
    ];
    const contact = area[i] / pixelSide;
    const [longA, longB] = [profiles.major[m] / profiles.minor[m], profiles.major[n] / profiles.minor[n]];
    rows[at++] = probability[i];
    rows[at++] = Math.log2(1 + contact);
    rows[at++] = contact / Math.sqrt(small);
    rows[at++] = Math.log2(small);
    rows[at++] = Math.log2(large);
    rows[at++] = Math.min(longA, longB);
    rows[at++] = Math.max(longA, longB);
    rows[at++] = profiles.cut[m] + profiles.cut[n];
  }
  return rows;
}

/** The same edges with the classifier's probabilities. */
export function judgePlane(edges: EdgeColumns, section: Section, classifier: Classifier): EdgeColumns {
  return withColumns(edges, { probability: classify(classifier, planeFeatures(edges, section)) });
}
