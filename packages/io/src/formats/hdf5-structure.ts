/**
 * Where the values of an HDF5 dataset lie, found without the HDF5 library, for the structures that nearly all files
 * have: groups as symbol tables or as plain links, numbers in little-endian order, contiguous or chunked storage with
 * a version 1 B-tree, `shuffle` and `deflate` (The HDF Group, "HDF5 File Format Specification", versions 1.1 to 3.0;
 * section numbers below are its). Whatever else is met throws {@link NotPlain}: then the library reads the file.
 */
import type { ByteSource } from '../byte-source.ts';
import type { DtypeName } from '../plane.ts';
import { NotPlain, Piece, pieceAt, require } from './hdf5-piece.ts';

/** Where one chunk of a dataset lies. */
export interface StoredChunk {
  /** Its first element along every axis. */
  readonly start: readonly number[];
  readonly address: number;
  readonly bytes: number;
  /** Bit i is set where filter i was left out. */
  readonly skipped: number;
}

export interface PlainDataset {
  readonly shape: readonly number[];
  readonly dtype: DtypeName;
  readonly elementBytes: number;
  readonly storage:
    | { readonly kind: 'contiguous'; readonly address: number | undefined }
    | { readonly kind: 'chunked'; readonly chunk: readonly number[]; readonly tree: number | undefined };
  /** Filters in the order they were applied in. */
  readonly filters: readonly ('shuffle' | 'deflate')[];
  /** Attributes that are numbers. */
  readonly attributes: Readonly<Record<string, readonly number[]>>;
}

/** The dataset at `path` (`/volumes/raw`). @throws NotPlain where it is not there or not plain. */
export async function findDataset(file: ByteSource, path: string): Promise<PlainDataset> {
  let address = await rootAddress(file);
  for (const name of path.split('/').filter((part) => part !== '')) {
    address = await childAddress(file, await messagesAt(file, address), name);
  }
  return describe(await messagesAt(file, address));
}

/** II.A: the superblock, at the very start of the file. */
async function rootAddress(file: ByteSource): Promise<number> {
  const block = await pieceAt(file, 0, Math.min(file.size, 96));
  const version = block.u8(8);
  const sizesAt = version < 2 ? 13 : 9;
  require(version <= 3 && block.bytes.length === 96, 'superblock');
  require(block.u8(sizesAt) === 8 && block.u8(sizesAt + 1) === 8, 'addresses are not 8 bytes wide');
  const base = version === 0 ? 24 : version === 1 ? 28 : 12;
  require(block.u64(base) === 0, 'base address');
  require(block.u64(base + 16) <= file.size, 'the file is cut short');
  return block.u64(version < 2 ? base + 40 : base + 24);
}

interface Message {
  readonly type: number;
  readonly body: Piece;
}

/** Message types (IV.A.2). */
const DATASPACE = 0x01;
const LINK_INFO = 0x02;
const DATATYPE = 0x03;
const OLD_FILL_VALUE = 0x04;
const FILL_VALUE = 0x05;
const LINK = 0x06;
const EXTERNAL_FILES = 0x07;
const LAYOUT = 0x08;
const FILTERS = 0x0b;
const ATTRIBUTE = 0x0c;
const CONTINUATION = 0x10;
const SYMBOL_TABLE = 0x11;
const ATTRIBUTE_INFO = 0x15;

/** Stored elsewhere and shared: not followed. */
const SHARED = 0x02;

/** IV.A.1: all messages of an object header. */
async function messagesAt(file: ByteSource, address: number): Promise<Message[]> {
  const head = await pieceAt(file, address, 16);
  if (head.text(0, 4) === 'OHDR') return newHeader(file, address, head);
  require(head.u8(0) === 1, 'object header');
  const found: Message[] = [];
  const blocks = [await pieceAt(file, address + 16, head.u32(8))];
  for (let block = blocks.pop(); block; block = blocks.pop()) {
    for (let at = 0; at + 8 <= block.bytes.length; ) {
      const body = block.part(at + 8, block.u16(at + 2));
      await take(file, { type: block.u16(at), body }, block.u8(at + 4), found, blocks);
      at += 8 + body.bytes.length;
    }
  }
  return found;
}

