/** The safetensors format: u64 header length, JSON header, tensors end to end (github.com/huggingface/safetensors). */

import { UserError } from '../gpu/errors.ts';
import { bf16ToF32, f16ToF32 } from '../gpu/floats.ts';
import { type RandomAccess, readExactly } from './files.ts';

/** In the order of the reference implementation, whose files have the last of these first. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
};

/** What the reference implementation allows. */
const MAX_HEADER_BYTES = 100_000_000;

export interface SafetensorsEntry {
  /** As the file spells it: F32, BF16, ... */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte in the file, and one past the last. */
  readonly begin: number;
  readonly end: number;
}

interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads the header alone. @throws UserError naming file and tensor when file and header do not fit together */
export async function readSafetensorsHeader(file: RandomAccess): Promise<SafetensorsHeader> {
  const start = file.size < 8 ? new Uint8Array() : await readExactly(file, 0, 8);
  const length = headerLength(start, file.size, file.name);
  return parseHeader(await readExactly(file, 8, length), file.size, file.name);
}

function headerLength(start: Uint8Array, fileSize: number, where: string): number {
  if (start.length < 8) {
    throw new UserError(
      `${where} is not a safetensors file: it has ${fileSize} bytes, the header alone needs 8 and more.`,
    );
  }
  const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) {
    throw new UserError(
      `${where} is not a safetensors file: such a file begins with the length of its header, and what this one begins with is none.`,
    );
  }
  if (length > fileSize - 8) {
    throw new UserError(
      `${where} is truncated or not a safetensors file: its header should have ${length} bytes, the file has ${fileSize} in all. ` +
        'Copy or download it again.',
    );
  }
  return length;
}

function parseHeader(bytes: Uint8Array, fileSize: number, where: string): SafetensorsHeader {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new UserError(`${where} is not a safetensors file: its header is not JSON (${(error as Error).message}).`);
  }
  if (!isRecord(json)) {
    throw new UserError(`${where} is not a safetensors file: its header is not a JSON object.`);
  }
  const { __metadata__: metadata = {}, ...entries } = json;
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw new UserError(`${where}: __metadata__ in the header must map names to strings.`);
  }
  const dataStart = 8 + bytes.length;
  const list = Object.entries(entries).map(
    ([name, entry]) => [name, parseEntry(name, entry, dataStart, where)] as const,
  );
  list.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let end = dataStart;
  for (const [name, entry] of list) {
    if (entry.begin !== end) {
      throw new UserError(
        `${where}: tensor ${name} begins at byte ${entry.begin} of the file, the one before it ends at ${end}. The header is broken.`,
      );
    }
    end = entry.end;
  }
  if (end !== fileSize) {
    const what = end > fileSize ? 'is truncated' : 'has bytes after its last tensor';
    throw new UserError(
      `${where} ${what}: its header describes ${end} bytes, the file has ${fileSize}. Copy or download it again.`,
    );
  }
  return { tensors: new Map(list), metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, entry: unknown, dataStart: number, where: string): SafetensorsEntry {
  const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
  if (typeof dtype !== 'string' || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw new UserError(`${where}: the header entry of tensor ${name} needs dtype, shape and data_offsets.`);
  }
  const size = Object.hasOwn(ELEMENT_BYTES, dtype) ? ELEMENT_BYTES[dtype] : undefined;
  if (size === undefined) {
    throw new UserError(
      `${where}: tensor ${name} is of the unknown type ${dtype}. Known: ${Object.keys(ELEMENT_BYTES).join(', ')}.`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const bytes = elements(shape) * size;
  if (end - begin !== bytes) {
    throw new UserError(
      `${where}: tensor ${name} of shape [${shape.join(', ')}] in ${dtype} takes ${bytes} bytes, its offsets give ${end - begin}. ` +
        'The header is broken.',
    );
  }
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

type SafetensorsArray = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint32Array | Uint8Array;

interface ParsedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** F16 and BF16 come as the Float32Array of the same numbers. */
  readonly data: SafetensorsArray;
}

/**
 * Reads a whole file out of memory (F32, F16, BF16, F64, I64, I32, U32, U8).
 * @param where the file's name, for messages
 * @throws UserError when the file is broken or has a tensor of another type
 */
export function parseSafetensors(
  bytes: Uint8Array,
  where = 'the safetensors file',
): { tensors: ReadonlyMap<string, ParsedTensor>; metadata: Readonly<Record<string, string>> } {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, where);
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.length, where);
  const tensors = new Map<string, ParsedTensor>();
  for (const [name, { dtype, shape, begin, end }] of header.tensors) {
    tensors.set(name, { dtype, shape, data: decode(bytes.slice(begin, end), dtype, `${where}: tensor ${name}`) });
  }
  return { tensors, metadata: header.metadata };
}

function decode(bytes: Uint8Array, dtype: string, where: string): SafetensorsArray {
  // A Node Buffer's slice is a view: copied once more, it starts at an aligned address.
  const buffer = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const of = <T>(type: new (b: ArrayBufferLike, at: number, n: number) => T, size: number) =>
    new type(buffer.buffer, buffer.byteOffset, buffer.length / size);
  switch (dtype) {
    case 'F32':
      return of(Float32Array, 4);
    case 'F16':
      return Float32Array.from(of(Uint16Array, 2), f16ToF32);
    case 'BF16':
      return Float32Array.from(of(Uint16Array, 2), bf16ToF32);
    case 'F64':
      return of(Float64Array, 8);
    case 'I64':
      return of(BigInt64Array, 8);
    case 'I32':
      return of(Int32Array, 4);
    case 'U32':
      return of(Uint32Array, 4);
    case 'U8':
      return buffer;
    default:
      throw new UserError(`${where} is ${dtype}. Readable here: F32, F16, BF16, F64, I64, I32, U32, U8.`);
  }
}

export interface TensorToWrite {
  readonly name: string;
  readonly dtype: 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'U32' | 'U8';
  readonly shape: readonly number[];
  /** Row-major values; F16 and BF16 as their 16-bit patterns. */
  readonly data: ArrayBufferView;
}

/**
 * The bytes of a safetensors file. The same tensors and metadata give the same bytes, in whatever order they come, and the
 * same as the reference implementation's: larger elements go first, so each tensor starts at a multiple of its element size.
 */
export function writeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const size = (t: TensorToWrite) => ELEMENT_BYTES[t.dtype] as number;
  const order = Object.keys(ELEMENT_BYTES);
  const rank = (t: TensorToWrite) => order.indexOf(t.dtype);
  const sorted = [...tensors].sort((a, b) => rank(b) - rank(a) || compare(a.name, b.name));
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) {
    header.__metadata__ = Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => compare(a, b)));
  }
  let end = 0;
  for (const tensor of sorted) {
    if (tensor.data.byteLength !== elements(tensor.shape) * size(tensor) || Object.hasOwn(header, tensor.name)) {
      throw new Error(
        `tensor ${tensor.name} [${tensor.shape.join(', ')}] ${tensor.dtype}: ${tensor.data.byteLength} bytes of data, or the name occurs twice`,
      );
    }
    const begin = end;
    end += tensor.data.byteLength;
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(json, 8);
  let at = 8 + headerBytes;
  for (const { data } of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
