/**
 * Writes ONNX models, and reads the tensors of those. An ONNX file is one protocol-buffer message (`ModelProto`,
 * onnx/onnx.proto3); the few fields that a graph of ours needs are encoded here by hand: varints, length-delimited
 * messages, raw tensors.
 */

export type OnnxDtype = 'float32' | 'int64' | 'uint8' | 'bool' | 'float16' | 'int32';

/** ONNX's numbers for types. */
export const DTYPE_CODE: Record<OnnxDtype, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

export type Attribute =
  | number
  | string
  | readonly number[]
  | { float: number }
  | { floats: readonly number[] };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Integers and integer lists as such; floats wrapped, since 1 and 1.0 are different attribute types. */
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Operator set; '' is ONNX's own, 'com.microsoft' ONNX Runtime's contributed one. */
  readonly domain?: string;
}

export interface OnnxTensor {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: OnnxDtype;
  /** A string is a symbolic (free) extent. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly metadata?: Readonly<Record<string, string>>;
}

const OPSET = 18;
const IR_VERSION = 8;

/** Bytes of a protocol-buffer message, field by field. */
class Message {
  private readonly chunks: Uint8Array[] = [];
  private size = 0;
  private static readonly encoder = new TextEncoder();

  private push(bytes: Uint8Array): this {
    this.chunks.push(bytes);
    this.size += bytes.length;
    return this;
  }

  private varint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    do {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      bytes.push(rest > 0n ? low | 0x80 : low);
    } while (rest > 0n);
    return this.push(Uint8Array.from(bytes));
  }

  int(field: number, value: number | bigint): this {
    return this.varint(field << 3).varint(value);
  }

  float(field: number, value: number): this {
    this.varint((field << 3) | 5);
    return this.push(new Uint8Array(Float32Array.of(value).buffer));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.varint((field << 3) | 2)
      .varint(value.length)
      .push(value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Message.encoder.encode(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
}

function encodeAttribute(name: string, value: Attribute): Message {
  const out = new Message().text(1, name);
  if (typeof value === 'number') return out.int(3, value).int(20, 2);
  if (typeof value === 'string') return out.text(4, value).int(20, 3);
  if ('float' in value) return out.float(2, value.float).int(20, 1);
  if ('floats' in value) {
    for (const each of value.floats) out.float(7, each);
    return out.int(20, 6);
  }
  for (const each of value) out.int(8, each);
  return out.int(20, 7);
}

function encodeNode(node: OnnxNode, index: number): Message {
  const out = new Message();
  for (const name of node.inputs) out.text(1, name);
  for (const name of node.outputs) out.text(2, name);
  out.text(3, `${node.op}_${index}`).text(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) out.message(5, encodeAttribute(name, value));
  if (node.domain) out.text(7, node.domain);
  return out;
}

function encodeTensor(tensor: OnnxTensor): Message {
  const out = new Message();
  for (const extent of tensor.shape) out.int(1, extent);
  return out.int(2, DTYPE_CODE[tensor.dtype]).text(8, tensor.name).bytes(9, tensor.bytes);
}

function encodeValueInfo(info: OnnxValueInfo): Message {
  const shape = new Message();
  for (const extent of info.shape) {
    const dimension = new Message();
    if (typeof extent === 'string') dimension.text(2, extent);
    else dimension.int(1, extent);
    shape.message(1, dimension);
  }
  const tensorType = new Message().int(1, DTYPE_CODE[info.dtype]).message(2, shape);
  return new Message().text(1, info.name).message(2, new Message().message(1, tensorType));
}

/** The graph as an `.onnx` file (opset 18). */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const body = new Message();
  graph.nodes.forEach((node, index) => {
    body.message(1, encodeNode(node, index));
  });
  body.text(2, graph.name);
  for (const tensor of graph.initializers) body.message(5, encodeTensor(tensor));
  for (const input of graph.inputs) body.message(11, encodeValueInfo(input));
  for (const output of graph.outputs) body.message(12, encodeValueInfo(output));
  const model = new Message().int(1, IR_VERSION).text(2, 'kyn').message(7, body);
  const opsets: [string, number][] = [['', OPSET]];
  if (graph.nodes.some((node) => node.domain === 'com.microsoft')) opsets.push(['com.microsoft', 1]);
  for (const [domain, version] of opsets) model.message(8, new Message().text(1, domain).int(2, version));
  for (const [key, value] of Object.entries(graph.metadata ?? {})) {
    model.message(14, new Message().text(1, key).text(2, value));
  }
  return model.finish();
}

/** The fields of a message, in order: a number for a varint, bytes for what has a length or a fixed size. */
function* fieldsOf(bytes: Uint8Array): Generator<[field: number, value: number | Uint8Array]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length) throw new RangeError('the message ends within a number');
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError('the message ends within a field');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key % 8;
    if (kind !== 0 && kind !== 1 && kind !== 2 && kind !== 5)
      throw new RangeError(`no field is of kind ${kind}`);
    const value = kind === 0 ? varint() : take(kind === 2 ? varint() : kind === 1 ? 8 : 4);
    yield [Math.floor(key / 8), value];
  }
}

/** What fields of a kind that has a length hold, in order. */
function within(bytes: Uint8Array, field: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const [name, value] of fieldsOf(bytes)) {
    if (name === field && value instanceof Uint8Array) found.push(value);
  }
  return found;
}

/**
 * The constants of a model that {@link encodeModel} wrote, by name; their bytes are those of the file.
 * @throws RangeError if it is not whole.
 */
export function tensorsOf(model: Uint8Array): Map<string, OnnxTensor> {
  const dtypes = Object.entries(DTYPE_CODE) as [OnnxDtype, number][];
  const tensors = within(model, 7).flatMap((graph) => within(graph, 5));
  return new Map(
    tensors.map((message) => {
      const fields = [...fieldsOf(message)];
      const shape = fields.flatMap(([field, value]) =>
        field === 1 && typeof value === 'number' ? value : [],
      );
      const code = fields.find(([field]) => field === 2)?.[1];
      const dtype = dtypes.find((each) => each[1] === code)?.[0];
      const [name] = within(message, 8).map((text) => new TextDecoder().decode(text));
      const [raw] = within(message, 9);
      if (!dtype || name === undefined || !raw) throw new RangeError('a constant has no name, type or bytes');
      return [name, { name, dtype, shape, bytes: raw }];
    }),
  );
}