async function newHeader(file: ByteSource, address: number, head: Piece): Promise<Message[]> {
  const flags = head.u8(5);
  const sizeAt = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
  const sizeBytes = 1 << (flags & 3);
  const size = (await pieceAt(file, address + sizeAt, sizeBytes)).sized(0, sizeBytes);
  const headLength = flags & 4 ? 6 : 4;
  const found: Message[] = [];
  const blocks = [await pieceAt(file, address + sizeAt + sizeBytes, size)];
  for (let block = blocks.pop(); block; block = blocks.pop()) {
    // a continued block begins with its name and ends with its checksum
    const continued = block.bytes.length >= 8 && block.text(0, 4) === 'OCHK';
    const end = block.bytes.length - (continued ? 4 : 0);
    for (let at = continued ? 4 : 0; at + headLength <= end; ) {
      const body = block.part(at + headLength, block.u16(at + 1));
      await take(file, { type: block.u8(at), body }, block.u8(at + 3), found, blocks);
      at += headLength + body.bytes.length;
    }
  }
  return found;
}

async function take(
  file: ByteSource,
  message: Message,
  flags: number,
  found: Message[],
  blocks: Piece[],
): Promise<void> {
  require((flags & SHARED) === 0, 'shared message');
  if (message.type === CONTINUATION) {
    blocks.push(await pieceAt(file, message.body.u64(0), message.body.u64(8)));
  } else {
    found.push(message);
  }
}

function bodyOf(messages: readonly Message[], type: number): Piece | undefined {
  return messages.find((message) => message.type === type)?.body;
}

/** Address of the object header of `name` in a group. */
async function childAddress(file: ByteSource, group: readonly Message[], name: string): Promise<number> {
  const table = bodyOf(group, SYMBOL_TABLE);
  if (table) return fromSymbolTable(file, table.u64(0), table.u64(8), name);
  const info = bodyOf(group, LINK_INFO);
  if (info) require(info.address(info.u8(1) & 1 ? 10 : 2) === undefined, 'links in a heap');
  for (const { type, body } of group) {
    if (type !== LINK) continue;
    const flags = body.u8(1);
    require(body.u8(0) === 1 && (flags & 8) === 0, 'link that is not hard');
    const lengthAt = 2 + (flags & 4 ? 8 : 0) + (flags & 0x10 ? 1 : 0);
    const lengthBytes = 1 << (flags & 3);
    const length = body.sized(lengthAt, lengthBytes);
    const nameAt = lengthAt + lengthBytes;
    if (body.text(nameAt, length) === name) return body.u64(nameAt + length);
  }
  throw new NotPlain(`no ${name}`);
}

/** III.A.1, III.B, III.D: a group's names are in its local heap, their addresses in the leaves of its B-tree. */
async function fromSymbolTable(file: ByteSource, tree: number, heap: number, name: string): Promise<number> {
  const heapHead = await pieceAt(file, heap, 32);
  require(heapHead.text(0, 4) === 'HEAP', 'heap');
  const names = await pieceAt(file, heapHead.u64(24), heapHead.u64(8));
  const nodes = [tree];
  for (let address = nodes.pop(); address !== undefined; address = nodes.pop()) {
    const head = await pieceAt(file, address, 24);
    if (head.text(0, 4) === 'TREE') {
      const count = head.u16(6);
      const body = await pieceAt(file, address + 24, 8 + 16 * count);
      for (let i = 0; i < count; i++) nodes.push(body.u64(8 + 16 * i));
      continue;
    }
    require(head.text(0, 4) === 'SNOD', 'symbol table');
    const count = head.u16(6);
    const entries = await pieceAt(file, address + 8, 40 * count);
    for (let i = 0; i < count; i++) {
      const nameAt = entries.u64(40 * i);
      if (names.text(nameAt, names.bytes.length - nameAt) !== name) continue;
      require(entries.u32(40 * i + 16) !== 2, 'soft link');
      return entries.u64(40 * i + 8);
    }
  }
  throw new NotPlain(`no ${name}`);
}

function describe(messages: readonly Message[]): PlainDataset {
  const [space, type, layout] = [DATASPACE, DATATYPE, LAYOUT].map((each) => bodyOf(messages, each));
  require(space !== undefined && type !== undefined && layout !== undefined, 'not a dataset');
  require(bodyOf(messages, EXTERNAL_FILES) === undefined, 'external files');
  checkFillValue(messages);
  const { dtype, bytes } = numberType(type);
  const shape = extents(space);
  return {
    shape,
    dtype,
    elementBytes: bytes,
    storage: storageOf(layout, shape.length),
    filters: filtersOf(bodyOf(messages, FILTERS), bytes),
    attributes: attributesOf(messages),
  };
}

