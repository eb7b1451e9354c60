/**
 * Writes ONNX models. An ONNX file is one protocol-buffer message (`ModelProto`, onnx/onnx.proto3); the few
 * fields that a graph of ours needs are encoded here by hand: varints, length-delimited messages, raw tensors.
 */

export type OnnxDtype = 'float32' | 'int64' | 'uint8' | 'bool' | 'float16' | 'int32';

const DTYPE_CODE: Record<OnnxDtype, number> = {
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
