/**
 * Repair on the way: a section is finished once the one above it has been cut, since that one's fragments are evidence.
 * Until then it waits, with the sections without tissue that follow it.
 */
import { type EdgeColumns, edgesOfKind, IN_PLANE, withColumns } from '../graph/edge-list.ts';
import type { NextDoor, RepairOptions } from '../repair/partners.ts';
import { repair } from '../repair/repair.ts';
import { ndarray } from '../volume/array.ts';
import type { LabelSection } from '../volume/contracts.ts';
import { describeCut, type LinkedSection } from './link-sections.ts';
import { inPixels, moveLabels, moveTo, reversed } from './move.ts';
import { type Cut, inFullPixels } from './section-fragments.ts';
import type { SeenSection } from './seen-sections.ts';
import type { Run } from './start.ts';

/** A section that has been cut. */
export interface CutSection<S> {
  readonly step: S;
  readonly cut: Cut;
}

type Seen = Pick<SeenSection, 'cross' | 'view' | 'places'>;

/**
 * A section's cut, mended.
 * @param below the section with tissue before it, finished, with in-plane edges as they are judged
 * @param above the one after it, if the network saw the two together
 */
export function repairCut(
  run: Run,
  { step, cut }: CutSection<Seen>,
  below: (Pick<LinkedSection, 'fragments'> & { readonly judged: EdgeColumns }) | undefined,
  above: CutSection<Seen> | undefined,
  options: RepairOptions,
): { cut: Cut; split: number; merged: number } {
  const { repairable } = cut;
  if (!repairable) return { cut, split: 0, merged: 0 };
  const { segmentation, split, merged } = repair(
    repairable,
    below && nextDoor(step, below.fragments.labels, below.judged, 'below'),
    above &&
      nextDoor(above.step, ndarray(above.cut.labels, run.plan.small), judgedEdges(run, above), 'above'),
    options,
  );
  if (segmentation === repairable) return { cut, split, merged };
  return { cut: inFullPixels(segmentation, run.plan, run.spans), split, merged };
}

/**
 * A section next door in the place of the one that is mended.
 * @param upper of the two: it has what the network says of both, in its own place
 * @param labels dense, and edges, of the section next door
 * @param side on which it lies
 */
export function nextDoor(
  { cross, places }: Pick<Seen, 'cross' | 'places'>,
  labels: LabelSection,
  edges: NextDoor['edges'],
  side: 'below' | 'above',
): NextDoor | undefined {
  if (!cross) return undefined;
  const [, rows, columns] = cross.values.shape;
  const { stride } = cross;
  const affinity = cross.values.data.subarray(0, rows * columns);
  if (!places) return { labels: labels.data, edges, affinity, stride };
  if (side === 'below') return { labels: moveLabels(labels.data, places), edges, affinity, stride };
  const back = reversed(places);
  const answers = inPixels(back, [rows, columns], [stride, stride]);
  return {
    labels: moveLabels(labels.data, back),
    edges,
    affinity: moveTo(affinity, answers, new Float32Array(affinity.length)),
    stride,
  };
}

function judgedEdges({ input }: Run, { step, cut }: CutSection<Seen>): EdgeColumns {
  return describeCut(cut, step.view, input).judged;
}

/** The in-plane edges among a record's, with ids of the section. */
export function inPlaneOf(edges: EdgeColumns, idOffset: number): EdgeColumns {
  const inPlane = edgesOfKind(edges, (kind) => kind === IN_PLANE);
  const own = (id: number): number => id - idOffset;
  return withColumns(inPlane, { a: inPlane.a.map(own), b: inPlane.b.map(own) });
}