/** IV.A.2.b. */
function extents(space: Piece): number[] {
  const version = space.u8(0);
  const rank = space.u8(1);
  require(version === 1 || (version === 2 && space.u8(3) === 1), 'dataspace');
  require(rank > 0, 'no extent');
  return Array.from({ length: rank }, (_, axis) => space.u64((version === 1 ? 8 : 4) + 8 * axis));
}

/** IV.A.2.d: integers and IEEE floats, little-endian, all bits in use. */
function numberType(type: Piece): { dtype: DtypeName; bytes: number } {
  const kind = type.u8(0) & 0x0f;
  const flags = type.u8(1);
  const bytes = type.u32(4);
  require(kind <= 1 && (flags & 1) === 0 && type.u16(8) === 0 && type.u16(10) === 8 * bytes, 'datatype');
  if (kind === 0) {
    require([1, 2, 4, 8].includes(bytes), 'integer');
    return { dtype: `${flags & 8 ? 'int' : 'uint'}${8 * bytes}` as DtypeName, bytes };
  }
  const ieee = bytes === 4 ? [23, 8, 0, 23, 127] : [52, 11, 0, 52, 1023];
  const found = [type.u8(12), type.u8(13), type.u8(14), type.u8(15), type.u32(16)];
  require((flags & 0x40) === 0 && (bytes === 4 || bytes === 8), 'float');
  require(ieee.every((value, i) => value === found[i]), 'float');
  return { dtype: `float${8 * bytes}` as DtypeName, bytes };
}

/** IV.A.2.i, version 3; contiguous storage is the same in version 4. */
function storageOf(layout: Piece, rank: number): PlainDataset['storage'] {
  const version = layout.u8(0);
  const kind = layout.u8(1);
  if (kind === 1 && (version === 3 || version === 4)) {
    return { kind: 'contiguous', address: layout.address(2) };
  }
  require(kind === 2 && version === 3 && layout.u8(2) === rank + 1, 'layout');
  const chunk = Array.from({ length: rank }, (_, axis) => layout.u32(11 + 4 * axis));
  require(chunk.every((extent) => extent > 0), 'empty chunks');
  return { kind: 'chunked', chunk, tree: layout.address(3) };
}

/** IV.A.2.l. */
function filtersOf(message: Piece | undefined, elementBytes: number): PlainDataset['filters'] {
  if (!message) return [];
  const version = message.u8(0);
  require(version === 1 || version === 2, 'filters');
  const found: ('shuffle' | 'deflate')[] = [];
  for (let i = 0, at = version === 1 ? 8 : 2; i < message.u8(1); i++) {
    const id = message.u16(at);
    require(id === 1 || id === 2, 'filter');
    const nameBytes = version === 1 ? Math.ceil(message.u16(at + 2) / 8) * 8 : 0;
    const valuesAt = at + (version === 1 ? 8 : 6);
    const count = message.u16(valuesAt - 2);
    if (id === 2) require(count === 0 || message.u32(valuesAt + nameBytes) === elementBytes, 'shuffle');
    found.push(id === 1 ? 'deflate' : 'shuffle');
    at = valuesAt + nameBytes + 4 * (version === 1 ? count + (count % 2) : count);
  }
  return found;
}

/** IV.A.2.e, IV.A.2.f: chunks that were never written are taken as 0. */
function checkFillValue(messages: readonly Message[]): void {
  const old = bodyOf(messages, OLD_FILL_VALUE);
  const now = bodyOf(messages, FILL_VALUE);
  const values: Uint8Array[] = [];
  if (old) values.push(old.bytes.subarray(4, 4 + old.u32(0)));
  if (now && now.u8(0) < 3 && (now.u8(0) === 1 || now.u8(3) !== 0)) {
    values.push(now.bytes.subarray(8, 8 + now.u32(4)));
  }
  if (now && now.u8(0) === 3 && now.u8(1) & 0x20) values.push(now.bytes.subarray(6, 6 + now.u32(2)));
  require(values.every((value) => value.every((byte) => byte === 0)), 'fill value');
}

