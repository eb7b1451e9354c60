/**
 * A graph under construction: nodes are appended, every value knows its static shape, and differentiable
 * operations leave a rule on the tape, from which `gradients` (autodiff.ts) writes the backward half as further nodes.
 */
import { elementCount } from '@kyn/core';
import { toHalf } from '../onnx/half.ts';
import {
  type Attribute,
  DTYPE_CODE,
  encodeModel,
  type OnnxDtype,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from '../onnx/proto.ts';

/** A tensor in the graph. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: OnnxDtype;
}

/** How the gradient of `output` becomes gradients of `inputs` (undefined: none flows there). */
export interface TapeEntry {
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly backward: (gradient: Value, needed: readonly boolean[]) => readonly (Value | undefined)[];
}

export class GraphBuilder {
  readonly tape: TapeEntry[] = [];
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers: OnnxTensor[] = [];
  private readonly inputs: OnnxValueInfo[] = [];
  private readonly outputs: OnnxValueInfo[] = [];
  private readonly constants = new Map<string, Value>();
  private counter = 0;

  constructor(readonly name: string) {}

  private fresh(prefix: string): string {
    return `${prefix}_${this.counter++}`;
  }

  /**
   * A graph input. `declared` replaces the shape in the file, where some extents stay free (symbolic names).
   * It may be declared after nodes that already read its name.
   */
  input(
    name: string,
    shape: readonly number[],
    dtype: OnnxDtype = 'float32',
    declared: readonly (number | string)[] = shape,
  ): Value {
    this.inputs.push({ name, shape: declared, dtype });
    return { name, shape, dtype };
  }

  /** Makes `value` an output under `name`; `declared` as for {@link input}. */
  output(name: string, value: Value, declared: readonly (number | string)[] = value.shape): void {
    this.nodes.push({ op: 'Identity', inputs: [value.name], outputs: [name], attributes: {} });
    this.outputs.push({ name, shape: declared, dtype: value.dtype });
  }

  /** A float constant; equal constants are stored once. */
  floats(data: readonly number[] | Float32Array, shape: readonly number[] = [data.length]): Value {
    return this.constant('float32', Float32Array.from(data), shape);
  }

  scalar(value: number): Value {
    return this.floats([value], []);
  }

  ints(data: readonly number[]): Value {
    return this.constant('int64', BigInt64Array.from(data, BigInt), [data.length]);
  }

  /**
   * A constant by a name of its own, which a reader of the file finds it by. Of `float16` it takes half of the room there:
   * the runtime makes float32 of it once, when it loads the graph.
   */
  stored(name: string, data: Float32Array, shape: readonly number[], dtype: 'float32' | 'float16'): Value {
    if (this.initializers.some((each) => each.name === name))
      throw new RangeError(`there are two constants ${name}`);
    const value = this.initializer(name, dtype, dtype === 'float16' ? toHalf(data) : data, shape);
    return dtype === 'float16' ? this.node('Cast', [value], shape, { to: DTYPE_CODE.float32 }) : value;
  }

  private constant(dtype: OnnxDtype, data: Float32Array | BigInt64Array, shape: readonly number[]): Value {
    const key = data.length <= 64 ? `${dtype}:${shape.join(',')}:${data.join(',')}` : undefined;
    const known = key === undefined ? undefined : this.constants.get(key);
    if (known) return known;
    const value = this.initializer(this.fresh('const'), dtype, data, shape);
    if (key !== undefined) this.constants.set(key, value);
    return value;
  }

  private initializer(
    name: string,
    dtype: OnnxDtype,
    data: Float32Array | BigInt64Array | Uint16Array,
    shape: readonly number[],
  ): Value {
    const bytes = new Uint8Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength));
    this.initializers.push({ name, dtype, shape, bytes });
    return { name, shape, dtype };
  }

  /** Appends a node with several outputs of the given shapes. */
  nodeMany(
    op: string,
    inputs: readonly (Value | undefined)[],
    shapes: readonly (readonly number[])[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain?: string,
  ): Value[] {
    const outputs = shapes.map((shape): Value => ({ name: this.fresh(op), shape, dtype: 'float32' }));
    this.nodes.push({
      op,
      inputs: inputs.map((value) => value?.name ?? ''),
      outputs: outputs.map((value) => value.name),
      attributes,
      ...(domain === undefined ? {} : { domain }),
    });
    return outputs;
  }

  /** Appends a node with one output. */
  node(
    op: string,
    inputs: readonly (Value | undefined)[],
    shape: readonly number[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain?: string,
  ): Value {
    return this.nodeMany(op, inputs, [shape], attributes, domain)[0];
  }

  reshape(value: Value, shape: readonly number[]): Value {
    if (elementCount(value.shape) !== elementCount(shape)) {
      throw new RangeError(`cannot reshape ${value.shape.join('×')} to ${shape.join('×')}`);
    }
    return this.node('Reshape', [value, this.ints(shape)], shape);
  }

  transpose(value: Value, perm: readonly number[]): Value {
    return this.node(
      'Transpose',
      [value],
      perm.map((axis) => value.shape[axis]),
      { perm },
    );
  }

  /** Elementwise binary operation with numpy broadcasting. */
  binary(op: 'Add' | 'Sub' | 'Mul' | 'Div', a: Value, b: Value): Value {
    return this.node(op, [a, b], broadcastShape(a.shape, b.shape));
  }

  unary(op: string, a: Value): Value {
    return this.node(op, [a], a.shape);
  }

  /** Sum (or mean) over `axes`, which are dropped. */
  reduce(op: 'ReduceSum' | 'ReduceMean' | 'ReduceSumSquare', a: Value, axes: readonly number[]): Value {
    const shape = a.shape.filter((_, axis) => !axes.includes(axis));
    return this.node(op, [a, this.ints(axes)], shape, { keepdims: 0 });
  }

  /** Elements `start[i] <= index < end[i]` of the named axes. */
  slice(a: Value, axes: readonly number[], start: readonly number[], end: readonly number[]): Value {
    const shape = a.shape.map((extent, axis) => {
      const at = axes.indexOf(axis);
      return at < 0 ? extent : end[at] - start[at];
    });
    return this.node('Slice', [a, this.ints(start), this.ints(end), this.ints(axes)], shape);
  }

  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 1) return values[0];
    const shape = values[0].shape.map((extent, i) =>
      i === axis ? values.reduce((sum, value) => sum + value.shape[axis], 0) : extent,
    );
    return this.node('Concat', values, shape, { axis });
  }

  split(value: Value, sizes: readonly number[], axis: number): Value[] {
    if (sizes.length === 1) return [value];
    const shapes = sizes.map((size) => value.shape.map((extent, i) => (i === axis ? size : extent)));
    return this.nodeMany('Split', [value, this.ints(sizes)], shapes, { axis });
  }

  /** Zeros around the last axes: `before[i]` and `after[i]` of axis `rank - before.length + i`. */
  pad(value: Value, before: readonly number[], after: readonly number[]): Value {
    const lead = value.shape.length - before.length;
    const zeros = new Array<number>(lead).fill(0);
    const shape = value.shape.map((extent, axis) =>
      axis < lead ? extent : extent + before[axis - lead] + after[axis - lead],
    );
    return this.node('Pad', [value, this.ints([...zeros, ...before, ...zeros, ...after])], shape);
  }

  record(entry: TapeEntry): Value {
    this.tape.push(entry);
    return entry.output;
  }

  /** The graph as an `.onnx` file. */
  encode(metadata?: Readonly<Record<string, string>>): Uint8Array {
    const { name, nodes, initializers, inputs, outputs } = this;
    return encodeModel({ name, nodes, initializers, inputs, outputs, ...(metadata ? { metadata } : {}) });
  }
}

function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new RangeError(`shapes ${a.join('×')} and ${b.join('×')} do not broadcast`);
    }
    return Math.max(left, right);
  });
}
