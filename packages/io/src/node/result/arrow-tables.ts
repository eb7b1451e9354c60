/** `graph.arrow` and `assignment.arrow`: Arrow IPC files, as pyarrow, polars, pandas and DuckDB read them. */
import { EDGE_KINDS, type EdgeColumns } from '@kyn/core';
import {
  Dictionary,
  Float32,
  Int8,
  makeData,
  makeVector,
  Table,
  tableToIPC,
  Uint32,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';

/** Columns `a`, `b` uint32; `kind` dictionary of strings; `area` uint32; `probability` float32. */
export function graphToArrow(edges: EdgeColumns): Uint8Array {
  return tableToIPC(
    new Table({
      a: uint32(edges.a),
      b: uint32(edges.b),
      kind: kinds(edges.kind),
      area: uint32(edges.area),
      probability: makeVector(
        makeData({ type: new Float32(), data: edges.probability, length: edges.count, nullCount: 0 }),
      ),
    }),
    'file',
  );
}

/** Columns `fragment`, `neuron` uint32, one row a fragment from 1. */
export function assignmentToArrow(assignment: Uint32Array): Uint8Array {
  const fragment = Uint32Array.from({ length: assignment.length - 1 }, (_, i) => i + 1);
  return tableToIPC(
    new Table({ fragment: uint32(fragment), neuron: uint32(assignment.subarray(1)) }),
    'file',
  );
}

function uint32(data: Uint32Array): Vector<Uint32> {
  return makeVector(makeData({ type: new Uint32(), data, length: data.length, nullCount: 0 }));
}

function kinds(kind: Uint8Array): Vector<Dictionary<Utf8, Int8>> {
  const names = vectorFromArray([...EDGE_KINDS], new Utf8());
  return makeVector(
    makeData({
      type: new Dictionary(new Utf8(), new Int8(), 0),
      data: new Int8Array(kind.buffer, kind.byteOffset, kind.length),
      length: kind.length,
      nullCount: 0,
      dictionary: names,
    }),
  );
}