/** IV.A.2.m: those that are numbers; texts and the rest are left out. */
function attributesOf(messages: readonly Message[]): Record<string, number[]> {
  const info = bodyOf(messages, ATTRIBUTE_INFO);
  if (info) require(info.address(info.u8(1) & 1 ? 4 : 2) === undefined, 'attributes in a heap');
  const found: Record<string, number[]> = {};
  for (const { type, body } of messages) {
    if (type !== ATTRIBUTE) continue;
    const version = body.u8(0);
    require(version >= 1 && version <= 3 && (version === 1 || body.u8(1) === 0), 'attribute');
    const sizes = [body.u16(2), body.u16(4), body.u16(6)];
    const padded = sizes.map((size) => (version === 1 ? Math.ceil(size / 8) * 8 : size));
    const nameAt = version === 3 ? 9 : 8;
    const typeAt = nameAt + padded[0];
    const spaceAt = typeAt + padded[1];
    const name = body.text(nameAt, sizes[0]);
    const numbers = readNumbers(
      body.part(typeAt, sizes[1]),
      body.part(spaceAt, sizes[2]),
      body.bytes.subarray(spaceAt + padded[2]),
    );
    if (numbers) found[name] = numbers;
  }
  return found;
}

function readNumbers(type: Piece, space: Piece, data: Uint8Array): number[] | undefined {
  if ((type.u8(0) & 0x0f) > 1 || space.u8(1) === 0) return undefined; // no number, or a single one
  const { dtype, bytes } = numberType(type);
  const count = extents(space).reduce((product, extent) => product * extent, 1);
  const piece = new Piece(data).part(0, count * bytes);
  return Array.from({ length: count }, (_, i) => {
    if (dtype.startsWith('float')) return piece.float(i * bytes, bytes);
    const value = piece.sized(i * bytes, bytes);
    return dtype.startsWith('int') && value >= 2 ** (8 * bytes - 1) ? value - 2 ** (8 * bytes) : value;
  });
}

/** A node of the index of chunks; children are chunks where the level is 0, else nodes. */
interface IndexNode {
  readonly level: number;
  readonly children: readonly StoredChunk[];
  /** Where the next node of its level begins, along all axes; of use above level 0. */
  readonly end: readonly number[];
}

/** Nodes that are kept, a few kilobytes each: the way down to the next chunks is mostly the way to the last ones. */
const KEPT_NODES = 64;

/** The index of a dataset's chunks (III.A.1, node type 1). */
export class ChunkIndex {
  private readonly kept = new Map<number, IndexNode>();

  constructor(
    private readonly file: ByteSource,
    private readonly dataset: PlainDataset,
  ) {}

  /**
   * The chunks that overlap `from` to `to` along one axis. Only the nodes that may hold some are read.
   * @param axis the axis that `from` and `to` (not included) count along; those before it have extent 1
   */
  async between(axis: number, from: number, to: number): Promise<StoredChunk[]> {
    const { storage } = this.dataset;
    if (storage.kind !== 'chunked' || storage.tree === undefined) return [];
    const deep = storage.chunk[axis];
    const found: StoredChunk[] = [];
    const nodes = [storage.tree];
    for (let address = nodes.pop(); address !== undefined; address = nodes.pop()) {
      const { level, children, end } = await this.node(address);
      for (const [i, child] of children.entries()) {
        if (child.start[axis] >= to) continue;
        if (level > 0) {
          const next = children[i + 1]?.start ?? end;
          if (next[axis] + deep > from) nodes.push(child.address);
        } else if (child.start[axis] + deep > from) found.push(child);
      }
    }
    return found;
  }

  private async node(address: number): Promise<IndexNode> {
    const known = this.kept.get(address);
    if (known) return known;
    const rank = this.dataset.shape.length;
    const keyBytes = 8 + 8 * (rank + 1);
    const head = await pieceAt(this.file, address, 24);
    require(head.text(0, 4) === 'TREE' && head.u8(4) === 1, 'chunk index');
    const count = head.u16(6);
    const body = await pieceAt(this.file, address + 24, count * (keyBytes + 8) + keyBytes);
    const startOf = (i: number) =>
      Array.from({ length: rank }, (_, a) => body.u64(i * (keyBytes + 8) + 8 + 8 * a));
    const children = Array.from({ length: count }, (_, i): StoredChunk => {
      const key = i * (keyBytes + 8);
      return {
        start: startOf(i),
        address: body.u64(key + keyBytes),
        bytes: body.u32(key),
        skipped: body.u32(key + 4),
      };
    });
    const level = head.u8(5);
    const node = { level, children, end: level > 0 ? startOf(count) : [] };
    for (const oldest of this.kept.keys()) {
      if (this.kept.size < KEPT_NODES) break;
      this.kept.delete(oldest);
    }
    this.kept.set(address, node);
    return node;
  }
}
