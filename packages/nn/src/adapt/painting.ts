/**
 * Painted sections as profiles. A painter draws membranes (0) and cells (any other value), and leaves the rest at the
 * value that means "not painted". Every 4-connected piece of one value is a profile of its own, so that two cells may
 * share a value wherever a membrane lies between them. Where the painting ends, one cell may come out as two pieces
 * that meet out of sight: pieces of one value that reach pixels nobody painted share an id, which training takes as
 * "not known whether they are one".
 */
import { KynError, type LabelSection, labelProfiles, ndarray, toDense } from '@kyn/core';

/** Marks pixels that nobody painted. */
export const UNPAINTED = 0xffffffff;

/** More membrane than this share of what is painted is no tissue: black and white are mixed up. */
const MOST_MEMBRANE = 0.6;
/** Cells a painted pixel, at most, where there are many: the grey values of an image are all cells of a pixel or two. */
const MOST_PROFILES = 0.1;
const MANY_PROFILES = 100;

/** Numbers tell cells apart where there are more than this share as many as cells. */
const NUMBERED = 0.5;

export interface PaintedSection {
  /** Index in the volume. */
  readonly z: number;
  /** Where it was painted, for messages. */
  readonly name: string;
  /** Dense, of the section's size: 0 membrane, {@link UNPAINTED}, else the profile. */
  readonly profiles: LabelSection;
  readonly count: number;
  /** The painter's own numbers where they tell cells apart, 0 elsewhere; undefined where one number stands for all. */
  readonly cells: LabelSection | undefined;
  /** Pixels that are painted. */
  readonly pixels: number;
}

export interface Painting {
  /** 0 = membrane, any other value = a cell; not changed. */
  readonly labels: LabelSection;
  /** The value that means "not painted"; undefined where all is painted. */
  readonly unpainted: number | undefined;
  /** How to paint, for messages. */
  readonly rule: string;
}

/**
 * @param name where it was painted
 * @throws KynError `content` where it is no painting of membranes: nothing painted, no cell, hardly anything but
 * membrane, one cell only
 */
export function paintedSection(z: number, name: string, painting: Painting): PaintedSection {
  const { labels, unpainted = -1 } = painting;
  const { data } = toDense(labels);
  const { labels: pieces, count } = labelProfiles(labels);
  const paintOf = new Uint32Array(count + 1);
  for (let p = 0; p < data.length; p++) paintOf[pieces.data[p]] = data[p];
  const idOf = pieceIds(paintOf, piecesInTheOpen(pieces, paintOf, unpainted), unpainted);
  const profiles = pieces.data.map((piece) => idOf[piece]);
  const pixels = countOf(profiles, (id) => id !== UNPAINTED);
  const membrane = countOf(profiles, (id) => id === 0);
  const ids = new Set(idOf);
  ids.delete(UNPAINTED);
  ids.delete(0);
  const fault = faultOf(pixels, membrane, ids.size);
  if (fault) throw new KynError('content', fault, { where: name, hint: painting.rule });
  const numbers = new Set(paintOf.filter((value) => value !== 0 && value !== unpainted));
  const cells =
    numbers.size > NUMBERED * ids.size ? data.map((id) => (id === unpainted ? 0 : id)) : undefined;
  return {
    z,
    name,
    profiles: ndarray(profiles, labels.shape),
    count: ids.size,
    cells: cells && ndarray(cells, labels.shape),
    pixels,
  };
}

/** What is wrong with a painting; undefined where nothing is. */
function faultOf(pixels: number, membrane: number, profiles: number): string | undefined {
  if (pixels === 0) return 'nothing is painted';
  if (profiles === 0) return 'only membrane is painted, no cell';
  if (membrane > MOST_MEMBRANE * pixels) {
    const percent = Math.round((100 * membrane) / pixels);
    return `${percent} % of what is painted is membrane: are black and white mixed up?`;
  }
  if (profiles > MANY_PROFILES && profiles > MOST_PROFILES * pixels) {
    return `${profiles} cells in ${pixels} painted pixels: it looks like an image, not like a painting`;
  }
  return profiles === 1 && membrane === 0 ? 'one cell fills all that is painted' : undefined;
}

function countOf(ids: Uint32Array, counts: (id: number) => boolean): number {
  let count = 0;
  for (let p = 0; p < ids.length; p++) if (counts(ids[p])) count++;
  return count;
}

/** By piece: 1 where it touches pixels that nobody painted. */
function piecesInTheOpen(pieces: LabelSection, paintOf: Uint32Array, unpainted: number): Uint8Array {
  const [height, width] = pieces.shape;
  const { data } = pieces;
  const open = new Uint8Array(paintOf.length);
  const meet = (a: number, b: number): void => {
    if (paintOf[a] === unpainted) open[b] = 1;
    if (paintOf[b] === unpainted) open[a] = 1;
  };
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      if (x > 0 && data[p] !== data[p - 1]) meet(data[p], data[p - 1]);
      if (y > 0 && data[p] !== data[p - width]) meet(data[p], data[p - width]);
    }
  }
  return open;
}

function pieceIds(paintOf: Uint32Array, open: Uint8Array, unpainted: number): Uint32Array {
  const shared = new Map<number, number>();
  const idOf = new Uint32Array(paintOf.length);
  for (let piece = 1; piece < paintOf.length; piece++) {
    const value = paintOf[piece];
    if (value === unpainted) idOf[piece] = UNPAINTED;
    else if (!open[piece]) idOf[piece] = piece;
    else {
      idOf[piece] = shared.get(value) ?? piece;
      shared.set(value, idOf[piece]);
    }
  }
  return idOf;
}

/** Membrane masks (more than `above` = membrane) as a painting: all of it is painted. */
export function maskPainting(
  mask: ArrayLike<number>,
  above: number,
  shape: readonly number[],
): Omit<Painting, 'rule'> {
  const ids = Uint32Array.from(mask, (value) => (value > above ? 0 : 1));
  return { labels: ndarray(ids, shape), unpainted: undefined };
}
