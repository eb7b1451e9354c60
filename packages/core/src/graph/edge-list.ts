/**
 * The edges of the fragment graph as a growable struct of arrays: the columns of `graph.arrow`.
 */
import { keepCompiled } from './kept-classes.ts';

/** What an edge connects: two fragments of one section, of neighbouring sections, or across a missing one. */
export const EDGE_KINDS = ['in-plane', 'cross', 'skip'] as const;
export const IN_PLANE = 0;
export const CROSS = 1;
export const SKIP = 2;

/** The columns of an edge list; entry `i` of each belongs to edge `i`. */
export interface EdgeColumns {
  readonly count: number;
  /** Global fragment ids, a < b. */
  readonly a: Uint32Array;
  readonly b: Uint32Array;
  /** Index into {@link EDGE_KINDS}. */
  readonly kind: Uint8Array;
  /** Pixels of contact (in-plane) or overlap. */
  readonly area: Uint32Array;
  /** Probability that both fragments are of one neuron. */
  readonly probability: Float32Array;
}

/**
 * The same edges with other columns. Not by spreading: V8 gives what is spread a shape of its own, and compiles again what
 * reads the columns.
 */
export function withColumns(
  { count, a, b, kind, area, probability }: EdgeColumns,
  other: Partial<EdgeColumns>,
): EdgeColumns {
  return {
    count,
    a: other.a ?? a,
    b: other.b ?? b,
    kind: other.kind ?? kind,
    area: other.area ?? area,
    probability: other.probability ?? probability,
  };
}

/** The edges whose kind is wanted, in their order. */
export function edgesOfKind(
  { a, b, kind, area, probability }: EdgeColumns,
  wanted: (kind: number) => boolean,
): EdgeColumns {
  const keep = (_: number, i: number): boolean => wanted(kind[i]);
  const kept = kind.filter(keep);
  return {
    count: kept.length,
    a: a.filter(keep),
    b: b.filter(keep),
    kind: kept,
    area: area.filter(keep),
    probability: probability.filter(keep),
  };
}

export class EdgeList {
  count = 0;
  private a: Uint32Array;
  private b: Uint32Array;
  private kind: Uint8Array;
  private area: Uint32Array;
  private probability: Float32Array;

  constructor(capacity = 1024) {
    const size = Math.max(1, capacity);
    this.a = new Uint32Array(size);
    this.b = new Uint32Array(size);
    this.kind = new Uint8Array(size);
    this.area = new Uint32Array(size);
    this.probability = new Float32Array(size);
  }

  /** Adds one edge; the ids are put in order. */
  push(a: number, b: number, kind: number, area: number, probability: number): void {
    this.reserve(this.count + 1);
    const at = this.count++;
    this.a[at] = Math.min(a, b);
    this.b[at] = Math.max(a, b);
    this.kind[at] = kind;
    this.area[at] = area;
    this.probability[at] = probability;
  }

  /** Adds all edges of `other`, `idOffset` added to their ids. */
  append(other: EdgeList | EdgeColumns, idOffset = 0): void {
    const from = other instanceof EdgeList ? other.columns() : other;
    this.reserve(this.count + from.count);
    const at = this.count;
    for (let i = 0; i < from.count; i++) {
      this.a[at + i] = from.a[i] + idOffset;
      this.b[at + i] = from.b[i] + idOffset;
    }
    this.kind.set(from.kind.subarray(0, from.count), at);
    this.area.set(from.area.subarray(0, from.count), at);
    this.probability.set(from.probability.subarray(0, from.count), at);
    this.count += from.count;
  }

  /** The columns, cut to length; views that are good until the next `push` or `append`. */
  columns(): EdgeColumns {
    const { count } = this;
    return {
      count,
      a: this.a.subarray(0, count),
      b: this.b.subarray(0, count),
      kind: this.kind.subarray(0, count),
      area: this.area.subarray(0, count),
      probability: this.probability.subarray(0, count),
    };
  }

  private reserve(count: number): void {
    if (count > this.a.length) this.grow(count);
  }

  private grow(count: number): void {
    const size = Math.max(count, Math.ceil(this.a.length * 1.6));
    const grown = <T extends Uint32Array | Uint8Array | Float32Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    this.a = grown(this.a, new Uint32Array(size));
    this.b = grown(this.b, new Uint32Array(size));
    this.kind = grown(this.kind, new Uint8Array(size));
    this.area = grown(this.area, new Uint32Array(size));
    this.probability = grown(this.probability, new Float32Array(size));
  }
}

keepCompiled(new EdgeList(1));
