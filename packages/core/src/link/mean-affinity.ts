/**
 * Links two sections by what a 3D network says of the pixels that two fragments share: the mean of the affinities
 * between the sections over the overlap (the plain agglomeration score of affinity-based pipelines, as in Lee 2017
 * and Funke 2019).
 */
import { CROSS, EdgeList, SKIP } from '../graph/edge-list.ts';
import { PairTable } from '../graph/pair-table.ts';
import type { LinkSection } from './section-view.ts';

export interface AffinityLinkOptions {
  /** `skip` where the two are no neighbours. */
  readonly kind: 'cross' | 'skip';
  /** Mean affinity at which a pair is as likely one neuron as not. 0..1 exclusive. */
  readonly evenAffinity: number;
  /** Pixels of the volume that a pixel of the network stands for. */
  readonly pixelArea: number;
}

const PIXELS = 0;
const AFFINITY = 1;
const COLUMNS = 2;

/**
 * @param affinity dense [height × width]: how likely a pixel of both sections is one neuron
 * @returns one edge for every pair that overlaps, global ids, in order of first common pixel; area = common pixels
 * of the volume. The odds of the mean affinity over those of `evenAffinity` are the odds of the edge.
 */
export function linkByAffinity(
  lower: Pick<LinkSection, 'labels' | 'idOffset'>,
  upper: Pick<LinkSection, 'labels' | 'idOffset'>,
  affinity: Float32Array,
  { kind, evenAffinity, pixelArea }: AffinityLinkOptions,
): EdgeList {
  const pairs = new PairTable(COLUMNS, 4096);
  countShared(pairs, lower.labels, upper.labels, affinity);
  const { count, a, b, values } = pairs;
  const evenOdds = evenAffinity / (1 - evenAffinity);
  const edges = new EdgeList(count);
  for (let i = 0; i < count; i++) {
    const pixels = values[i * COLUMNS + PIXELS];
    const mean = Math.min(1, values[i * COLUMNS + AFFINITY] / pixels);
    const probability = mean / (mean + (1 - mean) * evenOdds);
    const area = Math.max(1, Math.round(pixelArea * pixels));
    edges.push(
      a[i] + lower.idOffset,
      b[i] + upper.idOffset,
      kind === 'skip' ? SKIP : CROSS,
      area,
      probability,
    );
  }
  return edges;
}

function countShared(
  pairs: PairTable,
  first: Uint32Array,
  second: Uint32Array,
  affinity: Float32Array,
): void {
  for (let p = 0; p < first.length; ) {
    const a = first[p];
    const b = second[p];
    const from = p;
    let total = 0;
    do total += affinity[p++];
    while (p < first.length && first[p] === a && second[p] === b);
    if (a === 0 || b === 0) continue;
    const at = pairs.slot(a, b) * COLUMNS;
    pairs.values[at + PIXELS] += p - from;
    pairs.values[at + AFFINITY] += total;
  }
}
