/**
 * A section record as bytes, for resuming: a JSON line that says what follows, padded to 8 bytes, then the arrays
 * one after the other, little-endian. The file is only written once a section's fragments are on disk, so its being
 * there marks the section as done. Internal: gone when the run is complete.
 */
import { type EdgeColumns, type FragmentTable, KynError, type SectionRecord } from '@kyn/core';

type Column = Uint8Array | Uint32Array | Float32Array | Float64Array;

const types = { u1: Uint8Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array } as const;
type TypeName = keyof typeof types;

interface Header {
  readonly format: 'kyn-section';
  readonly version: 2;
  readonly record: Omit<SectionRecord, 'stats' | 'runs' | 'edges' | 'shiftNm'> & {
    shiftNm?: readonly [number, number];
  };
  /** What the section was made from. */
  readonly madeFrom?: string | undefined;
  readonly fragments: number;
  readonly edges: number;
  readonly columns: readonly { readonly name: string; readonly type: TypeName; readonly length: number }[];
}

const ALIGN = 8;

export function encodeRecord(
  { stats, runs, edges, ...record }: SectionRecord,
  madeFrom?: string,
): Uint8Array {
  const columns: [name: string, data: Column][] = [];
  for (const name of statColumns) columns.push([name, stats[name]]);
  columns.push(['runs', runs]);
  for (const name of edgeColumns) columns.push([`edge.${name}`, edges[name]]);
  const header: Header = {
    format: 'kyn-section',
    version: 2,
    record,
    madeFrom,
    fragments: stats.count,
    edges: edges.count,
    columns: columns.map(([name, data]) => ({ name, type: typeOf(data), length: data.length })),
  };
  const line = new TextEncoder().encode(`${JSON.stringify(header)}\n`);
  const head = align(line.length);
  const total = columns.reduce((sum, [, data]) => sum + align(data.byteLength), head);
  const bytes = new Uint8Array(total);
  bytes.fill(0x20, 0, head);
  bytes.set(line);
  bytes[line.length - 1] = 0x20;
  bytes[head - 1] = 0x0a;
  let at = head;
  for (const [, data] of columns) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += align(data.byteLength);
  }
  return bytes;
}

/** What a section was made from, where its run told. @throws KynError as {@link decodeRecord} */
export function madeFromIn(bytes: Uint8Array, where: string): string | undefined {
  return headerOf(bytes, where).header.madeFrom;
}

function damage(where: string, cause?: unknown): KynError {
  return new KynError('format', 'a section of the interrupted run is damaged', {
    where,
    hint: 'start anew with --overwrite',
    cause,
  });
}

function headerOf(bytes: Uint8Array, where: string): { header: Header; end: number } {
  const end = bytes.indexOf(0x0a);
  if (end < 0) throw damage(where);
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  } catch (error) {
    throw damage(where, error);
  }
  if (header.format !== 'kyn-section') throw damage(where);
  if (header.version !== 2) {
    throw new KynError('format', 'the interrupted run is of another version of kyn', {
      where,
      hint: 'start anew with --overwrite',
    });
  }
  return { header, end };
}

/** @throws KynError `format` where the bytes are no record. */
export function decodeRecord(bytes: Uint8Array, where: string): SectionRecord {
  const { header, end } = headerOf(bytes, where);
  const found = new Map<string, Column>();
  let at = end + 1;
  for (const { name, type, length } of header.columns) {
    const Type = types[type];
    const size = length * Type.BYTES_PER_ELEMENT;
    if (at + size > bytes.length) throw damage(where);
    // copied by hand: a Buffer's slice would share its memory
    found.set(name, new Type(new Uint8Array(bytes.subarray(at, at + size)).buffer));
    at += align(size);
  }
  const column = <C extends Column>(name: string, Type: abstract new (...args: never[]) => C): C => {
    const data = found.get(name);
    if (!(data instanceof Type)) throw damage(where);
    return data;
  };
  const stats: FragmentTable = {
    count: header.fragments,
    area: column('area', Uint32Array),
    centroidY: column('centroidY', Float64Array),
    centroidX: column('centroidX', Float64Array),
    minY: column('minY', Uint32Array),
    minX: column('minX', Uint32Array),
    maxY: column('maxY', Uint32Array),
    maxX: column('maxX', Uint32Array),
  };
  const edges: EdgeColumns = {
    count: header.edges,
    a: column('edge.a', Uint32Array),
    b: column('edge.b', Uint32Array),
    kind: column('edge.kind', Uint8Array),
    area: column('edge.area', Uint32Array),
    probability: column('edge.probability', Float32Array),
  };
  const runs = column('runs', Uint32Array);
  return { ...header.record, shiftNm: header.record.shiftNm, stats, runs, edges };
}

const statColumns = ['area', 'centroidY', 'centroidX', 'minY', 'minX', 'maxY', 'maxX'] as const;
const edgeColumns = ['a', 'b', 'kind', 'area', 'probability'] as const;

function typeOf(data: Column): TypeName {
  if (data instanceof Uint8Array) return 'u1';
  if (data instanceof Uint32Array) return 'u4';
  return data instanceof Float32Array ? 'f4' : 'f8';
}

function align(size: number): number {
  return Math.ceil(size / ALIGN) * ALIGN;
}
